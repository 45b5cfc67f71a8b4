"""K generators side by side as one network: the fast path, equal to `generator` but for rounding.

* **Stacked.** Linear layers become batched matrix products of all models.
* **Folded.** Nearest upsampling repeats each pixel 2×2 times, and a 5×5 convolution behind it would
  multiply each of these copies. Here each low-resolution pixel is multiplied once by every weight,
  and products that meet the same pixel are then added up: with three times fewer multiplications
  (`MULTIPLICATIONS`).
* **Images last.** The images of a batch come last in memory: a convolution is one matrix product
  then, and what moves pixels moves whole rows of images.
* **Cached.** From the first convolution to the last, one model is computed after the other, so that
  its numbers are still in the processor's caches when they are needed again (see `loops`).

Shapes name k models, c channels, h × w pixels, b images of the batch.
"""

from enum import Enum
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from glo_core import loops
from glo_core.generator import CHANNELS, CONV1, CONV2, LINEARS, NORM, plain
from glo_core.loops import Array

# Multiplications to generate one image from a code of 50 numbers.
MULTIPLICATIONS = 50 * 84 + 84 * 120 + 120 * 400 + 25 * (5**2 * 16 * 16 + 14**2 * 16)
# That of `nn.BatchNorm2d`.
MOMENTUM = 0.1
# What follows the linear layers, in the order in which it is computed.
LAST_LAYERS = [f"{layer}_{part}" for layer in (CONV1, NORM, CONV2) for part in ("weight", "bias")]


def as_pixels(images: Tensor) -> Tensor:
    """(..., b, 28, 28) images as (..., 784, b): the images last."""
    return rearrange(images, "... b h w -> ... (h w) b")


def as_images(pixels: Tensor) -> Tensor:
    """(..., 784, b) pixels as (..., b, 28, 28) images: undoes `as_pixels`."""
    return rearrange(pixels, "... (h w) b -> ... b h w", h=28)


class Statistics(Enum):
    """Whose mean and variance BatchNorm takes."""

    RUNNING = "running"
    BATCH = "batch"
    IMAGE = "image"  # each image its own, as if it were a batch


class LastLayers(torch.autograd.Function):
    """What follows the linear layers of K generators, but for the sigmoid, on a processor."""

    @staticmethod
    def forward(ctx: Any, statistics: Statistics, moments: Tensor, *inputs: Tensor) -> Tensor:
        """From (k, c, 5, 5, b) to pixels (k, 784, b).

        Args:
            ctx: What `backward` will need.
            statistics: For BatchNorm.
            moments: (k, c, 4), those of `loops.normalise`; of each image, (k, c·b, 4).
            *inputs: The hidden layer and the parameters of LAST_LAYERS, each (k, ...). The first
                convolution's bias gets no gradient, as BatchNorm takes it away again.
        """
        hidden, first, *_, second, _ = inputs
        values = hidden.new_empty(*hidden.shape[:2], 14, 14, hidden.shape[4])
        rectified = torch.empty_like(values)
        pixels = hidden.new_empty(len(hidden), 1, 28, 28, hidden.shape[4])
        taps, by_tap = _taps(CHANNELS, hidden)
        last_taps, by_last_tap = _taps(1, values)
        _, _, bias, weight, shift, _, last_bias = (each.detach().numpy() for each in inputs)
        arrays = [each.numpy() for each in (values, moments, rectified, pixels)]
        products = zip(
            *(each.flatten(2).mT for each in (first, second)),
            *(each.flatten(2) for each in (hidden, rectified)),
            strict=True,
        )
        for k, (kernel, last_kernel, before, last_before) in enumerate(products):
            normal, of_rows, positive, out = (each[k] for each in arrays)
            torch.mm(kernel, before, out=taps)
            loops.fold(by_tap, bias[k], 0, normal)
            _normalise(statistics, normal, weight[k], shift[k], of_rows, positive)
            torch.mm(last_kernel, last_before, out=last_taps)
            loops.fold(by_last_tap, last_bias[k], 2, out)
        ctx.save_for_backward(hidden, first, second, values, rectified, moments)
        ctx.statistics = statistics
        return pixels.flatten(1, 3)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, first, second, values, rectified, moments = ctx.saved_tensors
        gradient = gradients[0].contiguous().unflatten(1, (1, 28, 28))
        to_hidden, to_first, to_second = map(torch.empty_like, (hidden, first, second))
        slopes = moments.new_empty(*moments.shape[:2], 2)
        to_rectified, to_values = torch.empty_like(values[0]), torch.empty_like(values[0])
        taps, by_tap = _taps(CHANNELS, hidden)
        last_taps, by_last_tap = _taps(1, values)
        arrays = [each.numpy() for each in (gradient, values, moments, slopes)]
        weights_too = ctx.needs_input_grad[3]
        to_rows = to_rectified.flatten(1)
        products = zip(
            *(each.flatten(2) for each in (first, second, hidden, rectified)),
            *(each.flatten(2) for each in (to_first, to_second, to_hidden)),
            strict=True,
        )
        for k, (kernel, last_kernel, before, last_before, *to) in enumerate(products):
            slope, normal, of_rows, to_scales = (each[k] for each in arrays)
            loops.unfold(slope, 2, by_last_tap)
            torch.mm(last_kernel, last_taps, out=to_rows)
            _normalise_backward(
                ctx.statistics, to_rectified.numpy(), normal, of_rows, to_scales, to_values.numpy()
            )
            loops.unfold(to_values.numpy(), 0, by_tap)
            to_kernel, to_last_kernel, to_before = to
            torch.mm(kernel, taps, out=to_before)
            if weights_too:
                # Transposed, this product of few rows takes two thirds of the time
                to_last_kernel.copy_(torch.mm(last_taps, last_before.T).T)
                torch.mm(before, taps.T, out=to_kernel)
        if not weights_too:
            return None, None, to_hidden, *6 * [None]
        to_norm = slopes.unflatten(1, (CHANNELS, -1)).sum(2).unbind(2)
        to_bias = gradient.sum((2, 3, 4))
        return None, None, to_hidden, to_first, None, *to_norm, to_second, to_bias


