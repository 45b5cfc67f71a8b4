"""What a classifier makes of pictures: the class that it reads in each, and its features.

How it came to know them is `classifier`'s business: a change here trains no model anew.
"""

from collections.abc import Iterable
from functools import reduce

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
    """The same bits as the layers make one by one, in half the time."""
    first, _, *others = layers
    hidden = _convolved_and_pooled(first, pictures[:, None])
    for layer in others:
        hidden = _pooled(hidden) if isinstance(layer, nn.MaxPool2d) else layer(hidden)
    return hidden


def _convolved_and_pooled(layer: nn.Module, pictures: Tensor) -> Tensor:
    """A convolution and `MaxPool2d(2)`: each place in a pooling window on its own, then the best.

    A convolution of one channel takes longer to write what it finds than to find it; this writes
    no map that is not pooled.
    """
    height, width = pictures.shape[2:]
    weight, bias = layer.parameters()
    corners = [(y, x) for y in (0, 1) for x in (0, 1)]
    seen = [pictures[:, :, y : height - 1 + y, x : width - 1 + x] for y, x in corners]
    pooled: Tensor = reduce(torch.maximum, [F.conv2d(each, weight, bias, 2) for each in seen])
    return pooled


def _pooled(hidden: Tensor) -> Tensor:
    rows = torch.maximum(hidden[:, :, ::2], hidden[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])
