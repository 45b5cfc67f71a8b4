"""The exercise's generator, as plain layers and as K models side by side in one network.

`plain` is the network that the exercise hands out: the reference, and what a trained model keeps.
`Generator` computes the same function for K models at once, faster by three exact changes:

* **Grouped.** Linear layers become batched matrix products; convolutions and BatchNorm get K·16
  channels, with one group a model, so no model sees another.
* **Folded.** Nearest upsampling repeats each pixel 2×2 times, so a 5×5 convolution behind it meets
  each low-resolution pixel several times. Adding up those weights first leaves a convolution of the
  low resolution, and two and a half times fewer multiplications (`MULTIPLICATIONS`).
* **Laid out.** Channels come last in memory, and weights lie as the folding wants them (`LAYOUTS`).
"""

from threading import RLock
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

CHANNELS = 16
HIDDEN = (84, 120, CHANNELS * 5 * 5)
# The layers' places in `plain`, which are also the names in a saved model.
LINEARS = (0, 2, 4)
CONV1, NORM, CONV2 = 8, 9, 12
# Where a weight lies in memory here: its shape in `plain`, taken apart, and the order of the parts.
# Pixels and kernel taps come first, channels last. Each order undoes itself.
LAYOUTS = {
    "0.weight": ((HIDDEN[0], -1), (1, 0)),
    "2.weight": ((HIDDEN[1], HIDDEN[0]), (1, 0)),
    "4.weight": ((CHANNELS, 25, HIDDEN[1]), (2, 1, 0)),
    "4.bias": ((CHANNELS, 25), (1, 0)),
    "8.weight": ((CHANNELS, CHANNELS, 25), (2, 1, 0)),
    "12.weight": ((CHANNELS, 25), (1, 0)),
}
# Layers draw their start from PyTorch's one global stream: threads that make networks take turns.
GLOBAL_STREAM = RLock()
# A picture is drawn as 7×7 blocks of 4×4 pixels.
SIDE, BLOCK = 7, 4
# What drawing one picture from a code of 50 takes when folded, without those by the margin's zeros.
MULTIPLICATIONS = 395_080


def plain(code_dim: int) -> nn.Sequential:
    """The exercise's network in stock layers: (B, code_dim) codes to (B, 1, 28, 28) in [0, 1]."""
    with GLOBAL_STREAM:
        return nn.Sequential(
            nn.Linear(code_dim, HIDDEN[0]),
            nn.ReLU(),
            nn.Linear(HIDDEN[0], HIDDEN[1]),
            nn.ReLU(),
            nn.Linear(HIDDEN[1], HIDDEN[2]),
            nn.ReLU(),
            nn.Unflatten(1, (CHANNELS, 5, 5)),
            nn.Upsample(scale_factor=2),  # (B, 16, 10, 10)
            nn.ConvTranspose2d(CHANNELS, CHANNELS, 5),  # (B, 16, 14, 14)
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),  # (B, 16, 28, 28)
            nn.ConvTranspose2d(CHANNELS, 1, 5, padding=2),  # (B, 1, 28, 28)
            nn.Sigmoid(),
        )


def seeded_plain(code_dim: int, seed: int) -> nn.Sequential:
    """`plain` with PyTorch's default start, drawn from `seed` alone."""
    with GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return plain(code_dim)


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
    return torch.einsum("put,qvs->pquvts", axis, axis).reshape(-1, 25)


def as_blocks(images: Tensor) -> Tensor:
    """(..., 28, 28) pictures as (..., 49, 16): each block's pixels together, as they are drawn."""
    blocks = images.unflatten(-1, (SIDE, BLOCK)).unflatten(-3, (SIDE, BLOCK)).transpose(-3, -2)
    found: Tensor = blocks.flatten(-2).flatten(-3, -2)
    return found


def as_pictures(blocks: Tensor) -> Tensor:
    """(..., 49, 16) blocks as (..., 28, 28) pictures: undoes `as_blocks`."""
    rows = blocks.unflatten(-1, (BLOCK, BLOCK)).unflatten(-3, (SIDE, SIDE)).transpose(-3, -2)
    pictures: Tensor = rows.flatten(-2).flatten(-3, -2)
    return pictures