def _taps(channels: int, values: Tensor) -> tuple[Tensor, Any]:
    """Space for what (k, c, h, w, b) values of a model have for every tap of a kernel.

    As a matrix (channels·25, h·w·b), and the same as an array (channels, 5, 5, h, w, b).
    """
    shape = values.shape[2:]
    matrix = values.new_empty(channels * 25, shape.numel())
    return matrix, matrix.view(channels, 5, 5, *shape).numpy()


def _normalise(
    statistics: Statistics, values: Array, weight: Array, bias: Array, moments: Array, out: Array
) -> None:
    """BatchNorm and ReLU of a model's (c, h, w, b) values (see `loops.normalise`)."""
    if statistics is Statistics.IMAGE:
        rows = _by_image(values)
        weight, bias = (each.repeat(values.shape[3]) for each in (weight, bias))
        rectified = np.empty_like(rows)
        loops.normalise(rows, weight, bias, False, moments, rectified)
        out[:] = _from_images(rectified, values.shape)
    else:
        given = statistics is Statistics.RUNNING
        rows, to = (each.reshape(len(values), -1) for each in (values, out))
        loops.normalise(rows, weight, bias, given, moments, to)


def _normalise_backward(
    statistics: Statistics,
    gradient: Array,
    values: Array,
    moments: Array,
    slopes: Array,
    out: Array,
) -> None:
    """Likewise, for `loops.normalise_backward`."""
    if statistics is Statistics.IMAGE:
        slope, rows = (_by_image(each) for each in (gradient, values))
        to_rows = np.empty_like(rows)
        loops.normalise_backward(slope, rows, False, moments, slopes, to_rows)
        out[:] = _from_images(to_rows, values.shape)
    else:
        given = statistics is Statistics.RUNNING
        slope, rows, to = (each.reshape(len(values), -1) for each in (gradient, values, out))
        loops.normalise_backward(slope, rows, given, moments, slopes, to)


def _by_image(values: Array) -> Array:
    """(c, h, w, b) values as rows of one image's channel, (c·b, h·w)."""
    rows: Array = np.ascontiguousarray(rearrange(values, "c h w b -> (c b) (h w)"))
    return rows


def _from_images(rows: Array, shape: tuple[int, ...]) -> Array:
    """Undoes `_by_image`."""
    _, height, width, images = shape
    return rearrange(rows, "(c b) (h w) -> c h w b", b=images, h=height, w=width)


