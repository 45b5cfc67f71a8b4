"""What a trained classifier predicts, and its features.

A **judge** is a classifier that was trained on images which no model has seen. How classifiers are
trained is in `classifier`.
"""

import torch
from torch import Tensor, nn

from glo_core import classifier
from glo_core.stacked import as_pixels

# Images are classified this many at a time: the layers' results stay in the processor's caches.
CHUNK = 250


@torch.inference_mode()
def features(network: nn.Sequential, images: Tensor) -> Tensor:
    """The inputs of the last layer for (M, 28, 28) images: (M, FEATURES) float32."""
    chunks = (as_pixels(chunk)[None] for chunk in images.split(CHUNK))
    return torch.cat([classifier.features(network, pixels)[0] for pixels in chunks])


@torch.inference_mode()
def predictions(network: nn.Sequential, images: Tensor) -> Tensor:
    """The class that the classifier predicts for each of (M, 28, 28) images: (M,) int64."""
    predicted: Tensor = network[-1](features(network, images)).argmax(1)
    return predicted
