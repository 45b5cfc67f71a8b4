"""The snippets of docs/python.md run one after another, and the library where nothing else is."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from typing import Any

import onnxruntime
import pytest
import torch
from conftest import ROOT

import glo_core

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the snippets' names stand for at the end, and the folder that they ran in."""
    folder = tmp_path_factory.mktemp("a notebook of one's own")
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for snippet in SNIPPETS:
            exec(compile(snippet, "docs/python.md", "exec"), names)
    return names | {"folder": folder}


# --- snippets ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_reconstructions_and_conversions_are_images_of_their_own(names):
    fours, digits = names["fours"], names["digits"]
    assert names["losses"][-1] < names["losses"][0]
    assert (names["reconstructions"] - digits.images[fours]).abs().mean() < 0.1
    assert names["nines"].shape == (len(fours), 28, 28)
    assert names["encoded"].shape == (8, 25)
    assert names["of_dots"].class_table.shape == (2, 25)


@pytest.mark.slow
def test_unseen_images_are_reconstructed_converted_and_classified(names):
    unseen = names["unseen"]
    errors, of_converted = (
        (names[name] - unseen.images).abs().mean() for name in ("again", "converted")
    )
    assert errors < unseen.images.mean() < 2 * of_converted
    assert names["remaining"].shape == (8, 10)
    assert (names["classes"] == names["remaining"].argmin(1)).all()


@pytest.mark.slow
def test_images_from_scratch_have_the_classes_that_were_asked_for(names):
    assert names["each_class"].shape == (10, 28, 28)
    assert names["random"].shape == (5, 25)
    assert names["sevens"].std(0).max() > 0.01


@pytest.mark.slow
def test_a_model_is_kept_handed_on_and_refused_when_damaged(names):
    folder, model = names["folder"], names["model"]
    assert len(list((folder / "runs").glob("l*/run.json"))) == len(names["recipes"]) == 4
    for opened in (names["opened"], glo_core.open_model(folder / "model").glo):
        assert torch.equal(opened.reconstruct(names["fours"]), names["reconstructions"])
        assert opened.recipe == model.recipe
    assert names["class_names"] == names["digits"].class_names
    assert "model.safetensors" in names["reason"]


@pytest.mark.slow
def test_exports_do_what_the_models_do(names):
    assert abs(names["exported"] - names["again"].numpy()).max() < 1e-5
    unseen, path = names["unseen"], names["folder"] / "encoder.onnx"
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"images": unseen.images.numpy(), "class": unseen.labels.numpy()})
    assert abs(found - names["encoded"].numpy()).max() < 1e-5


@pytest.mark.slow
def test_scikit_learns_classifier_scores_better_than_chance(names):
    assert names["accuracy"] > 0.2
    assert names["features"].shape == (8, 25)
    path = names["folder"] / "of scikit-learn.safetensors"
    assert glo_core.open_model(path).class_names == tuple("0123456789")


def test_every_name_of_the_face_is_shown():
    words = set(re.findall(r"\w+", " ".join(SNIPPETS) + " ".join(re.findall(r"`(.+?)`", PAGE))))
    assert set(glo_core.__all__) - {"__version__"} - words == set()


# --- without the rest of the project -------------------------------------------------------------

ALONE = """
    import sys
    sys.modules["reports"] = None  # whoever imports it fails
    import torch
    import glo_core
    from glo_core import Digits, Recipe, open_model, save_model
    from glo_core.estimator import GloClassifier
    from glo_core.onnx import export_generator
    from glo_core.runs.store import Store
    from glo_core.runs.sweep import sweep

    assert glo_core.__file__.startswith(sys.argv[1])
    digits = Digits(torch.rand(20, 28, 28), torch.arange(20) % 2, ("a", "b"), "noise")
    (model,) = sweep([Recipe(epochs=1)], digits, Store("runs"))
    save_model(model, digits.class_names, "model.safetensors")
    assert open_model("model.safetensors").class_names == ("a", "b")
"""


@pytest.mark.slow
def test_the_library_works_where_it_was_installed_without_the_rest(tmp_path):
    installed, elsewhere = tmp_path / "site-packages", tmp_path / "else where"
    elsewhere.mkdir()
    shutil.copytree(ROOT / "glo_core", installed / "glo_core")  # with what Numba has compiled
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ALONE), str(installed)],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(elsewhere)) == ["model.safetensors", "runs"]
    assert os.listdir(installed) == ["glo_core"]
