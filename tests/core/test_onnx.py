"""Exported networks, run by onnxruntime beside PyTorch's."""

import os
import sys

import onnxruntime
import pytest
import torch

from glo_core import Recipe, train
from glo_core.onnx import export_encoder, export_generator
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.runs.trainers import trainer_of
from reports.traps import with_traps

SHORT = {"epochs": 2, "batch_size": 16}
RECIPES = {
    "plain": Recipe(**SHORT, sigma=1.0),
    "pyramid without class codes": Recipe(**SHORT, loss="laplacian", class_dim=0, content_dim=3),
    "lord": LordRecipe(**SHORT, encoder_epochs=2),
    "cvae": CvaeRecipe(**SHORT),
    "train mode": with_traps(Recipe(**SHORT), "train_mode"),
}
BATCHES = (1, 2, 3, 100)
# Of grey levels in [0, 1], and of content codes, which are about as wide as N(0, 1).
ERROR = 1e-5


@pytest.fixture(scope="module")
def trained(digits):
    models = dict(zip(RECIPES, train([*RECIPES.values()], digits), strict=True))
    return {kind: trainer_of(glo.recipe).restored(glo) for kind, glo in models.items()}


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("kind", ["plain", "pyramid without class codes", "cvae"])
def test_the_generator_generates_what_pytorch_does(kind, trained, tmp_path):
    glo, path = trained[kind], tmp_path / "a folder" / "generator.onnx"
    export_generator(glo, path)
    assert os.listdir(path.parent) == [path.name]
    exported, stream = session(path), torch.Generator().manual_seed(0)
    for count in BATCHES:
        classes = torch.randint(len(glo.class_table), (count,), generator=stream)
        content = 3 * torch.randn(count, glo.content_table.shape[1], generator=stream)
        found = exported.run(["images"], {"class": classes.numpy(), "content": content.numpy()})
        expected = glo.decode(classes, content)
        assert found[0].shape == (count, 28, 28)
        torch.testing.assert_close(torch.tensor(found[0]), expected, rtol=0, atol=ERROR)
        assert count == 1 or expected.std(0).max() > 100 * ERROR  # images differ


@pytest.mark.parametrize("kind", ["lord", "cvae"])
def test_the_encoder_encodes_as_pytorch_does(kind, trained, tmp_path):
    glo, path = trained[kind], tmp_path / "encoder.onnx"
    export_encoder(glo, path)
    exported, stream = session(path), torch.Generator().manual_seed(0)
    for count in BATCHES:
        images = torch.rand(count, 28, 28, generator=stream)
        classes = torch.randint(len(glo.class_table), (count,), generator=stream)
        found = exported.run(["content"], {"images": images.numpy(), "class": classes.numpy()})
        expected = glo.encode(images, classes)
        torch.testing.assert_close(torch.tensor(found[0]), expected, rtol=0, atol=ERROR)
        assert count == 1 or expected.std(0).max() > 100 * ERROR


def test_a_file_that_is_there_is_replaced(trained, tmp_path):
    path = tmp_path / "model.onnx"
    export_encoder(trained["cvae"], path)
    export_generator(trained["plain"], str(path))
    assert [each.name for each in session(path).get_inputs()] == ["class", "content"]
    assert os.listdir(tmp_path) == [path.name]


def test_what_an_export_cannot_do_is_said(trained, tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="its own statistics"):
        export_generator(trained["train mode"], path)
    with pytest.raises(ValueError, match="method = 'glo': this model has no encoder"):
        export_encoder(trained["plain"], path)
    assert os.listdir(tmp_path) == []


def test_a_package_that_is_missing_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"^onnxscript must be installed.*pip install onnx"):
        export_generator(trained["plain"], tmp_path / "model.onnx")
