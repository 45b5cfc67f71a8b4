"""What a classifier makes of pictures: the class that it reads in each, and its features.

How it came to know them is `classifier`'s business: a change here trains no model anew.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Pictures are read this many at a time: the layers' results stay in the processor's caches.
CHUNK = 250


@torch.inference_mode()
def features(network: nn.Sequential, pictures: Tensor) -> Tensor:
    """What the last layer sees of (M, 28, 28) pictures: (M, FEATURES) float32."""
    return torch.cat([_through(network[:-1], chunk) for chunk in pictures.split(CHUNK)])


@torch.inference_mode()
def read(network: nn.Sequential, pictures: Tensor) -> Tensor:
    """The class that the classifier reads in each of (M, 28, 28) pictures: (M,) int64."""
    return torch.cat([_through(network, chunk).argmax(1) for chunk in pictures.split(CHUNK)])


def _through(layers: Iterable[nn.Module], pictures: Tensor) -> Tensor:
    """What the layers make one by one, but for rounding, in less than half the time."""
    first, _, *others = layers
    hidden = _convolved_and_pooled(first, pictures[:, None])
    for layer in others:
        hidden = _pooled(hidden) if isinstance(layer, nn.MaxPool2d) else layer(hidden)
    return hidden


def _convolved_and_pooled(layer: nn.Module, pictures: Tensor) -> Tensor:
    """A convolution and `MaxPool2d(2)`, as one convolution with a stride of 2 and the best of four.

    The four places of a pooling window are channels of their own: a convolution of few channels
    takes longer to write what it finds than to find it, and this writes no map that is not pooled.
    """
    weight, bias = layer.parameters()
    places = [F.pad(weight, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]
    found = F.conv2d(pictures, torch.cat(places), stride=2).unflatten(1, (4, -1))
    best: Tensor = found.amax(1)
    return best + bias[:, None, None]


def _pooled(hidden: Tensor) -> Tensor:
    rows = torch.maximum(hidden[:, :, ::2], hidden[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
