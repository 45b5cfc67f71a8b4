"""The data of the live decoder. That it generates what PyTorch generates is tested in a browser."""

import base64
import json
import zlib
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bs4 import BeautifulSoup

from reports.show.live import MOVED, SPREAD, decoder, directions, packed, walks, weights


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
    sizes = [size for _, size in held["parts"]]
    names = [name for name, _ in held["parts"]]
    models = halves.split(sum(sizes))
    return [dict(zip(names, each.split(sizes), strict=True)) for each in models]


@torch.inference_mode()
def test_batchnorm_is_folded_exactly(models):
    glo = replace(models[0], network=deepcopy(models[0].network))
    norm = glo.network[9]  # with statistics far from their start, so that folding them matters
    for part in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
        part.copy_(0.5 + torch.rand(16, generator=torch.Generator().manual_seed(1)))
    codes = torch.cat([glo.class_table[glo.labels], glo.content_table], 1)
    assert torch.allclose(generated(weights(glo), codes), glo.network(codes)[:, 0], atol=1e-5)


def test_what_is_packed_is_the_model_in_halves(models, digits):
    images = torch.tensor([3, 5])
    held = packed({"0": models[0], "2": models[2]}, images, digits)
    assert [sigma["model"] for sigma in held["sigmas"]] == [0, 1]
    assert held["labels"] == digits.labels[images].tolist()
    for glo, parts in zip((models[0], models[2]), unpacked(held), strict=True):
        assert torch.equal(parts["classes"], glo.class_table.flatten().half().float())
        assert torch.equal(parts["content"], glo.content_table[images].flatten().half().float())
        first = glo.network[0].weight.detach().flatten()
        assert torch.equal(parts["0.weight"], first.half().float())
    pixels = np.frombuffer(base64.b64decode(held["pixels"]), np.uint8)
    assert np.abs(pixels / 255 - digits.images[images].flatten().numpy()).max() <= 0.5 / 255 + 1e-6


def test_equal_models_are_packed_once(models, digits):
    names = {"0": models[0], "10⁻¹⁰⁰": models[0], "2": models[2]}
    held = packed(names, torch.arange(2), digits)
    assert [sigma["model"] for sigma in held["sigmas"]] == [0, 0, 1]
    assert len(unpacked(held)) == 2


def test_a_number_too_large_for_half_precision_is_refused(models, digits):
    huge = replace(models[0], class_table=models[0].class_table * 1e6)
    with pytest.raises(ValueError, match=r"σ = 0\.5: .* beyond 65504"):
        packed({"0.5": huge}, torch.arange(2), digits)


def test_directions_are_principal_components_as_long_as_the_codes_spread():
    stream = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=stream))
    spread = torch.tensor([5.0, 3.0, 1.0, 0.5, 0.2, 0.1])
    codes = 7 + torch.randn(5000, 6, generator=stream) * spread @ turn
    mean, axes = directions(codes)
    assert torch.allclose(mean, torch.full((6,), 7.0), atol=0.3)
    assert torch.allclose(axes.norm(dim=1), spread, rtol=0.05)
    for axis, planted in zip(axes[:3], turn[:3], strict=True):
        assert abs(axis @ planted) / axis.norm() > 0.99
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_few_and_wide_codes_have_directions(models):
    codes = 50 * torch.randn(10, 25, generator=torch.Generator().manual_seed(0))
    _, axes = directions(codes)
    assert torch.allclose(axes.T @ axes, torch.cov(codes.T), rtol=1e-3, atol=1)


def test_walks_begin_and_end_where_they_say(models):
    glo, image, target = models[0], 1, 3
    rows = walks(glo, image, target, steps=5)
    assert rows.shape == (1 + MOVED, 5, 28, 28)
    one = torch.tensor([image])
    assert torch.allclose(rows[0, 0], glo.reconstruct(one)[0], atol=1e-5)
    assert torch.allclose(rows[0, -1], glo.convert(one, target)[0], atol=1e-5)
    moved = glo.content_table[image] + SPREAD * directions(glo.content_table)[1][0]
    assert torch.allclose(rows[1, -1], glo.decode(glo.labels[one], moved[None])[0], atol=1e-5)
    for row in rows[1:]:
        assert torch.allclose(row[2], glo.reconstruct(one)[0], atol=1e-5)


def test_the_html_holds_its_data_whatever_a_class_is_called(models, digits):
    named = replace(digits, class_names=("</script>", '"', "&", "ü"))
    html = decoder({"0": models[0]}, torch.arange(3), named, start=0, image=1, target=2)
    (script,) = BeautifulSoup(html, "html.parser").select("glo-decoder > script")
    held = json.loads(script.string)
    assert held["classes"] == ["</script>", '"', "&", "ü"]
    assert (held["start"], held["image"], held["target"]) == (0, 1, 2)
