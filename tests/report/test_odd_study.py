"""The whole report of a study that is unlike the exercise in every way.

It is built in this process, so that it takes half the time: a planted function runs the notebooks'
cells one after the other without kernels, and classifiers learn for a moment only.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from conftest import ROOT
from PIL import Image

from glo_core import data, training
from glo_core.classifier import train_classifier
from glo_core.measures import subject
from glo_core.runs import store
from reports import build as builder
from reports import study
from reports.bind.outputs import ExecutedSection
from reports.show import publish

pytestmark = pytest.mark.slow

# Three named classes, one σ, one loss, two seeds. The frontier and the mistakes are at the sweep's
# one σ, so that there are fewer models.
PARAMETERS = {
    "data": "my $x pets",
    "n": 65,
    "epochs": 1,
    "batch_size": 8,
    "sigmas": [0.1],
    "losses": ["l2"],
    "chosen_loss": "l2",
    "seeds": [3, 4],
    "frontier_sigmas": [0.1],
    "trap_sigma": 0.1,
    "handed_in_sigmas": [0.1],
    "unseen": 1000,
    "betas": [1],
    "threads": 1,
}
CLASSES = {1: "cat", 7: "a long dog's name", 8: "ant"}


def save_images(folder: Path) -> None:
    """Forty digits of three classes as files, in a folder for each class."""
    real = data.load("mnist-5k", 600).train
    for label, name in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for k in torch.nonzero(real.labels == label)[:40, 0].tolist():
            pixels = (real.images[k] * 255).byte().numpy()
            Image.fromarray(pixels).save(folder / name / f"{k}.png")


def run_here(stamps: Any, values: dict[str, Any], folder: Path, threads: int) -> Any:
    """Runs the sections' notebooks as `reports.sections.run_sections` does, but without kernels."""
    return [ExecutedSection(path.stem, executed(path, values)) for path in stamps]


def executed(path: Path, values: dict[str, Any]) -> Any:
    """A notebook with the outputs of its cells."""
    notebook: Any = nbformat.read(path, as_version=4)
    names: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(publish, "display", partial(keep, cell.outputs))
                exec(compile(cell.source, path.name, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= values
    return notebook


def keep(outputs: list[Any], data: dict[str, Any], metadata: Any = None, raw: bool = True) -> None:
    """Stands in for IPython's `display`."""
    new_output = nbformat.v4.new_output
    outputs.append(new_output("display_data", data, metadata=metadata or {}))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report."""
    root = tmp_path_factory.mktemp("odd")
    save_images(root / "my $x pets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "train_classifier", partial(train_classifier, steps=300))
        patch.setattr(training, "SWAP_STEPS", 20)
        patch.setattr(subject, "MEASURED", 40)  # fewer than there are
        patch.setattr(study, "ROOT", root)
        patch.setattr(builder, "BUILD", root / "build")
        patch.setattr(builder, "run_sections", run_here)
        (root / "build").mkdir()
        builder.build(str(ROOT / "reports" / "quick.yaml"), PARAMETERS)
    return root / "build"


def test_it_claims_no_more_than_it_shows(built):
    page = BeautifulSoup((built / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert "my $x pets" in page.find(id="sec-digits").text
    assert "the old report's choice" not in page.text
    assert "3, 4; figures show images of the first" in page.find(id="tbl-run").text
    assert "cannot be decided here" in page.find(id="tbl-claims").text


def test_its_results_are_of_what_was_trained(built):
    results = json.loads((built / "results.json").read_text(encoding="utf-8"))
    holds = {
        finding["id"]: [verdict["holds"] for verdict in finding["verdicts"].values()]
        for finding in results["findings"]
    }
    assert holds == {k: [None, None] for k in range(1, 6)}
    labels = {figure["label"] for figure in results["figures"]}
    assert {label for label in labels if label.startswith("fig-epochs")} == {"fig-epochs-l2"}
    assert results["provenance"]["seeds"]["models"] == [3, 4]


def test_its_paper_is_written(built):
    assert (built / "report.pdf").read_bytes().startswith(b"%PDF")
