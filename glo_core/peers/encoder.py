"""A network that maps images to codes, for the methods that have one."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glo_core.generator import GLOBAL_STREAM


class Encoder(nn.Module):
    """(B, 28, 28) images and (B,) int64 classes to (B, outputs) numbers.

    With `classes` above 0 it also sees the class, as one plane of ones among planes of zeros.
    """

    def __init__(self, outputs: int, classes: int, seed: int):
        super().__init__()
        self.classes = classes
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