class StackedGenerator(nn.Module):
    """K generators side by side; parameters are those of `generator.plain`, stacked over models."""

    running_mean: Tensor  # (K, 16), as is running_var
    running_var: Tensor

    def __init__(self, models: list[nn.Sequential]):
        """Stacks the parameters of `models`, all made by `plain` with the same `code_dim`."""
        super().__init__()
        states = [model.state_dict() for model in models]
        self.weights = nn.ParameterDict()
        for name, _ in models[0].named_parameters():
            stacked = torch.stack([state[name] for state in states])
            self.weights[name.replace(".", "_")] = nn.Parameter(stacked)
        for name in ("running_mean", "running_var"):
            stacked = torch.stack([state[f"{NORM}.{name}"] for state in states])
            self.register_buffer(name, stacked)

    def forward(self, codes: Tensor) -> Tensor:
        """Generates from (K, B, code_dim) codes: (K, 784, B) pixels in [0, 1].

        In eval mode, one model also takes codes (N, B, code_dim) for any N: small batches, which
        stay in the processor's caches.
        """
        hidden = codes.mT
        for layer in LINEARS:
            weight, bias = self.weights[f"{layer}_weight"], self.weights[f"{layer}_bias"]
            weight = weight.expand(len(codes), -1, -1)
            hidden = torch.baddbmm(bias[:, :, None], weight, hidden).relu_()
        hidden = hidden.unflatten(1, (CHANNELS, 5, 5))
        last = self._last_layers if codes.device.type == "cpu" else self._stock_layers
        return last(hidden).sigmoid()

    def statistics(self) -> Statistics:
        """Whose mean and variance BatchNorm takes: in training the batch's, else the running."""
        return Statistics.BATCH if self.training else Statistics.RUNNING

    def _last_layers(self, hidden: Tensor) -> Tensor:
        statistics = self.statistics()
        images = hidden.shape[4]
        rows = CHANNELS * images if statistics is Statistics.IMAGE else CHANNELS
        moments = hidden.new_empty(len(hidden), rows, 4)
        if statistics is Statistics.RUNNING:
            moments[..., 0], moments[..., 1] = self.running_mean, self.running_var
        weights = (self.weights[name] for name in LAST_LAYERS)
        weights = (each.expand(len(hidden), *each.shape[1:]) for each in weights)
        pixels: Tensor = LastLayers.apply(statistics, moments, hidden, *weights)
        if statistics is Statistics.BATCH:
            count = 14 * 14 * images
            self.running_mean.lerp_(moments[..., 0], MOMENTUM)
            self.running_var.lerp_(moments[..., 1] * (count / (count - 1)), MOMENTUM)
        return pixels

    def _stock_layers(self, hidden: Tensor) -> Tensor:
        """As `_last_layers`, by PyTorch's own layers: for any device, slower on a processor."""
        models = len(hidden)
        first, bias, norm_weight, norm_bias, second, last_bias = (
            self.weights[name].flatten(0, 1) for name in LAST_LAYERS
        )
        channels = F.interpolate(rearrange(hidden, "k c h w b -> b (k c) h w"), scale_factor=2)
        channels = F.conv_transpose2d(channels, first, bias.detach(), groups=models)
        channels = F.batch_norm(
            channels,
            self.running_mean.flatten(),
            self.running_var.flatten(),
            norm_weight,
            norm_bias,
            self.training,
            MOMENTUM,
            loops.EPSILON,
        )
        channels = F.interpolate(channels.relu(), scale_factor=2)
        pixels = F.conv_transpose2d(channels, second, last_bias, padding=2, groups=models)
        return rearrange(pixels, "b k h w -> k (h w) b")

    def numbers(self) -> list[Tensor]:
        """All that training changes, each (K, ...)."""
        return [*self.weights.values(), self.running_mean, self.running_var]

    def unstacked(self) -> list[nn.Sequential]:
        """The K models as `plain` networks in eval mode, with weights of their own."""
        models = []
        for k, first in enumerate(self.weights["0_weight"]):
            model = plain(first.shape[1])
            state = model.state_dict()  # its tensors are the model's own
            for key, stacked in self.weights.items():
                state[key.replace("_", ".", 1)].copy_(stacked[k].detach())
            for name in ("running_mean", "running_var"):
                state[f"{NORM}.{name}"].copy_(getattr(self, name)[k])
            models.append(model.eval())
        return models
