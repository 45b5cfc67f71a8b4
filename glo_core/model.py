"""One trained model: its network, its two latent tables, and its history."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

from glo_core import priors
from glo_core.priors import Prior
from glo_core.recipe import Recipe
from glo_core.stacked import StackedGenerator, as_images

# Images are generated in batches of BATCH, which stay in the processor's caches, and CHUNK batches
# at a time, as a call costs time too.
BATCH, CHUNK = 32, 32


@dataclass(frozen=True)
class History:
    """What was recorded while a model was trained (see `recorder`).

    Fields:
        losses: (E,) float32, the mean training loss of each epoch, noise included; NaN from the
            epoch on in which the model has diverged.
        panel: (E, P, 28, 28) uint8, the panel's images reconstructed after each epoch, without
            noise.
        scratch: (E, C, 28, 28) uint8, one random content code with each class code, after each
            epoch.
        indices: (P,) int64, which training images the panel shows.
        moved: How far the content codes came from their start: the mean distance, over the mean
            length of the starts; 0 if the model has diverged.
        seconds: How long training took, as this model's part of the models trained beside it.
        threads: How many threads PyTorch computed with.
        diverged: The step, from 1, at which the model has diverged (see `divergence`): all its
            numbers are 0, and its images one even grey. None if it has not.
    """

    losses: Tensor
    panel: Tensor
    scratch: Tensor
    indices: Tensor
    moved: float
    seconds: float
    threads: int
    diverged: int | None = None


@dataclass(frozen=True)
class Glo:
    """A trained model. All its images are (M, 28, 28) float32 in [0, 1], generated without noise.

    Fields:
        recipe: How it was trained.
        network: The exercise's network in eval mode, so BatchNorm uses its running statistics.
        class_table: (C, class_dim) float32.
        content_table: (N, content_dim) float32, in the order of the training images.
        labels: (N,) int64, the training images' classes.
        history: What was recorded during training.
        prior: Where content codes from scratch come from unless another prior is asked for.
        encoder: Maps (M, 28, 28) images and (M,) classes to (M, content_dim) content codes, or to
            (M, 2·content_dim) means and log variances of such codes if it is variational. For
            methods that have one (see `peers`).
    """

    network_type: ClassVar[type[StackedGenerator]] = StackedGenerator

    recipe: Recipe
    network: nn.Sequential
    class_table: Tensor
    content_table: Tensor
    labels: Tensor
    history: History
    prior: Prior = "gaussian"
    encoder: nn.Module | None = None

    @torch.inference_mode()
    def decode(self, classes: Tensor, content: Tensor) -> Tensor:
        """Generates images from class codes and content codes.

        Args:
            classes: (M,) int64 in 0..C-1.
            content: (M, content_dim) float32.

        Returns:
            (M, 28, 28) float32 in [0, 1].

        Raises:
            IndexError: There is no such class.
        """
        codes = torch.cat([self.class_table[classes], content], 1)
        return torch.cat([self.generate(chunk) for chunk in codes.split(CHUNK * BATCH)])

    def generate(self, codes: Tensor) -> Tensor:
        """(M, class_dim + content_dim) codes to (M, 28, 28) images."""
        whole = len(codes) // BATCH * BATCH
        parts = codes[:whole].unflatten(0, (-1, BATCH)), codes[None, whole:]
        generated = [as_images(self._stacked(part)).flatten(0, 1) for part in parts if part.numel()]
        return torch.cat(generated)

    def stacked(self) -> StackedGenerator:
        """The network that `generate` uses, anew: codes get gradients through it."""
        return self.network_type([self.network]).eval().requires_grad_(False)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Reconstructs training images, given as (M,) int64 indices: (M, 28, 28)."""
        return self.decode(self.labels[images], self.content_table[images])

    def convert(self, images: Tensor, to: int | Tensor) -> Tensor:
        """Converts training images to another class: their content codes with its class code.

        Args:
            images: (M,) int64 indices of training images.
            to: One class for all, or (M,) int64.

        Returns:
            (M, 28, 28) float32 in [0, 1].

        Raises:
            IndexError: There is no such class or image.
        """
        classes = torch.as_tensor(to).expand(len(images))
        return self.decode(classes, self.content_table[images])

    @torch.inference_mode()
    def encode(self, images: Tensor, labels: Tensor) -> Tensor:
        """The content codes that the model's encoder gives new images.

        Args:
            images: (M, 28, 28) float32 in [0, 1].
            labels: (M,) int64, their classes.

        Returns:
            (M, content_dim) float32; of a variational encoder, the posterior means.

        Raises:
            ValueError: The model has no encoder.
        """
        return self._encoded(images, labels)[:, : self.content_table.shape[1]]

    @torch.inference_mode()
    def sample_posterior(self, images: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
        """Draws a content code from the posterior that a variational encoder gives each new image.

        Args:
            images: (M, 28, 28) float32 in [0, 1].
            labels: (M,) int64, their classes.
            seed: Of the draws.

        Returns:
            (M, content_dim) float32.

        Raises:
            ValueError: The model has no encoder, or one that gives each image a single code.
        """
        outputs = self._encoded(images, labels)
        if not self._holds_posteriors(outputs):
            raise ValueError(
                f"method = {self.recipe.method!r}: this model's encoder gives a code and no "
                "posterior to draw from; use encode instead"
            )
        mean, log_variance = outputs.chunk(2, 1)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed))
        return mean + (log_variance / 2).exp() * noise

    @property
    def variational(self) -> bool:
        """Whether there is an encoder that gives means and log variances of content codes."""
        if self.encoder is None:
            return False
        return self._holds_posteriors(self._encoded(torch.zeros(1, 28, 28), self.labels[:1]))

    def _holds_posteriors(self, outputs: Tensor) -> bool:
        return outputs.shape[1] == 2 * self.content_table.shape[1]

    def _encoded(self, images: Tensor, labels: Tensor) -> Tensor:
        """All that the encoder gives, (M, content_dim) or (M, 2·content_dim)."""
        if self.encoder is None:
            raise ValueError(
                f"method = {self.recipe.method!r}: this model has no encoder; fit content codes to "
                "the images instead (measures.fitting.fit)"
            )
        codes: Tensor = self.encoder(images, labels)
        return codes

    def scratch(self, classes: Tensor, prior: Prior | None = None, seed: int = 0) -> Tensor:
        """Generates images from scratch: one random content code, the same with every class.

        Args:
            classes: (M,) int64.
            prior: Where the content code comes from (see `priors.draw`); None: the model's own.
            seed: Of the random code.

        Returns:
            (M, 28, 28) float32 in [0, 1].

        Raises:
            ValueError: There is no such prior.
        """
        drawn = priors.draw(self.content_table, prior or self.prior, 1, seed)
        return self.decode(classes, drawn.expand(len(classes), -1))

    @cached_property
    def _stacked(self) -> StackedGenerator:
        """The same network, two and a half times as fast."""
        return self.stacked()
