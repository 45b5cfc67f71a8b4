"""A classifier of images, of LeNet's size (LeCun et al. 1998), and how it is trained.

The **judge** of generated images is one that was trained on images which no model has seen; the
swap term of `training` uses one that was trained on the models' own images.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from glo_core.data import Digits
from glo_core.generator import GLOBAL_STREAM

# Raise it when the numbers of trained classifiers change (see `training.VERSION`).
VERSION = 1
FEATURES = 84
STEPS, BATCH, RATE = 3000, 64, 4e-3
# How far each training image is rotated (radians), sheared, scaled and shifted at random.
TURN, SHEAR, SCALE, SHIFT = 0.25, 0.2, 0.12, 0.12


def lenet(classes: int) -> nn.Sequential:
    """(B, 1, 28, 28) images to (B, classes) logits; the last layer takes (B, FEATURES)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.MaxPool2d(2),  # (B, 6, 12, 12)
        nn.ReLU(),
        nn.Conv2d(6, 16, 5),
        nn.MaxPool2d(2),  # (B, 16, 4, 4)
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, FEATURES),
        nn.ReLU(),
        nn.Linear(FEATURES, classes),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Has PyTorch compute with one thread, and afterwards with as many as before.

    Steps of so small a network take ten times as long with two threads on cores that are shared
    with other work, and are not faster on idle ones.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def train_classifier(digits: Digits, seed: int = 0, steps: int = STEPS) -> nn.Sequential:
    """Trains a `lenet` on randomly distorted images, with one thread.

    Args:
        digits: The training images.
        seed: Of the initial weights, the batches and the distortions; the same seed gives the same
            bits.
        steps: How many batches.

    Returns:
        The classifier in eval mode, frozen.

    Raises:
        ValueError: There are fewer than two classes.
    """
    classes = len(digits.class_names)
    if classes < 2:
        raise ValueError(f"digits has {classes} class: a classifier needs at least 2")
    random = torch.Generator().manual_seed(seed)
    with GLOBAL_STREAM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = lenet(classes).to(memory_format=torch.channels_last)
    adam = Adam(network.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = OneCycleLR(adam, RATE, total_steps=steps)
    for _ in range(steps):
        index = torch.randint(len(digits), (BATCH,), generator=random)
        images = distorted(digits.images[index], random)
        loss = F.cross_entropy(network(images[:, None]), digits.labels[index], label_smoothing=0.05)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def distorted(images: Tensor, random: torch.Generator) -> Tensor:
    """(B, 28, 28) images, each under a random affine map near the identity."""
    turn, shear, wide, high, right, down = 2 * torch.rand(6, len(images), generator=random) - 1
    cos, sin = torch.cos(TURN * turn), torch.sin(TURN * turn)
    wide, high = 1 + SCALE * wide, 1 + SCALE * high
    rows = [wide * cos, wide * (SHEAR * shear * cos - sin), SHIFT * right]
    rows += [high * sin, high * (SHEAR * shear * sin + cos), SHIFT * down]
    maps = torch.stack(rows, 1).view(-1, 2, 3)
    grid = F.affine_grid(maps, [len(images), 1, 28, 28], align_corners=False)
    return F.grid_sample(images[:, None], grid, align_corners=False)[:, 0]
