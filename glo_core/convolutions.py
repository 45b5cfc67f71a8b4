"""Convolutions with a stride of 2, of K networks side by side, with the images last in memory.

As in `stacked`, a convolution is one matrix product, and one network is computed after the other,
so that its numbers stay in the processor's caches. Networks that map images to something, the
encoders and the classifier, are built of them.

Shapes name k networks, c channels in and n out, s × s taps of a kernel, h × w pixels, b images.
"""

from typing import Any

import torch
from torch import Tensor

from glo_core.loops import Array, compiled


class Convolution(torch.autograd.Function):
    """A convolution of K networks with a stride of 2, without padding and bias, on a processor."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor) -> Tensor:
        """From (k, c, 2·h + s - 2 or one more, likewise, b) to (k, n, h, w, b).

        Args:
            ctx: What `backward` will need.
            values: The channels of each network.
            weight: (k, n, c, s, s), each network's kernel.
        """
        values = values.contiguous()
        size = [(pixels - weight.shape[4]) // 2 + 1 for pixels in values.shape[2:4]]
        out = values.new_empty(*weight.shape[:2], *size, values.shape[4])
        taps, by_tap = _taps(weight, out)
        for each, kernel, to in zip(values.detach(), weight.flatten(2), out.flatten(2), strict=True):
            gather(each.numpy(), by_tap)
            torch.mm(kernel, taps, out=to)
        ctx.save_for_backward(values, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        values, weight = ctx.saved_tensors
        values_too, weight_too = ctx.needs_input_grad
        gradient = gradients[0].contiguous()
        to_values = torch.empty_like(values) if values_too else None
        to_weight = weight.new_empty(weight.shape) if weight_too else None
        taps, by_tap = _taps(weight, gradient)
        for k, slope in enumerate(gradient.flatten(2)):
            if to_weight is not None:
                gather(values[k].numpy(), by_tap)
                torch.mm(slope, taps.T, out=to_weight[k].flatten(1))
            if to_values is not None:
                torch.mm(weight[k].flatten(1).T, slope, out=taps)
                scatter(by_tap, to_values[k].numpy())
        return to_values, to_weight


def _taps(weight: Tensor, out: Tensor) -> tuple[Tensor, Any]:
    """Space for what a network's pixels of (k, n, h, w, b) are made of.

    As a matrix (c·s·s, h·w·b), and the same as an array (c, s, s, h, w, b).
    """
    shape, size = weight.shape[2:], out.shape[2:]
    matrix = out.new_empty(shape.numel(), size.numel())
    return matrix, matrix.view(*shape, *size).numpy()


@compiled
def gather(values: Array, taps: Array) -> None:
    """Writes into (c, s, s, h, w, b) `taps` what each of a kernel's taps meets in the values."""
    channels, side, _, height, width, images = taps.shape
    for c in range(channels):
        for tap_y in range(side):
            for tap_x in range(side):
                for y in range(height):
                    for x in range(width):
                        for b in range(images):
                            taps[c, tap_y, tap_x, y, x, b] = values[
                                c, 2 * y + tap_y, 2 * x + tap_x, b
                            ]


@compiled
def scatter(taps: Array, values: Array) -> None:
    """The transpose of `gather`: adds up in `values` what taps hold."""
    channels, side, _, height, width, images = taps.shape
    for c in range(channels):
        values[c] = 0
        for tap_y in range(side):
            for tap_x in range(side):
                for y in range(height):
                    for x in range(width):
                        for b in range(images):
                            values[c, 2 * y + tap_y, 2 * x + tap_x, b] += taps[
                                c, tap_y, tap_x, y, x, b
                            ]
