"""A conditional variational autoencoder with the same decoder and class codes.

Kingma & Welling (2014), conditional on the class as in Sohn, Lee & Yan (2015), in its usual form
for digits: each pixel is a Bernoulli variable whose mean is the generated grey level, and grey
levels of images, in [0, 1], stand for probabilities. The loss is the negative of the evidence's
lower bound, in nats an image: the binary cross-entropy, summed over pixels, and the KL divergence.
Its weight β is 1 in the bound; Higgins et al. (2017) vary it.
"""

import time
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field, Strict
from torch import Tensor
from torch.optim import Adam

from glo_core.data import Digits
from glo_core.generator import seeded_plain
from glo_core.model import Glo
from glo_core.peers.encoder import Encoder
from glo_core.recipe import Recipe
from glo_core.recorder import Recorder, panel
from glo_core.training import OnEpoch

# Raise it when the numbers of trained models change (see `training.VERSION`).
VERSION = 2

Beta = Annotated[float, Strict(), Field(gt=0)]


class CvaeRecipe(Recipe):
    """A recipe whose content codes are the posterior means of an encoder.

    Of `Recipe`, it uses epochs, batch_size, learning_rate (of all its parts), class_dim,
    content_dim and seed. `beta` is the weight of the KL divergence.
    """

    method: ClassVar[str] = "cvae"

    beta: Beta = 1.0


def train(
    recipes: list[Recipe], digits: Digits, device: torch.device, on_epoch: OnEpoch | None = None
) -> list[Glo]:
    """Trains the models one after the other, on the processor."""
    return [train_one(recipe, digits, on_epoch) for recipe in recipes]


def encoder_of(recipe: Recipe, classes: int) -> Encoder:
    """The encoder as it starts: image and class to mean and log variance, 2·content_dim numbers."""
    return Encoder(2 * recipe.content_dim, classes, recipe.seed)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """From Gaussians (B, D) to N(0, 1), in nats, the mean over the batch: a number."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2


def train_one(recipe: Recipe, digits: Digits, on_epoch: OnEpoch | None = None) -> Glo:
    """Trains one model. Its content table holds the posterior means of the training images.

    The recorded loss is the mean L1 error, with codes drawn from the posteriors: it compares with
    other methods' losses, as the bound would not.
    """
    assert isinstance(recipe, CvaeRecipe)
    started = time.perf_counter()
    vae = Autoencoder(recipe, len(digits.class_names))
    recorder, shown = Recorder(), panel(digits.labels)
    scratch = torch.randn(1, recipe.content_dim, generator=vae.random)
    for epoch in range(recipe.epochs):
        vae.decoder.train()
        total = 0.0
        for index in torch.randperm(len(digits), generator=vae.random).split(recipe.batch_size):
            total += vae.step(digits.images[index], digits.labels[index]) * len(index)
        vae.decoder.eval()

        content = vae.posterior_means(digits)
        losses = torch.tensor([total / len(digits)])
        codes = digits.labels[shown][None], content[shown][None]
        recorder.record(losses, vae.generate, vae.class_table.detach()[None], codes, scratch)
        if on_epoch:
            on_epoch(1, epoch + 1, losses.item())

    return Glo(
        recipe=recipe,
        network=vae.decoder.requires_grad_(False),
        class_table=vae.class_table.detach(),
        content_table=content.clone(),
        labels=digits.labels,
        history=recorder.history(0, shown, 0.0, time.perf_counter() - started),
        prior="normal",
        encoder=vae.encoder.eval().requires_grad_(False),
    )


class Autoencoder:
    """An encoder, a decoder and class codes, and one step of their training."""

    def __init__(self, recipe: CvaeRecipe, classes: int):
        self.encoder = encoder_of(recipe, classes)
        self.random = torch.Generator().manual_seed(recipe.seed)
        self.decoder = seeded_plain(recipe.class_dim + recipe.content_dim, recipe.seed)
        draws = torch.randn(classes, recipe.class_dim, generator=self.random)
        self.class_table = draws.requires_grad_()
        weights = [*self.encoder.parameters(), *self.decoder.parameters(), self.class_table]
        self.adam = Adam(weights, recipe.learning_rate)
        self.content_dim = recipe.content_dim
        self.beta = recipe.beta

    def step(self, images: Tensor, labels: Tensor) -> float:
        """One batch of (B, 28, 28) images of (B,) classes. Returns its mean L1 error."""
        mean, log_variance = self.encoder(images, labels).chunk(2, 1)
        noise = torch.randn(mean.shape, generator=self.random)
        content = mean + noise * (log_variance / 2).exp()
        generated = self.decoder(torch.cat([self.class_table[labels], content], 1))[:, 0]
        # It clamps its logarithms, so that a generated 0 or 1 costs no infinity.
        entropy = F.binary_cross_entropy(generated, images, reduction="sum") / len(images)
        self.adam.zero_grad()
        (entropy + self.beta * kl_divergence(mean, log_variance)).backward()
        self.adam.step()
        return F.l1_loss(generated.detach(), images).item()

    @torch.inference_mode()
    def posterior_means(self, digits: Digits) -> Tensor:
        """Of all images, (N, content_dim)."""
        codes: Tensor = self.encoder(digits.images, digits.labels)
        return codes[:, : self.content_dim]

    def generate(self, class_codes: Tensor, content: Tensor) -> Tensor:
        """(1, M, class_dim) and (1, M, content_dim) codes to (1, M, 28, 28) images."""
        images: Tensor = self.decoder(torch.cat([class_codes, content], 2)[0])
        return images.transpose(0, 1)
