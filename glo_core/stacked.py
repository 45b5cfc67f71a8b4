"""K generators side by side as one network: the fast path, equal to `generator` but for rounding.

* **Grouped.** Linear layers become batched matrix products. Convolutions and BatchNorm get K·16
  channels, with one group for each model, so that no model sees another.
* **Folded.** Nearest upsampling repeats each pixel 2×2 times, so a 5×5 convolution behind it meets
  each low-resolution pixel several times. Adding up those weights first leaves a convolution at the
  low resolution, with two and a half times fewer multiplications (`MULTIPLICATIONS`).
* **Laid out.** Channels come last in memory, and weights are stored as the folding reads them
  (`LAYOUTS`).

Axes are named in einops' patterns: k models, b images of the batch, h × w blocks of i × j pixels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from glo_core.generator import CHANNELS, CONV1, CONV2, LINEARS, NORM, plain

# How a weight of `plain` is stored here, with the sizes of axes that cannot be told from it.
LAYOUTS: dict[str, tuple[str, dict[str, int]]] = {
    "0.weight": ("output input -> input output", {}),
    "2.weight": ("output input -> input output", {}),
    "4.weight": ("(channel pixel) input -> input (pixel channel)", {"channel": CHANNELS}),
    "4.bias": ("(channel pixel) -> (pixel channel)", {"channel": CHANNELS}),
    "8.weight": ("input output y x -> (y x) (output input)", {"y": 5, "input": CHANNELS}),
    "12.weight": ("input output y x -> (y x) (output input)", {"y": 5, "input": CHANNELS}),
}
# An image is generated as 7×7 blocks of 4×4 pixels.
SIDE, BLOCK = 7, 4
BLOCKS = "... (h i) (w j) -> ... (h w) (i j)"
# Multiplications to generate one image from a code of 50 numbers when folded, without those with
# the zeros of the margin.
MULTIPLICATIONS = 395_080


def as_blocks(images: Tensor) -> Tensor:
    """(..., 28, 28) images as (..., 49, 16): the pixels of each block side by side."""
    return rearrange(images, BLOCKS, i=BLOCK, j=BLOCK)


def as_images(blocks: Tensor) -> Tensor:
    """(..., 49, 16) blocks as (..., 28, 28) images: undoes `as_blocks`."""
    return rearrange(blocks, _reversed(BLOCKS), h=SIDE, i=BLOCK)


def folding_matrix(block: int) -> Tensor:
    """The linear map from a 5×5 transposed convolution's kernel to the folded one for blocks.

    Behind an upsampling ×2, a block of block² pixels meets T² low-resolution pixels, T = block / 2
    + 2: (block² · T², 25) float32. With an even padding, pixel p of a block meets tap t of the
    (flipped) kernel at low-resolution pixel (p + t) // 2, up to a shift, so taps that share that
    pixel add up.
    """
    axis = torch.zeros(block, block // 2 + 2, 5)  # pixel, folded tap, tap of the kernel
    for pixel in range(block):
        for tap in range(5):
            axis[pixel, (pixel + tap) // 2, 4 - tap] = 1  # a transposed kernel is flipped
    folding = torch.einsum("ity,jsx->ijtsyx", axis, axis)
    return rearrange(folding, "i j t s y x -> (i j t s) (y x)")


class UpsampledConvolution(torch.autograd.Function):
    """Nearest upsampling ×2 and a 5×5 transposed convolution, for K models side by side.

    Each direction has the exact form that is faster there. Forward is a convolution at the low
    resolution that gives blocks of pixels. Backward is a transposed convolution with a stride of 2,
    for which each 2×2 pixels are added up first.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, folding: Tensor, padding: int
    ) -> Tensor:
        """(b, k·input, h, w), (k, 25, output·input), (k, output) to (b, h, w, k, i, j, output).

        `folding` is the `folding_matrix` of 2×2 or 4×4 pixels. `padding` is 0 or 2, and cuts off as
        much at each side.
        """
        models, outputs = bias.shape
        block = {36: 2, 256: 4}[len(folding)]
        ctx.save_for_backward(hidden, weight)
        ctx.margin = padding // 2
        kernels = rearrange(
            folding @ weight,
            "k (pixel y x) (output input) -> (k pixel output) y x input",
            pixel=block**2,
            y=block // 2 + 2,
            output=outputs,
        )
        generated = F.conv2d(
            hidden,
            _channels_first(kernels),
            repeat(bias, "k output -> (k pixel output)", pixel=block**2),
            stride=block // 2,
            padding=2 - padding // 2,
            groups=models,
        )
        return rearrange(
            generated, "b (k i j output) h w -> b h w k i j output", k=models, i=block, j=block
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        (blocks,) = gradients
        models, outputs, margin = blocks.shape[3], blocks.shape[6], ctx.margin
        pixels = _without_blocks(blocks)
        kernels = rearrange(
            weight, "k (y x) (output input) -> (k input) y x output", y=5, output=outputs
        )
        summed = F.pad(pixels, (0, 0) + 4 * (margin,)) if margin else pixels
        summed = summed[:, :-1] + summed[:, 1:]
        summed = _channels_first(summed[:, :, :-1] + summed[:, :, 1:])
        to_hidden = F.conv2d(summed, _channels_first(kernels), None, 2, margin, groups=models)
        to_weight = None
        if ctx.needs_input_grad[1]:
            shape = (hidden.shape[1], outputs, 5, 5)
            to_weight = conv2d_weight(summed, shape, hidden, 2, margin, groups=models)
            to_weight = rearrange(
                to_weight, "(k input) output y x -> k (y x) (output input)", k=models
            )
        to_bias = None
        if ctx.needs_input_grad[2]:
            to_bias = rearrange(pixels.sum((0, 1, 2)), "(k output) -> k output", k=models)
        return to_hidden, to_weight, to_bias, None, None


class StackedGenerator(nn.Module):
    """K generators side by side. Parameters are stacked over models, stored as `LAYOUTS` says."""

    running_mean: Tensor  # (K·16,), as is running_var
    running_var: Tensor
    folding1: Tensor
    folding2: Tensor

    def __init__(self, models: list[nn.Sequential]):
        """Stacks the parameters of `models`, all made by `plain` with the same `code_dim`."""
        super().__init__()
        states = [model.state_dict() for model in models]
        self.weights = nn.ParameterDict()
        for name, _ in models[0].named_parameters():
            stacked = torch.stack([_laid_out(name, state[name]) for state in states])
            self.weights[name.replace(".", "_")] = nn.Parameter(stacked)
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, torch.cat([state[f"{NORM}.{name}"] for state in states]))
        self.register_buffer("folding1", folding_matrix(2), persistent=False)
        self.register_buffer("folding2", folding_matrix(BLOCK), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """Generates from (K, B, code_dim) codes: (K, B, 49, 16) blocks of pixels in [0, 1]."""
        models = len(codes)
        weights = self.weights
        hidden = codes
        for layer in LINEARS:
            weight, bias = weights[f"{layer}_weight"], weights[f"{layer}_bias"]
            hidden = torch.baddbmm(bias[:, None], hidden, weight).relu_()
        hidden = rearrange(hidden, "k b (h w channel) -> b h w (k channel)", h=5, w=5)
        # BatchNorm takes the first convolution's bias away again: it has no gradient.
        bias = weights[f"{CONV1}_bias"].detach()
        blocks = UpsampledConvolution.apply(
            _channels_first(hidden), weights[f"{CONV1}_weight"], bias, self.folding1, 0
        )
        hidden = self.normalised(
            _channels_first(_without_blocks(blocks)),  # (B, K·16, 14, 14)
            weights[f"{NORM}_weight"].flatten(),
            weights[f"{NORM}_bias"].flatten(),
        )
        blocks = UpsampledConvolution.apply(
            hidden.relu_(), weights[f"{CONV2}_weight"], weights[f"{CONV2}_bias"], self.folding2, 2
        )
        generated = blocks.view(len(blocks), SIDE * SIDE, models, BLOCK**2).sigmoid()
        models_first: Tensor = generated.permute(2, 0, 1, 3)
        return models_first

    def normalised(self, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """BatchNorm of (B, K·16, 14, 14), with a weight and a bias (K·16,) for each channel."""
        mean, variance = self.running_mean, self.running_var
        return F.batch_norm(hidden, mean, variance, weight, bias, training=self.training)

    def unstacked(self) -> list[nn.Sequential]:
        """The K models as `plain` networks in eval mode, with weights of their own."""
        models = []
        for k, first in enumerate(self.weights["0_weight"]):
            model = plain(first.shape[0])
            state = model.state_dict()  # its tensors are the model's own
            for key, stacked in self.weights.items():
                name = key.replace("_", ".", 1)
                state[name].copy_(_as_plain(name, stacked[k].detach()))
            for name in ("running_mean", "running_var"):
                channels = slice(k * CHANNELS, (k + 1) * CHANNELS)
                state[f"{NORM}.{name}"].copy_(getattr(self, name)[channels])
            models.append(model.eval())
        return models


def _laid_out(name: str, weight: Tensor) -> Tensor:
    """A weight of `plain` as it is stored here."""
    if name not in LAYOUTS:
        return weight
    pattern, sizes = LAYOUTS[name]
    return rearrange(weight, pattern, **sizes)


def _as_plain(name: str, weight: Tensor) -> Tensor:
    """Undoes `_laid_out`."""
    if name not in LAYOUTS:
        return weight
    pattern, sizes = LAYOUTS[name]
    return rearrange(weight, _reversed(pattern), **sizes)


def _reversed(pattern: str) -> str:
    left, right = pattern.split(" -> ")
    return f"{right} -> {left}"


def _without_blocks(blocks: Tensor) -> Tensor:
    """(b, h, w, k, i, j, output) blocks as (b, h·i, w·j, k·output) pixels."""
    return rearrange(blocks, "b h w k i j output -> b (h i) (w j) (k output)")


def _channels_first(tensor: Tensor) -> Tensor:
    """(b, y, x, channel) as (b, channel, y, x), still stored with the channels last."""
    return tensor.permute(0, 3, 1, 2)
