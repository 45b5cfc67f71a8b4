"""The data of the live decoder. That it generates what PyTorch generates is tested in a browser."""

import base64
import json
import zlib
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bs4 import BeautifulSoup

from glo_core.recipe import Recipe
from glo_core.runs.trainers import train
from reports.show.live import MOVED, SPREAD, Shown, decoder, directions, packed, walks, weights


def generated(held: dict[str, torch.Tensor], codes: torch.Tensor) -> torch.Tensor:
    """The plain layers, without BatchNorm."""
    hidden = codes
    for layer in (0, 2, 4):
        hidden = F.relu(F.linear(hidden, held[f"{layer}.weight"], held[f"{layer}.bias"]))
    hidden = F.interpolate(hidden.view(-1, 16, 5, 5), scale_factor=2)
    hidden = F.relu(F.conv_transpose2d(hidden, held["8.weight"], held["8.bias"]))
    hidden = F.interpolate(hidden, scale_factor=2)
    last = F.conv_transpose2d(hidden, held["12.weight"], held["12.bias"], padding=2)
    return last.sigmoid()[:, 0]


def unpacked(held) -> list[dict[str, torch.Tensor]]:
    planes = np.frombuffer(zlib.decompress(base64.b64decode(held["halves"])), np.uint8)
    halves = torch.from_numpy(planes.reshape(2, -1).T.copy().view(np.float16)[:, 0]).float()
    models = halves.split([sum(size for _, size in parts) for parts in held["models"]])
    found = []
    for parts, each in zip(held["models"], models, strict=True):
        names, sizes = zip(*parts, strict=True)
        found.append(dict(zip(names, each.split(sizes), strict=True)))
    return found


def places(held) -> dict[str, list[int]]:
    """Which models each method shows."""
    return {each["name"]: [level["model"] for level in each["levels"]] for each in held["methods"]}


@pytest.fixture(scope="module")
def short(digits):
    """A model whose content codes have fewer numbers."""
    return train([Recipe(content_dim=7, epochs=3, batch_size=16)], digits)[0]


@torch.inference_mode()
def test_batchnorm_is_folded_exactly(models):
    glo = replace(models[0], network=deepcopy(models[0].network))
    norm = glo.network[9]  # with statistics far from their start, so that folding them matters
    for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
        part.copy_(0.5 + torch.rand(16, generator=torch.Generator().manual_seed(1)))
    codes = torch.cat([glo.class_table[glo.labels], glo.content_table], 1)
    assert torch.allclose(generated(weights(glo), codes), glo.network(codes)[:, 0], atol=1e-5)


def test_what_is_packed_is_the_model_in_halves(models, short, digits):
    images = torch.tensor([3, 5])
    methods = {"ours": [Shown(short, "σ = 0.1")], "two": [Shown(models[k], "") for k in (0, 2)]}
    held = packed(methods, images, digits)
    assert places(held) == {"ours": [0], "two": [1, 2]}
    assert held["methods"][0]["levels"][0]["noise"] == "σ = 0.1"
    assert held["labels"] == digits.labels[images].tolist()
    for glo, parts in zip((short, models[0], models[2]), unpacked(held), strict=True):
        assert torch.equal(parts["classes"], glo.class_table.flatten().half().float())
        assert torch.equal(parts["content"], glo.content_table[images].flatten().half().float())
        first = glo.network[0].weight.detach().flatten()
        assert torch.equal(parts["0.weight"], first.half().float())
        assert len(parts["mean"]) == glo.recipe.content_dim
        assert "9.weight" not in parts
    pixels = np.frombuffer(base64.b64decode(held["pixels"]), np.uint8)
    assert np.abs(pixels / 255 - digits.images[images].flatten().numpy()).max() <= 0.5 / 255 + 1e-6


def test_equal_models_are_packed_once(models, digits):
    equal = [Shown(models[0], "σ = 0"), Shown(models[0], "σ = 10⁻¹⁰⁰"), Shown(models[2], "σ = 2")]
    held = packed({"one": equal[1:2], "several": equal}, torch.arange(2), digits)
    assert places(held) == {"one": [0], "several": [0, 0, 1]}
    assert len(unpacked(held)) == 2


