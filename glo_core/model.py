"""One trained model: its network, its two latent tables, and what it looked like on the way."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from glo_core.latents import fitted_gaussian
from glo_core.recipe import Recipe

Prior = Literal["gaussian", "normal"]
PRIORS: tuple[Prior, ...] = get_args(Prior)
# Pictures are decoded this many at a time, so that memory does not grow with their number.
CHUNK = 1000


@dataclass(frozen=True)
class History:
    """What training left behind, epoch by epoch.

    losses   (E,) float32: mean training loss of each epoch, with noise, as the optimizers saw it
    panel    (E, P, 28, 28) uint8: the panel's digits redrawn after each epoch, without noise
    scratch  (E, C, 28, 28) uint8: one random content code with each class code after each epoch
    indices  (P,) int64: which training images the panel shows
    moved    how far the content codes came from their random start: the mean distance, as a share
             of the mean length of the starts
    seconds  how long training took, as this model's share of the models trained beside it
    threads  how many threads PyTorch computed with
    """

    losses: Tensor
    panel: Tensor
    scratch: Tensor
    indices: Tensor
    moved: float
    seconds: float
    threads: int


@dataclass(frozen=True)
class Glo:
    """A trained model. Every picture it draws is (M, 28, 28) float32 in [0, 1], without noise.

    network        the exercise's network in eval mode, so BatchNorm uses its running statistics
    class_table    (C, class_dim) float32
    content_table  (N, content_dim) float32, in the order of the training images
    labels         (N,) int64, the training images' classes
    """

    recipe: Recipe
    network: nn.Sequential
    class_table: Tensor
    content_table: Tensor
    labels: Tensor
    history: History

    @torch.inference_mode()
    def decode(self, classes: Tensor, content: Tensor) -> Tensor:
        """Draws (M,) int64 classes with (M, content_dim) content codes."""
        codes = torch.cat([self.class_table[classes], content], 1)
        return torch.cat([self.network(chunk)[:, 0] for chunk in codes.split(CHUNK)])

    def reconstruct(self, images: Tensor) -> Tensor:
        """Redraws training images, given as (M,) int64 indices."""
        return self.decode(self.labels[images], self.content_table[images])

    def convert(self, images: Tensor, to: int | Tensor) -> Tensor:
        """Redraws training images, given as (M,) int64 indices, with another class's code.

        `to` is one class for all or (M,) int64. Raises IndexError for a class there is not.
        """
        classes = torch.as_tensor(to).expand(len(images))
        return self.decode(classes, self.content_table[images])

    def scratch(self, classes: Tensor, prior: Prior = "gaussian", seed: int = 0) -> Tensor:
        """Draws one random content code, the same with each of the (M,) int64 classes.

        The code comes from the full Gaussian fitted to the learned content codes, or, with
        `prior="normal"`, from N(0, 1), which the codes started from but need not have kept.
        """
        if prior not in PRIORS:
            raise ValueError(f"prior = {prior!r}: allowed are {PRIORS}")
        draw = torch.randn(
            self.content_table.shape[1], generator=torch.Generator().manual_seed(seed)
        )
        if prior == "gaussian":
            mean, factor = fitted_gaussian(self.content_table)
            draw = mean + factor @ draw
        return self.decode(classes, draw.expand(len(classes), -1))
