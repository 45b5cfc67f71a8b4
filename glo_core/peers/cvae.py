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
from torch import Tensor, nn
from torch.optim import Adam

from glo_core.data import Digits
from glo_core.divergence import Divergence
from glo_core.generator import seeded_plain
from glo_core.model import BATCH, Glo
from glo_core.peers.encoder import Encoder, StackedEncoder
from glo_core.recipe import Recipe
from glo_core.recorder import Recorder, panel
from glo_core.stacked import StackedGenerator, as_images
from glo_core.streams import Streams
from glo_core.training import UNWATCHED, Watch

# Raise it when the numbers of trained models change (see `training.VERSION`).
VERSION = 3

Beta = Annotated[float, Strict(), Field(gt=0)]


class CvaeRecipe(Recipe):
    """A recipe whose content codes are the posterior means of an encoder.

    Of `Recipe`, it uses epochs, batch_size, learning_rate (of all its parts), class_dim,
    content_dim and seed. `beta` is the weight of the KL divergence.
    """

    method: ClassVar[str] = "cvae"
    own: ClassVar[frozenset[str]] = Recipe.own | {"beta"}

    beta: Beta = 1.0


def encoder_of(recipe: Recipe, classes: int) -> Encoder:
    """The encoder as it starts: image and class to mean and log variance, 2·content_dim numbers."""
    return Encoder(2 * recipe.content_dim, classes, recipe.seed)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """From Gaussians (..., B, D) to N(0, 1), in nats, the mean over the batch: (...)."""
    divergences = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / 2
    return divergences.mean(-1)


def train(
    recipes: list[CvaeRecipe], digits: Digits, device: torch.device, watch: Watch = UNWATCHED
) -> list[Glo]:
    """Trains models of one shape side by side, on the processor. Takes `train_group`'s arguments.

    A content table holds the posterior means of the training images. The recorded loss is the mean
    L1 error, with codes drawn from the posteriors: it compares with other methods' losses, as the
    bound would not.
    """
    started = time.perf_counter()
    vaes = Autoencoders(recipes, digits)
    recorder, divergence = Recorder(), Divergence(vaes.models)
    shown = panel(digits.labels)
    scratch = vaes.streams.normal(recipes[0].content_dim)
    for _ in range(recipes[0].epochs):
        vaes.decoder.train()
        total = torch.zeros(vaes.models)
        batches = vaes.streams.permutations(len(digits)).split(recipes[0].batch_size, 1)
        for indices in () if divergence.gone else batches:
            watch.step()
            losses = vaes.step(indices)
            divergence.after_step(losses, vaes.decoder.running_var)
            total += losses * indices.shape[1]
        divergence.after_epoch(vaes.numbers())
        losses = divergence.without_gone(total / len(digits))
        vaes.decoder.eval()

        images, class_table = shown.expand(vaes.models, -1), vaes.class_table.detach()
        codes = digits.labels[images], vaes.posterior_means(shown)
        watch.epoch(recorder.record(losses, vaes.generate, class_table, images, codes, scratch))

    content = vaes.posterior_means(torch.arange(len(digits)))
    networks, encoders = vaes.decoder.unstacked(), vaes.encoder.unstacked()
    seconds = (time.perf_counter() - started) / vaes.models
    return [
        Glo(
            recipe=recipe,
            network=networks[k],
            class_table=vaes.class_table[k].detach().clone(),
            content_table=content[k].clone(),
            labels=digits.labels,
            history=recorder.history(k, 0.0, seconds, divergence.steps[k]),
            prior="normal",
            encoder=encoders[k],
        )
        for k, recipe in enumerate(recipes)
    ]


class Autoencoders:
    """Encoders, decoders and class codes of K models side by side, and one step of training."""

    def __init__(self, recipes: list[CvaeRecipe], digits: Digits):
        recipe, classes = recipes[0], len(digits.class_names)
        self.models, self.content_dim = len(recipes), recipe.content_dim
        # Every random number of a model comes from its own seed.
        self.streams = Streams([each.seed for each in recipes])
        self.encoder = StackedEncoder([encoder_of(each, classes) for each in recipes])
        code_dim = recipe.class_dim + recipe.content_dim
        self.decoder = StackedGenerator([seeded_plain(code_dim, each.seed) for each in recipes])
        self.class_table = nn.Parameter(self.streams.normal(classes, recipe.class_dim))
        weights = [*self.encoder.parameters(), *self.decoder.parameters(), self.class_table]
        self.adam = Adam(weights, recipe.learning_rate, fused=True)
        self.beta = torch.tensor([each.beta for each in recipes])
        self.rows, self.labels = digits.images.flatten(1), digits.labels  # (N, 784), (N,)
        self.model = torch.arange(self.models)[:, None]

    def step(self, indices: Tensor) -> Tensor:
        """One batch, the images at (K, B) indices. Returns the mean L1 errors, (K,)."""
        pixels, labels = self._pixels(indices), self.labels[indices]
        mean, log_variance = self.encoder(pixels, labels).chunk(2, 2)  # (K, B, content_dim)
        noise = self.streams.normal(*mean.shape[1:])
        content = mean + noise * (log_variance / 2).exp()
        class_codes = self.class_table[self.model, labels]
        generated = self.decoder(torch.cat([class_codes, content], 2))  # (K, 784, B)
        # It clamps its logarithms, so that a generated 0 or 1 costs no infinity. It refuses NaN,
        # which models generate that diverge.
        generated = generated.nan_to_num()
        entropy = F.binary_cross_entropy(generated, pixels, reduction="sum") / indices.shape[1]
        divergence = self.beta @ kl_divergence(mean, log_variance)
        self.adam.zero_grad()
        # Models share no parameter, so each gets the gradient of its own loss.
        (entropy + divergence).backward()
        self.adam.step()
        errors: Tensor = (generated.detach() - pixels).abs().mean((1, 2))
        return errors

    def numbers(self) -> list[Tensor]:
        """All that training changes, each (K, ...)."""
        return [*self.encoder.weights.values(), *self.decoder.numbers(), self.class_table]

    @torch.inference_mode()
    def posterior_means(self, images: Tensor) -> Tensor:
        """Of the images at (M,) indices, those of every model: (K, M, content_dim)."""
        outputs = []
        for chunk in images.split(BATCH):
            indices = chunk.expand(self.models, -1)
            outputs.append(self.encoder(self._pixels(indices), self.labels[indices]))
        return torch.cat(outputs, 1)[:, :, : self.content_dim]

    def generate(self, class_codes: Tensor, content: Tensor) -> Tensor:
        """(K, M, class_dim) and (K, M, content_dim) codes to (K, M, 28, 28) images."""
        return as_images(self.decoder(torch.cat([class_codes, content], 2)))

    def _pixels(self, indices: Tensor) -> Tensor:
        """The images at (K, B) indices, (K, 784, B)."""
        return F.embedding(indices, self.rows).mT.contiguous()
