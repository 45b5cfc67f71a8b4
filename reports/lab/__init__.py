"""The lab: boards of live pictures and controls over trained models, for Jupyter.

Each board is a function of a study that returns a `Board`: a box of widgets, whose `controls` and
`view` can be linked to other widgets by whoever writes a notebook.
"""

from typing import Any

from glo_core.provenance import ROOT
from reports.study import Study, open_study

PARAMETER_FILES = ("full", "quick")


def open_lab(overrides: dict[str, Any] | None = None) -> Study:
    """The study of the full report, if the store has more of its models, or else of the quick one.

    `overrides` replace parameters, such as {"data": "<folder>"}. Trains nothing. Raises what
    `open_study` does.
    """
    files = (ROOT / "reports" / f"{name}.yaml" for name in PARAMETER_FILES)
    studies = [open_study(file, overrides) for file in files]
    found = [sum(map(study.has, study.parameters.recipes())) for study in studies]
    return studies[1] if found[1] >= found[0] else studies[0]
