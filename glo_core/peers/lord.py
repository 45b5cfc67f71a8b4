"""LORD's regulariser (Gabbay & Hoshen 2020): content codes with noise and decay, then an encoder.

"Demystifying Inter-Class Disentanglement", ICLR 2020. Its first stage is a GLO with other settings;
its second stage, here, trains an encoder that maps an image to its trained content code.

What makes class and content separate there, and is here: noise on content codes and their decay.
What is theirs and is not here, as the generator and the images are the exercise's: class codes that
steer the generator through adaptive instance normalisation, a perceptual loss on the features of a
network that was trained on photographs, an encoder of the class, and the second stage's tuning of
the generator.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch.optim import Adam

from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.peers.encoder import Encoder
from glo_core.recipe import Count, Recipe
from glo_core.training import OnEpoch, train_group

# Raise it when the numbers of trained models change (see `training.VERSION`).
VERSION = 1


class LordRecipe(Recipe):
    """A recipe whose second stage trains an encoder, for `encoder_epochs` epochs.

    The authors' code trains either stage for 200. To save time the encoder may have fewer: it
    changes neither codes nor generator.
    """

    method: ClassVar[str] = "lord"

    encoder_epochs: Count = 50


def train(
    recipes: list[Recipe], digits: Digits, device: torch.device, on_epoch: OnEpoch | None = None
) -> list[Glo]:
    """Trains models of one shape side by side, then each one's encoder. Takes `train_group`'s."""
    return [with_encoder(glo, digits) for glo in train_group(recipes, digits, device, on_epoch)]


def encoder_of(recipe: Recipe, classes: int) -> Encoder:
    """The encoder as it starts: it sees the image alone, and gives one content code."""
    return Encoder(recipe.content_dim, 0, recipe.seed)


def with_encoder(glo: Glo, digits: Digits) -> Glo:
    """Trains an encoder that maps the training images to their trained content codes.

    As in Gabbay & Hoshen (2020), it is trained to find the image's content code, and one from which
    the image is reconstructed. The generator and the codes stay as they are here, because the
    content codes are what is measured.
    """
    recipe = glo.recipe
    assert isinstance(recipe, LordRecipe)
    encoder = encoder_of(recipe, len(digits.class_names))
    adam = Adam(encoder.parameters(), lr=recipe.learning_rate)
    # In units of the codes' own spread: about 1 where the encoder finds nothing.
    variance = glo.content_table.var(0).mean()
    random = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.encoder_epochs):
        for index in torch.randperm(len(digits), generator=random).split(recipe.batch_size):
            images, labels = digits.images[index], digits.labels[index]
            content = encoder(images, labels)
            generated = glo.network(torch.cat([glo.class_table[labels], content], 1))[:, 0]
            code_error = (content - glo.content_table[index]).square().mean() / variance
            adam.zero_grad()
            (code_error + (generated - images).abs().mean()).backward()
            adam.step()
    return replace(glo, encoder=encoder.eval().requires_grad_(False))