def test_batchnorm_by_an_images_own_statistics_is_not_folded(models, digits):
    glo = models[0]
    held = packed({"own": [Shown(glo, "", own_statistics=True)]}, torch.arange(2), digits)
    (parts,) = unpacked(held)
    for name in ("8.weight", "8.bias", "9.weight", "9.bias"):
        planted = glo.network.state_dict()[name].flatten()
        assert torch.equal(parts[name], planted.half().float())


def test_a_number_too_large_for_half_precision_is_refused(models, digits):
    huge = replace(models[0], class_table=models[0].class_table * 1e6)
    with pytest.raises(ValueError, match=r"ours, σ = 0\.5: .* beyond 65504"):
        packed({"ours": [Shown(huge, "σ = 0.5")]}, torch.arange(2), digits)


@dataclass
class Linear:
    """A generator whose image is a linear map of the content code."""

    content_table: torch.Tensor
    map: torch.Tensor
    class_table: torch.Tensor

    def decode(self, classes, content):
        return (content @ self.map).view(-1, 28, 28)


@pytest.fixture
def linear():
    """Codes that spread alike in 6 directions, each of which changes images by another amount."""
    stream = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=stream))
    shown, _ = torch.linalg.qr(torch.randn(784, 6, generator=stream))
    effect = torch.tensor([0.1, 5.0, 0.5, 3.0, 0.2, 1.0])
    codes = 7 + 2 * torch.randn(5000, 6, generator=stream)
    return Linear(codes, turn.T * effect @ shown.T, torch.zeros(4, 2)), turn


def test_the_first_directions_change_images_most(linear):
    glo, turn = linear
    mean, axes = directions(glo)
    assert torch.allclose(mean, torch.full((6,), 7.0), atol=0.2)
    for axis, planted in zip(axes, turn[[1, 3, 5, 2, 4, 0]], strict=True):
        assert abs(axis @ planted) / axis.norm() > 0.99
    assert torch.allclose(axes.norm(dim=1), torch.tensor(2.0), rtol=0.05)
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_directions_are_longer_where_codes_spread_more(linear):
    """A weak direction of widely spread codes comes before a strong one of equal codes."""
    glo, turn = linear
    spread = torch.tensor([100.0, 1, 1, 1, 1, 1])  # the first had the least effect
    codes = (glo.content_table - 7) @ turn.T * spread @ turn
    _, axes = directions(replace(glo, content_table=codes))
    assert abs(axes[0] @ turn[0]) / axes[0].norm() > 0.99
    assert axes[0].norm() == pytest.approx(200, rel=0.05)


def test_steps_along_directions_are_draws_from_the_codes_gaussian(models):
    codes = 50 * torch.randn(10, 25, generator=torch.Generator().manual_seed(0))
    for glo in (models[0], replace(models[0], content_table=codes)):  # few and wide codes, too
        _, axes = directions(glo)
        assert torch.allclose(axes.T @ axes, torch.cov(glo.content_table.T), rtol=1e-3, atol=1)
        assert torch.equal(axes, directions(glo)[1])


def test_walks_begin_and_end_where_they_say(models):
    glo, image, target = models[0], 1, 3
    rows = walks(glo, image, target, steps=5)
    assert rows.shape == (1 + MOVED, 5, 28, 28)
    one = torch.tensor([image])
    assert torch.allclose(rows[0, 0], glo.reconstruct(one)[0], atol=1e-5)
    assert torch.allclose(rows[0, -1], glo.convert(one, target)[0], atol=1e-5)
    moved = glo.content_table[image] + SPREAD * directions(glo)[1][0]
    assert torch.allclose(rows[1, -1], glo.decode(glo.labels[one], moved[None])[0], atol=1e-5)
    for row in rows[1:]:
        assert torch.allclose(row[2], glo.reconstruct(one)[0], atol=1e-5)


def test_the_html_holds_its_data_whatever_a_class_is_called(models, digits):
    named = replace(digits, class_names=("</script>", '"', "&", "ü"))
    methods = {"<b>": [Shown(models[0], "σ = 0")]}
    html = decoder(methods, torch.arange(3), named, start=0, image=1, target=2)
    (script,) = BeautifulSoup(html, "html.parser").select("glo-decoder > script")
    held = json.loads(script.string)
    assert places(held) == {"<b>": [0]}
    assert held["classes"] == ["</script>", '"', "&", "ü"]
    assert (held["start"], held["image"], held["target"]) == (0, 1, 2)
