"""The exercise's generator in stock PyTorch layers: the reference, and what a trained model keeps.

`stacked` computes the same function for several models at once, much faster.
"""

from threading import RLock

import torch
from torch import nn

CHANNELS = 16
HIDDEN = (84, 120, CHANNELS * 5 * 5)
# The layers' places in `plain`, which are also the names in a saved model.
LINEARS = (0, 2, 4)
CONV1, NORM, CONV2 = 8, 9, 12
# PyTorch's layers draw their initial weights from its one global random stream, so threads that
# make networks take turns.
GLOBAL_STREAM = RLock()


def plain(code_dim: int) -> nn.Sequential:
    """The exercise's network: (B, code_dim) codes to (B, 1, 28, 28) images in [0, 1]."""
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
    """`plain` with PyTorch's default initial weights, drawn from `seed` alone."""
    with GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return plain(code_dim)
