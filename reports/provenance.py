"""What a report is made from: stamps, which change when it does, and its provenance in words.

A stamp is a hash. A section's notebook is run again only if the section's stamp has changed, and
the report is built again only if the report's has. Comments and docstrings of modules do not count.
"""

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import glo_core
from glo_core.measures import evaluation
from glo_core.provenance import imported, syntax_hash
from glo_core.recorder import PANEL_SEED
from glo_core.runs.store import run_key
from reports import fonts
from reports.notebooks import code_cells
from reports.study import ROOT, Study

LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "mlxtend",
    "matplotlib",
    "pillow",
    "imageio",
    "papermill",
    "nbconvert",
    "pypandoc_binary",
    "typst",
)
# What the page and the paper are made from beside code, below `reports/`.
BINDER_FILES = (
    "references.bib",
    "answers/abstract.md",
    "bind/templates/[!.]*.*",
    "show/elements/[!.]*.*",
)


def section_stamp(study: Study, notebook: Path) -> str:
    """A hash of everything that a section's outputs depend on."""
    parameters, splits = study.parameters, study.splits
    content = [
        code_stamp(notebook),
        json.dumps(parameters.content()),
        study.hint,
        study.digits.source,
    ]
    content += [splits.judge.fingerprint, splits.test.fingerprint]
    content += [run_key(recipe, study.digits) for recipe in parameters.recipes()]
    content += [evaluation.version(name) for name in evaluation.MEASURES]
    content += fonts.further("".join([*study.digits.class_names, study.digits.source]))
    content += [f"{name} {version(name)}" for name in LIBRARIES]
    return _hash(*content)


def with_weights(stamp: str, study: Study) -> str:
    """A section's stamp and the weights of all that was trained, which must be in the store.

    A model that had to be trained anew, without those that it was trained beside, has the same name
    and other last bits.
    """
    weights = (study.store.weights_hash(key) for key in study.keys(*study.models))
    return _hash(stamp, study.judge_weights, *weights)


def code_stamp(notebook: Path, root: Path = ROOT) -> str:
    """A hash of a section's notebook, its words, and the code of the modules that it imports.

    Args:
        notebook: `notebooks/20-noise.ipynb`, say, whose words are in `reports/answers/noise.md`.
        root: The project's folder.
    """
    modules = {module for cell in code_cells(notebook) for module in imported(cell, root)}
    answers = root / "reports" / "answers"
    stems = {notebook.stem.partition("-")[2], *(m.stem for m in modules if m.parent == answers)}
    words = sorted(path for path in answers.glob("*.md") if path.stem in stems)
    return _hash(*(path.read_bytes() for path in (notebook, *words)), syntax_hash(modules))


def report_stamp(sections: Iterable[str], root: Path = ROOT) -> str:
    """A hash of the sections' stamps and of all that binds them into documents."""
    builder = root / "reports" / "build.py"
    modules = {builder, *imported(builder.read_text(encoding="utf-8"), root)}
    files = [path for name in BINDER_FILES for path in sorted((root / "reports").glob(name))]
    return _hash(*sections, syntax_hash(modules), *(path.read_bytes() for path in files))


def _hash(*content: str | bytes) -> str:
    parts = (part.encode() if isinstance(part, str) else part for part in content)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def provenance(study: Study, stamp: str) -> dict[str, Any]:
    """Where every number comes from, for `results.json`."""
    parameters = study.parameters.model_dump(mode="json")
    return {
        "stamp": stamp,
        "data": {"source": study.digits.source, "fingerprint": study.digits.fingerprint},
        "parameters": parameters,
        "seeds": {
            "models": parameters["seeds"],
            "pick": parameters["pick_seed"],
            "panel": PANEL_SEED,
        },
        "threads": sorted({glo.history.threads for glo in study.models.values()}),
        "versions": {
            "glo_core": glo_core.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
        "machine": {"processor": platform.machine(), "system": platform.system()},
        "runs": [run_key(recipe, study.digits) for recipe in study.models],
    }
