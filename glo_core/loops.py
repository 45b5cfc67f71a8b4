"""The inner loops of `stacked` on a processor, compiled when they are first called.

PyTorch's own operations would write each intermediate result to memory for all models, and read it
again. These loops take one channel of one model at a time, which stays in the processor's caches.
The images of a batch come last in memory, so that the innermost loops are long and do equal steps.

Shapes name n channels, h × w pixels and b images.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

# Added to variances, as `nn.BatchNorm2d` does.
EPSILON = 1e-5
Loop = TypeVar("Loop", bound=Callable[..., Any])
Array = NDArray[Any]


def compiled(loop: Loop) -> Loop:
    """Compiled when first called, and kept on disk; other threads go on while it runs."""
    options: Any = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz"}}
    try:
        fast: Any = numba.njit(cache=True, **options)(loop)
    except RuntimeError:  # neither the library's folder nor a home folder can be written
        fast = numba.njit(**options)(loop)
    return fast  # type: ignore[no-any-return]


@compiled
def fold(taps: Array, bias: Array, margin: int, out: Array) -> None:
    """Adds up what low-resolution pixels have for each tap of a kernel behind an upsampling.

    Nearest upsampling repeats pixels 2×2 times. A 5×5 transposed convolution behind it adds what
    pixel y has for tap t to the pixels 2·y + t and 2·y + t + 1 of a side. So taps are added up in a
    grid at 2·y + t first, and then each 2×2 neighbours in it.

    Args:
        taps: (n, 5, 5, h, w, b).
        bias: (n,), added to all pixels.
        margin: How many pixels are cut off at each side.
        out: (n, 2·h + 4 - 2·margin, 2·w + 4 - 2·margin, b), to be written.
    """
    channels, _, _, height, width, images = taps.shape
    grid = np.empty((2 * height + 5, 2 * width + 5, images), taps.dtype)
    for n in range(channels):
        grid[:] = bias[n] / 4
        for tap_y in range(5):
            for tap_x in range(5):
                for y in range(height):
                    for x in range(width):
                        for b in range(images):
                            grid[2 * y + tap_y + 1, 2 * x + tap_x + 1, b] += taps[
                                n, tap_y, tap_x, y, x, b
                            ]
        for y in range(out.shape[1]):
            for x in range(out.shape[2]):
                i, j = y + margin, x + margin
                for b in range(images):
                    above = grid[i, j, b] + grid[i, j + 1, b]
                    out[n, y, x, b] = above + grid[i + 1, j, b] + grid[i + 1, j + 1, b]


@compiled
def unfold(gradient: Array, margin: int, taps: Array) -> None:
    """The transpose of `fold`: from the gradient of its `out` to that of its `taps`."""
    channels, _, _, height, width, images = taps.shape
    padded = np.zeros((2 * height + 4, 2 * width + 4, images), taps.dtype)
    grid = np.empty((2 * height + 3, 2 * width + 3, images), taps.dtype)
    for n in range(channels):
        for y in range(gradient.shape[1]):
            for x in range(gradient.shape[2]):
                for b in range(images):
                    padded[y + margin, x + margin, b] = gradient[n, y, x, b]
        for i in range(grid.shape[0]):
            for j in range(grid.shape[1]):
                for b in range(images):
                    above = padded[i, j, b] + padded[i, j + 1, b]
                    grid[i, j, b] = above + padded[i + 1, j, b] + padded[i + 1, j + 1, b]
        for tap_y in range(5):
            for tap_x in range(5):
                for y in range(height):
                    for x in range(width):
                        for b in range(images):
                            taps[n, tap_y, tap_x, y, x, b] = grid[2 * y + tap_y, 2 * x + tap_x, b]


@compiled
def normalise(
    values: Array, weight: Array, bias: Array, given: bool, moments: Array, out: Array
) -> None:
    """BatchNorm and ReLU of (n, p) values; writes `out` of the same shape.

    Args:
        values: Each row is normalised by a mean and a variance of its own.
        weight: (n,), that of BatchNorm, as is `bias`.
        bias: (n,).
        given: Whether means and variances are given, or those of the rows.
        moments: (n, 4): mean, variance, and the scale and the shift that make `out` of the values.
            What is not given is written.
        out: To be written.
    """
    count = values.shape[1]
    for n in range(len(values)):
        # Each number goes through `moments` to stay in the type of the values.
        if not given:
            moments[n, 0] = values[n].sum() / count
            mean = moments[n, 0]
            spread = mean * 0
            for p in range(count):
                spread += (values[n, p] - mean) * (values[n, p] - mean)
            moments[n, 1] = spread / count
        moments[n, 2] = weight[n] / np.sqrt(moments[n, 1] + EPSILON)
        moments[n, 3] = bias[n] - moments[n, 0] * moments[n, 2]
        scale, shift = moments[n, 2], moments[n, 3]
        zero = scale * 0
        for p in range(count):
            out[n, p] = max(values[n, p] * scale + shift, zero)


@compiled
def normalise_backward(
    gradient: Array, values: Array, given: bool, moments: Array, slopes: Array, out: Array
) -> None:
    """From the gradient of the `out` of `normalise`, (n, p), to that of its values, here in `out`.

    Args:
        gradient: (n, p), as are values and `out`.
        values: As `normalise` had them.
        given: Likewise.
        moments: As `normalise` wrote them.
        slopes: (n, 2), to be written: the gradients of weight and bias.
        out: To be written.
    """
    count = values.shape[1]
    means = np.zeros(2, values.dtype)
    for n in range(len(values)):
        mean, variance, scale, shift = moments[n]
        zero = scale * 0
        total, product = zero, zero
        for p in range(count):
            out[n, p] = gradient[n, p] if values[n, p] * scale + shift > zero else zero
        for p in range(count):
            total += out[n, p]
            product += out[n, p] * (values[n, p] - mean)
        slopes[n, 0], slopes[n, 1] = product / np.sqrt(variance + EPSILON), total
        if not given:  # the mean and the variance follow the values
            means[0], means[1] = total / count, product / (count * (variance + EPSILON))
        mean_slope, drift = means
        for p in range(count):
            out[n, p] = scale * (out[n, p] - mean_slope - (values[n, p] - mean) * drift)
