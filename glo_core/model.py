"""One trained model: its network, its two latent tables, and what it looked like on the way."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from glo_core import priors
from glo_core.generator import CHANNELS, NORM, Generator, as_pictures
from glo_core.priors import Prior
from glo_core.recipe import Recipe

# Pictures are decoded this many at a time: the layers' results stay in the processor's caches.
CHUNK = 250
# The images redrawn after every epoch are picked at random, by a seed of their own.
PANEL_SEED, PANEL_PER_CLASS = 0, 2


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


def panel(labels: Tensor) -> Tensor:
    """The training images that are redrawn after every epoch, picked at random by PANEL_SEED.

    Returns the indices of PANEL_PER_CLASS images a class, class by class, (P,) int64.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(PANEL_SEED))
    of_class = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([images[:PANEL_PER_CLASS] for images in of_class])


@dataclass(frozen=True)
class Glo:
    """A trained model. Every picture it draws is (M, 28, 28) float32 in [0, 1], without noise.

    network        the exercise's network in eval mode, so BatchNorm uses its running statistics
    class_table    (C, class_dim) float32
    content_table  (N, content_dim) float32, in the order of the training images
    labels         (N,) int64, the training images' classes
    encoder        reads content codes from pictures, where the recipe has it (see `encoders`)
    """

    recipe: Recipe
    network: nn.Sequential
    class_table: Tensor
    content_table: Tensor
    labels: Tensor
    history: History
    encoder: nn.Sequential | None = None

    @torch.inference_mode()
    def decode(self, classes: Tensor, content: Tensor) -> Tensor:
        """Draws (M,) int64 classes with (M, content_dim) content codes."""
        codes = torch.cat([self.class_table[classes], content], 1)
        return torch.cat([self._drawing(chunk) for chunk in codes.split(CHUNK)])

    def reconstruct(self, images: Tensor) -> Tensor:
        """Redraws training images, given as (M,) int64 indices."""
        return self.decode(self.labels[images], self.content_table[images])

    def convert(self, images: Tensor, to: int | Tensor) -> Tensor:
        """Redraws training images, given as (M,) int64 indices, with another class's code.

        `to` is one class for all or (M,) int64. Raises IndexError for a class there is not.
        """
        classes = torch.as_tensor(to).expand(len(images))
        return self.decode(classes, self.content_table[images])

    def scratch(self, classes: Tensor, prior: Prior | None = None, seed: int = 0) -> Tensor:
        """Draws one random content code, the same with each of the (M,) int64 classes.

        The code comes from a prior of `priors.draw`, by default the full Gaussian of the learned
        content codes. Raises ValueError for an unknown prior.
        """
        drawn = priors.draw(self.content_table, prior or self.prior, 1, seed)
        return self.decode(classes, drawn.expand(len(classes), -1))

    @property
    def prior(self) -> Prior:
        """Where content codes of digits from scratch come from, if nothing else is asked for."""
        return "normal" if self.recipe.normal_prior else "gaussian"

    def _drawing(self, codes: Tensor) -> Tensor:
        """(M, code_dim) codes as (M, 28, 28) pictures."""
        if self.recipe.train_mode:
            drawn: Tensor = self._own_statistics(codes)[:, 0]
            return drawn
        return as_pictures(self._folded(codes[None])[0])

    @cached_property
    def _folded(self) -> Generator:
        """The same network, two and a half times as fast."""
        return Generator([self.network]).eval()

    @cached_property
    def _own_statistics(self) -> nn.Sequential:
        """The network in train mode, as it draws a batch of one picture: BatchNorm then knows of
        no other, and normalises the picture by its own mean and variance."""
        network, norm = deepcopy(self.network), self.network[NORM]
        network[NORM] = nn.InstanceNorm2d(CHANNELS, affine=True)
        network[NORM].load_state_dict({"weight": norm.weight, "bias": norm.bias})
        return network.eval()
