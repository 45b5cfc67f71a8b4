"""A classifier of images, of LeNet's size (LeCun et al. 1998), and how it is trained.

The **judge** of generated images is one that was trained on images which no model has seen; the
swap term of `training` uses one that was trained on the models' own images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from glo_core.convolutions import Convolution, Pooling, four_places
from glo_core.data import Digits
from glo_core.generator import GLOBAL_STREAM
from glo_core.stacked import as_pixels

# Raise it when the numbers of trained classifiers change (see `training.VERSION`).
VERSION = 1
FEATURES = 84
STEPS, BATCH, RATE = 3000, 64, 4e-3
# How far each training image is rotated (radians), sheared, scaled and shifted at random.
TURN, SHEAR, SCALE, SHIFT = 0.25, 0.2, 0.12, 0.12

# The classifiers of `shared_classifier`; threads that ask for one take turns.
_shared: dict[tuple[str, int], nn.Sequential] = {}
_turn = Lock()


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


def logits(network: nn.Sequential, pixels: Tensor) -> Tensor:
    """What a `lenet` on a processor gives (K, 784, B) pixels: (K, B, classes).

    The same function but for rounding; forward and backward take four fifths of the time, and
    a third if images come from several models (K) and the classifier is not trained.
    """
    found: Tensor = network[-1](features(network, pixels))
    return found


def features(network: nn.Sequential, pixels: Tensor) -> Tensor:
    """The inputs of the last layer, likewise: (K, B, FEATURES)."""
    hidden = pixels.unflatten(1, (1, 28, 28))
    for layer in (network[0], network[3]):
        weight, bias = layer.parameters()
        kernels = four_places(weight).expand(len(pixels), -1, -1, -1, -1)
        hidden = Pooling.apply(Convolution.apply(hidden, kernels), bias)
    found: Tensor = network[7:-1](hidden.flatten(1, 3).mT)
    return found


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
        network = lenet(classes)
    adam = Adam(network.parameters(), lr=RATE, weight_decay=1e-4, fused=True)
    schedule = OneCycleLR(adam, RATE, total_steps=steps)
    for _ in range(steps):
        index = torch.randint(len(digits), (BATCH,), generator=random)
        images = distorted(digits.images[index], random)
        (found,) = logits(network, as_pixels(images)[None])
        loss = F.cross_entropy(found, digits.labels[index], label_smoothing=0.05)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def shared_classifier(digits: Digits, steps: int) -> nn.Sequential:
    """`train_classifier` for groups of models on the same digits: trained once in a process."""
    key = digits.fingerprint, steps
    with _turn:
        if key not in _shared:
            _shared[key] = train_classifier(digits, steps=steps)
        return _shared[key]


def is_shared(digits: Digits, steps: int) -> bool:
    """Whether `shared_classifier` has this one already, so that nobody waits for it."""
    return (digits.fingerprint, steps) in _shared


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
