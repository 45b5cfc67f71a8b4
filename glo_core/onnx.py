"""The networks of a trained model as ONNX files, for programs without PyTorch.

Needs the optional packages of `pip install ".[onnx]"`.
"""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from glo_core.model import Glo
from glo_core.stacked import Statistics

PACKAGES = ("onnx", "onnxscript")
# Example images of an export: how many there are stays open in the file.
_EXAMPLES = 2


class _Generator(nn.Module):
    """The class table and the network: `Glo.decode`."""

    class_table: Tensor

    def __init__(self, glo: Glo):
        super().__init__()
        self.network = glo.network
        self.register_buffer("class_table", glo.class_table)

    def forward(self, classes: Tensor, content: Tensor) -> Tensor:
        images: Tensor = self.network(torch.cat([self.class_table[classes], content], 1))
        return images[:, 0]


class _Encoder(nn.Module):
    """The encoder's codes, or its posterior means: `Glo.encode`."""

    def __init__(self, encoder: nn.Module, content_dim: int):
        super().__init__()
        self.encoder, self.content_dim = encoder, content_dim

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        outputs: Tensor = self.encoder(images, classes)
        return outputs[:, : self.content_dim]


def export_generator(glo: Glo, path: Path | str) -> None:
    """Writes an ONNX file that does what `Glo.decode` does.

    Its inputs are `class`, (M,) int64 in 0..C-1, and `content`, (M, content_dim) float32; its
    output is `images`, (M, 28, 28) float32 in [0, 1], for any M. A file that is there is replaced.

    Raises:
        ImportError: A package is missing.
        ValueError: The model generates with each image's own statistics.
    """
    if glo.stacked().statistics() is not Statistics.RUNNING:
        raise ValueError(
            f"recipe = {glo.recipe!r}: this model normalises each image by its own statistics; "
            "only models that use the running statistics can be exported"
        )
    classes, content = glo.labels[:1].expand(_EXAMPLES), glo.content_table[:1].expand(_EXAMPLES, -1)
    _export(_Generator(glo), {"class": classes, "content": content}, "images", Path(path))


def export_encoder(glo: Glo, path: Path | str) -> None:
    """Writes an ONNX file that does what `Glo.encode` does.

    Its inputs are `images`, (M, 28, 28) float32 in [0, 1], and `class`, (M,) int64 in 0..C-1, which
    an encoder need not use; its output is `content`, (M, content_dim) float32, for any M: of a
    variational encoder, the posterior means. A file that is there is replaced.

    Raises:
        ImportError: A package is missing.
        ValueError: The model has no encoder.
    """
    if glo.encoder is None:
        raise ValueError(f"method = {glo.recipe.method!r}: this model has no encoder to export")
    images, classes = torch.zeros(_EXAMPLES, 28, 28), glo.labels[:1].expand(_EXAMPLES)
    network = _Encoder(glo.encoder, glo.content_table.shape[1])
    _export(network, {"images": images, "class": classes}, "content", Path(path))


def _export(network: nn.Module, inputs: dict[str, Tensor], output: str, path: Path) -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"{' and '.join(missing)} must be installed to export ONNX: "
            f"pip install {' '.join(PACKAGES)}"
        )
    exported = torch.onnx.export(
        network.eval(),
        tuple(inputs.values()),
        input_names=[*inputs],
        output_names=[output],
        dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs),
        dynamo=True,
        verbose=False,
    )
    assert exported is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as name:
        new = Path(name) / path.name
        exported.save(new, external_data=False)
        os.replace(new, path)
