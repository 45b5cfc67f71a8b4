"""LORD's regulariser (Gabbay & Hoshen 2020): content codes with noise and decay, then an encoder.

"Demystifying Inter-Class Disentanglement", ICLR 2020. Its first stage is a GLO with other settings;
its second stage, here, trains an encoder that maps an image to its trained content code.

What makes class and content separate there, and is here: noise on content codes and their decay.
What is theirs and is not here, as the generator and the images are the exercise's: class codes that
steer the generator through adaptive instance normalisation, a perceptual loss on the features of a
network that was trained on photographs, an encoder of the class, and the second stage's tuning of
the generator.
"""

import math
from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam

from glo_core.data import Digits
from glo_core.divergence import Divergence
from glo_core.model import Glo, History
from glo_core.peers.encoder import Encoder, StackedEncoder
from glo_core.recipe import Count, Recipe
from glo_core.recorder import last_epoch
from glo_core.stacked import StackedGenerator
from glo_core.streams import Streams
from glo_core.training import UNWATCHED, Watch, train_group

# Raise it when the numbers of trained models change (see `training.VERSION`).
VERSION = 2


class LordRecipe(Recipe):
    """A recipe whose second stage trains an encoder, for `encoder_epochs` epochs.

    The authors' code trains either stage for 200. To save time the encoder may have fewer: it
    changes neither codes nor generator.
    """

    method: ClassVar[str] = "lord"

    encoder_epochs: Count = 50


def encoder_of(recipe: Recipe, classes: int) -> Encoder:
    """The encoder as it starts: it sees the image alone, and gives one content code."""
    return Encoder(recipe.content_dim, 0, recipe.seed)


def epochs(recipe: Recipe) -> int:
    """Those of both stages, as they are told."""
    assert isinstance(recipe, LordRecipe)
    return recipe.epochs + recipe.encoder_epochs


def train(
    recipes: list[LordRecipe], digits: Digits, device: torch.device, watch: Watch = UNWATCHED
) -> list[Glo]:
    """Trains models of one shape side by side, then their encoders. Takes `train_group`'s."""
    return with_encoders(train_group([*recipes], digits, device, watch), digits, watch)


def with_encoders(glos: list[Glo], digits: Digits, watch: Watch = UNWATCHED) -> list[Glo]:
    """Trains encoders that map the training images to their trained content codes, side by side.

    As in Gabbay & Hoshen (2020), one is trained to find the image's content code, and one from
    which the image is reconstructed. The generator and the codes stay as they are here, because the
    content codes are what is measured.

    Args:
        glos: K models of one shape.
        digits: The images that they were trained on.
        watch: Told of every step and every epoch. Epochs are counted on from those of the first
            stage, whose last images they show: what a model generates stays as it is.

    Where an encoder diverges, its model has diverged, though it still generates images. Steps are
    counted on, too.
    """
    recipe = glos[0].recipe
    assert isinstance(recipe, LordRecipe)
    encoders = Encoders(glos, digits)
    streams = Streams([glo.recipe.seed for glo in glos])
    last, divergence = last_epoch([glo.history for glo in glos]), Divergence(len(glos))
    for epoch in range(1, recipe.encoder_epochs + 1):
        total = torch.zeros(len(glos))
        for indices in streams.permutations(len(digits)).split(recipe.batch_size, 1):
            watch.step()
            losses = encoders.step(indices)
            divergence.after_step(losses)
            total += losses * indices.shape[1]
        divergence.after_epoch(encoders.network.weights.values())
        watch.epoch(last._replace(number=last.number + epoch, losses=total / len(digits)))
    trained = encoders.network.unstacked()
    before = recipe.epochs * math.ceil(len(digits) / recipe.batch_size)
    return [
        replace(glo, encoder=encoder, history=_counted_on(glo.history, before, step))
        for glo, encoder, step in zip(glos, trained, divergence.steps, strict=True)
    ]


def _counted_on(history: History, before: int, step: int | None) -> History:
    """The history of a model whose encoder has diverged at a step, if any, after so many others."""
    if step is None or history.diverged:
        return history
    return replace(history, diverged=before + step)


class Encoders:
    """The encoders of K models side by side, and one step of their training."""

    def __init__(self, glos: list[Glo], digits: Digits):
        classes = len(digits.class_names)
        self.network = StackedEncoder([encoder_of(glo.recipe, classes) for glo in glos])
        self.adam = Adam(self.network.parameters(), lr=glos[0].recipe.learning_rate, fused=True)
        self.generator = StackedGenerator([glo.network for glo in glos])
        self.generator.eval().requires_grad_(False)
        self.class_table = torch.stack([glo.class_table for glo in glos])
        self.content_table = torch.stack([glo.content_table for glo in glos])
        # In units of the codes' own spread: an error is about 1 where an encoder finds nothing.
        self.variance = self.content_table.var(1).mean(1)  # (K,)
        self.rows, self.labels = digits.images.flatten(1), digits.labels  # (N, 784), (N,)
        self.model = torch.arange(len(glos))[:, None]

    def step(self, indices: Tensor) -> Tensor:
        """One batch, the images at (K, B) indices. Returns the losses, (K,)."""
        pixels = F.embedding(indices, self.rows).mT.contiguous()  # (K, 784, B)
        labels = self.labels[indices]
        content = self.network(pixels, labels)  # (K, B, content_dim)
        codes = torch.cat([self.class_table[self.model, labels], content], 2)
        errors = (self.generator(codes) - pixels).abs().mean((1, 2))
        code_errors = (content - self.content_table[self.model, indices]).square().mean((1, 2))
        losses: Tensor = code_errors / self.variance + errors
        self.adam.zero_grad()
        losses.sum().backward()  # models share no parameter, so each gets its own gradient
        self.adam.step()
        return losses.detach()
