"""The abstract of the report, with its numbers from the sections' results."""

from collections.abc import Mapping, Sequence
from typing import Any

from glo_core.measures.leakage import PROBES
from reports.answers.text import Text
from reports.schema import Finding
from reports.study import Study


def abstract(study: Study, findings: Sequence[Finding], results: Mapping[str, Any]) -> str:
    """The abstract's Markdown.

    Args:
        study: Whose report it is.
        findings: All claims of the old report, with what became of them.
        results: What each section recorded, by the section's name.

    Raises:
        KeyError: A section has not recorded a number that the abstract states.
    """
    facts = {
        "images": len(study.digits),
        "sigmas": study.sigmas,
        "losses": study.losses,
        "claims": len(findings),
        "holding": {
            name: sum(finding.verdicts[name].holds is True for finding in findings)
            for name in findings[0].verdicts
        },
        "best": results["discussion"]["best"],
        "reached": results["comparison"]["reached"],
        "target_reached": results["comparison"]["target_reached"],
        "probes": len(PROBES),
        "chance": results["noise"]["chance"],
    }
    return Text("abstract", study.digits.mnist).part("abstract", facts)