class RectifiedConvolution(torch.autograd.Function):
    """ReLU, nearest upsampling ×2 and a 5×5 transposed convolution, for K models side by side.

    Two exact forms, each where it is faster: forward, a convolution that draws blocks of pixels;
    backward, the gradients of a transposed convolution with a stride of 2, whose every result
    is added to four neighbouring pixels. ReLU works in place, both ways: what fills no new memory
    leaves more of the processor's caches to the rest.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        folding: Tensor,
        padding: int,
    ) -> Tensor:
        """(B, K·in, H, W), (K, 25, out·in), (K, out) to blocks (B, h, w, K, block, block, out).

        `padding` is 0 or 2, and cuts as much from each side of what is drawn. `hidden` is changed:
        no layer before may need its own result for its gradient.
        """
        hidden.relu_()
        ctx.save_for_backward(hidden, weight)
        ctx.margin = padding // 2
        models, outs = bias.shape
        block, taps = (2, 3) if len(folding) == 36 else (4, 4)
        folded = (folding @ weight).view(models, block**2, taps, taps, outs, -1)
        drawn = F.conv2d(
            hidden,
            folded.permute(0, 1, 4, 2, 3, 5).flatten(0, 2).permute(0, 3, 1, 2),
            bias.repeat(1, block**2).flatten(),
            stride=block // 2,
            padding=2 - padding // 2,
            groups=models,
        )
        blocks: Tensor = drawn.permute(0, 2, 3, 1).unflatten(3, (models, block, block, outs))
        return blocks

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (blocks,) = gradients
        hidden, weight = ctx.saved_tensors
        models, outs, margin = blocks.shape[3], blocks.shape[6], ctx.margin
        drawn = _unblocked(blocks)
        kernels = weight.view(models, 5, 5, outs, -1).permute(0, 4, 1, 2, 3)
        kernels = kernels.flatten(0, 1).permute(0, 3, 1, 2)  # (K·in, out, 5, 5)
        added = F.pad(drawn, (0, 0) + 4 * (margin,)) if margin else drawn
        added = added[:, :-1] + added[:, 1:]
        added = (added[:, :, :-1] + added[:, :, 1:]).permute(0, 3, 1, 2)
        to_hidden = F.conv2d(added, kernels, None, 2, margin, groups=models)
        torch.ops.aten.threshold_backward.grad_input(to_hidden, hidden, 0, grad_input=to_hidden)
        to_weight = None
        if ctx.needs_input_grad[1]:
            to_weight = conv2d_weight(added, kernels.shape, hidden, 2, margin, groups=models)
            to_weight = to_weight.reshape(models, -1, outs, 25).permute(0, 3, 2, 1).flatten(2)
        to_bias = drawn.sum((0, 1, 2)).view(models, outs) if ctx.needs_input_grad[2] else None
        return to_hidden, to_weight, to_bias, None, None


class Generator(nn.Module):
    """K generators side by side. Parameters are stacked over models, laid out as `LAYOUTS` says."""

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
        """Draws (K, B, code_dim) codes as (K, B, 49, 16) blocks of pixels in [0, 1]."""
        models, batch, _ = codes.shape
        weights = self.weights
        hidden = codes
        for layer in LINEARS:
            rectified = hidden.relu_() if layer else codes  # layer 0 takes the codes themselves
            weight, bias = weights[f"{layer}_weight"], weights[f"{layer}_bias"]
            hidden = torch.baddbmm(bias[:, None], rectified, weight)
        hidden = hidden.view(models, batch, 5, 5, CHANNELS).permute(1, 2, 3, 0, 4).flatten(3)
        # BatchNorm takes the first convolution's bias away again: there is no gradient to learn.
        bias = weights[f"{CONV1}_bias"].detach()
        hidden = _unblocked(  # (B, 14, 14, K·16)
            RectifiedConvolution.apply(
                hidden.permute(0, 3, 1, 2),
                weights[f"{CONV1}_weight"],
                bias,
                self.folding1,
                0,
            )
        )
        hidden = F.batch_norm(
            hidden.permute(0, 3, 1, 2),
            self.running_mean,
            self.running_var,
            weights[f"{NORM}_weight"].flatten(),
            weights[f"{NORM}_bias"].flatten(),
            training=self.training,
        )
        drawn: Tensor = RectifiedConvolution.apply(  # (B, 7, 7, K, 4, 4, 1)
            hidden,
            weights[f"{CONV2}_weight"],
            weights[f"{CONV2}_bias"],
            self.folding2,
            2,
        )
        return drawn.view(batch, SIDE * SIDE, models, -1).sigmoid().permute(2, 0, 1, 3)

    def unstacked(self) -> list[nn.Sequential]:
        """The K models as `plain` networks in eval mode, with weights of their own."""
        models = []
        for k, first in enumerate(self.weights["0_weight"]):
            model = plain(first.shape[0])
            state = model.state_dict()  # its tensors are the model's own
            for key, stacked in self.weights.items():
                name = key.replace("_", ".", 1)
                state[name].copy_(_as_plain(name, stacked[k].detach()).view_as(state[name]))
            for name in ("running_mean", "running_var"):
                channels = slice(k * CHANNELS, (k + 1) * CHANNELS)
                state[f"{NORM}.{name}"].copy_(getattr(self, name)[channels])
            models.append(model.eval())
        return models


def _laid_out(name: str, weight: Tensor) -> Tensor:
    """A weight of `plain` as it lies here: in the order of `LAYOUTS`; rows are kept."""
    if name not in LAYOUTS:
        return weight
    parts, order = LAYOUTS[name]
    laid = weight.reshape(parts).permute(order)
    return laid.flatten() if name.endswith("bias") else laid.flatten(1)


def _as_plain(name: str, weight: Tensor) -> Tensor:
    """Undoes `_laid_out`, but for the shape."""
    if name not in LAYOUTS:
        return weight
    parts, order = LAYOUTS[name]
    return weight.reshape([parts[i] for i in order]).permute(order).contiguous()


def _unblocked(blocks: Tensor) -> Tensor:
    """(B, h, w, K, block, block, out) blocks as (B, h·block, w·block, K·out) pictures."""
    return blocks.permute(0, 1, 4, 2, 5, 3, 6).flatten(5).flatten(3, 4).flatten(1, 2)
