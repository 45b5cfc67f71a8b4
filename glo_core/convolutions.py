"""Convolutions with a stride of 2, of K networks side by side, with the images last in memory.

As in `stacked`, a convolution is one matrix product, and one network is computed after the other,
so that its numbers stay in the processor's caches. Networks that map images to something, the
encoders and the classifier, are built of them.

Shapes name k networks, c channels in and n out, s × s taps of a kernel, h × w pixels, b images.
"""

from typing import Any

import torch
import torch.nn.functional as F
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
        for each, kernel, to in zip(
            values.detach(), weight.flatten(2), out.flatten(2), strict=True
        ):
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
                # Transposed, this product takes less time
                to_weight[k].flatten(1).copy_(torch.mm(taps, slope.T).T)
            if to_values is not None:
                torch.mm(weight[k].flatten(1).T, slope, out=taps)
                scatter(by_tap, to_values[k].numpy())
        return to_values, to_weight


class Pooling(torch.autograd.Function):
    """The largest of four places, a bias, and ReLU, on a processor.

    A convolution with a stride of 1 and `nn.MaxPool2d(2)` behind it are a convolution with a stride
    of 2 to four times as many channels (see `four_places`), and this. So the map that has not been
    pooled is never written.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, bias: Tensor) -> Tensor:
        """From (k, 4·n, h, w, b) and (n,) to (k, n, h, w, b)."""
        places = values.detach().unflatten(1, (4, -1)).flatten(3)
        out = values.new_empty(len(values), len(bias), *values.shape[2:])
        pool(places.numpy(), bias.detach().numpy(), out.flatten(2).numpy())
        ctx.save_for_backward(places, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        places, out = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        to_places = torch.empty_like(places)
        to_bias = places.new_zeros(places.shape[2])
        slopes, pooled = (each.flatten(2).numpy() for each in (gradient, out))
        pool_backward(slopes, pooled, places.numpy(), to_places.numpy(), to_bias.numpy())
        return to_places.flatten(1, 2).unflatten(2, gradient.shape[2:]), to_bias


def four_places(weight: Tensor) -> Tensor:
    """Kernels (n, c, s, s) at the four places of a pooling window: (4·n, c, s + 1, s + 1)."""
    return torch.cat([F.pad(weight, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)])


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


@compiled
def pool(places: Array, bias: Array, out: Array) -> None:
    """The largest of (k, 4, n, p) places, and a bias (n,), where above 0: `out` (k, n, p)."""
    networks, channels, pixels = out.shape
    for k in range(networks):
        for n in range(channels):
            zero = bias[n] * 0
            for p in range(pixels):
                upper = max(places[k, 0, n, p], places[k, 1, n, p])
                lower = max(places[k, 2, n, p], places[k, 3, n, p])
                out[k, n, p] = max(max(upper, lower) + bias[n], zero)


@compiled
def pool_backward(
    gradient: Array, out: Array, places: Array, to_places: Array, to_bias: Array
) -> None:
    """From the gradient of the `out` of `pool` to those of its places and its bias.

    Of places that are equally large, the first gets the gradient, as with `nn.MaxPool2d`.
    """
    networks, channels, pixels = out.shape
    for k in range(networks):
        for n in range(channels):
            zero = to_bias[n] * 0
            total = zero
            for p in range(pixels):
                first, second = places[k, 0, n, p], places[k, 1, n, p]
                third, fourth = places[k, 2, n, p], places[k, 3, n, p]
                largest = max(max(first, second), max(third, fourth))
                slope = gradient[k, n, p] if out[k, n, p] > zero else zero
                total += slope
                to_places[k, 0, n, p] = slope if first == largest else zero
                slope = zero if first == largest else slope
                to_places[k, 1, n, p] = slope if second == largest else zero
                slope = zero if second == largest else slope
                to_places[k, 2, n, p] = slope if third == largest else zero
                to_places[k, 3, n, p] = zero if third == largest else slope
            to_bias[n] += total
