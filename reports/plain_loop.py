"""The exercise as plain as it can be: stock layers, one model, three ordinary Adams.

The reference for the results and the speed of `glo_core.training`.
"""

from collections.abc import Iterator

import torch
from torch import nn

from glo_core.data import Digits
from glo_core.generator import seeded_plain
from glo_core.recipe import Recipe
from glo_core.streams import Streams


def plain_loop(recipe: Recipe, digits: Digits) -> Iterator[float]:
    """Trains a model and yields each epoch's mean loss."""
    # The same random numbers in the same order as in `group.Group`.
    streams = Streams([recipe.seed])
    network = seeded_plain(recipe.class_dim + recipe.content_dim, streams.seeds()[0])
    classes = nn.Parameter(streams.normal(len(digits.class_names), recipe.class_dim)[0])
    content = nn.Parameter(streams.normal(len(digits), recipe.content_dim)[0])
    streams.normal(recipe.content_dim)  # the code from scratch that training shows
    adams = [torch.optim.Adam(group) for group in (network.parameters(), [classes], [content])]
    for _ in range(recipe.epochs):
        order = streams.permutations(len(digits))[0]
        noise = streams.normal(len(digits), recipe.content_dim)[0]
        total = 0.0
        for start in range(0, len(digits), recipe.batch_size):
            index = order[start : start + recipe.batch_size]
            codes = content[index] + recipe.sigma * noise[start : start + recipe.batch_size]
            generated = network(torch.cat([classes[digits.labels[index]], codes], 1))[:, 0]
            difference = generated - digits.images[index]
            loss = {"l1": difference.abs().mean(), "l2": difference.square().mean()}
            loss["l1+l2"] = loss["l1"] + loss["l2"]
            for adam in adams:
                adam.zero_grad()
            loss[recipe.loss].backward()
            for adam in adams:
                adam.step()
            total += loss[recipe.loss].item() * len(index)
        yield total / len(digits)
