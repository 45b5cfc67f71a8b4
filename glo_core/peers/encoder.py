"""A network that maps images to codes, for the methods that have one, alone and side by side."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glo_core.convolutions import Convolution
from glo_core.generator import GLOBAL_STREAM


class Encoder(nn.Module):
    """(B, 28, 28) images and (B,) int64 classes to (B, outputs) numbers.

    With `classes` above 0 it also sees the class, as one plane of ones among planes of zeros.
    """

    def __init__(self, outputs: int, classes: int, seed: int):
        super().__init__()
        self.outputs, self.classes = outputs, classes
        with GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Conv2d(1 + classes, 16, 5, stride=2),  # (B, 16, 12, 12)
                nn.ReLU(),
                nn.Conv2d(16, 32, 5, stride=2),  # (B, 32, 4, 4)
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(512, 128),
                nn.ReLU(),
                nn.Linear(128, outputs),
            )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        planes = images[:, None]
        if self.classes:
            chosen = F.one_hot(labels, self.classes)[:, :, None, None].expand(-1, -1, 28, 28)
            planes = torch.cat([planes, chosen.to(images.dtype)], 1)
        found: Tensor = self.layers(planes)
        return found


class StackedEncoder(nn.Module):
    """K encoders side by side, with the images last: the fast path, equal but for rounding."""

    def __init__(self, encoders: list[Encoder]):
        """Stacks the parameters of encoders with the same outputs and classes."""
        super().__init__()
        self.outputs, self.classes = encoders[0].outputs, encoders[0].classes
        weights, _ = torch.func.stack_module_state(encoders)
        self.weights = nn.ParameterDict()
        for name, weight in weights.items():
            self.weights[name.replace(".", "_")] = weight

    def forward(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Encodes (K, 784, B) pixels of (K, B) int64 classes: (K, B, outputs) numbers."""
        first, bias, second, second_bias, *linears = self.weights.values()
        shift = bias[:, :, None]
        if self.classes:
            # Without padding, a plane of ones adds the same number to each pixel of a channel.
            chosen = F.one_hot(labels, self.classes).to(pixels.dtype)
            shift = shift + first[:, :, 1:].sum((3, 4)) @ chosen.mT  # (K, 16, B)
        hidden = Convolution.apply(pixels.unflatten(1, (1, 28, 28)), first[:, :, :1])
        hidden = hidden.add_(shift[:, :, None, None]).relu_()  # (K, 16, 12, 12, B)
        hidden = Convolution.apply(hidden, second)
        hidden = hidden.add_(second_bias[:, :, None, None, None]).relu_().flatten(1, 3)
        weight, bias, last, last_bias = linears
        hidden = torch.baddbmm(bias[:, :, None], weight, hidden).relu_()
        outputs: Tensor = torch.baddbmm(last_bias[:, :, None], last, hidden).mT
        return outputs

    def unstacked(self) -> list[Encoder]:
        """The K encoders in eval mode, frozen, with weights of their own."""
        encoders = []
        for k in range(len(self.weights["layers_0_weight"])):
            encoder = Encoder(self.outputs, self.classes, 0)
            states = {
                name: self.weights[name.replace(".", "_")][k] for name in encoder.state_dict()
            }
            encoder.load_state_dict(states)
            encoders.append(encoder.eval().requires_grad_(False))
        return encoders
