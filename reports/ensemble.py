"""K models side by side as PyTorch's own tutorial trains ensembles: `torch.func` on stock layers.

What `glo_core.training` is compared with beside the plain loop, to which it is equal but for
rounding. As PyTorch's documentation advises for `vmap`, BatchNorm keeps no running statistics here;
training has no use for them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import (
    functional_call,
    grad_and_value,
    replace_all_batch_norm_modules_,
    stack_module_state,
    vmap,
)

from glo_core.data import Digits
from glo_core.generator import seeded_plain
from glo_core.losses import weights_of
from glo_core.recipe import Recipe
from glo_core.streams import Streams

# What a model learns: its network's parameters by name, its class table, its content table.
Learned = tuple[dict[str, Tensor], Tensor, Tensor]


def ensemble(recipes: list[Recipe], digits: Digits) -> Iterator[Tensor]:
    """Trains K models of one shape and yields each epoch's mean losses, (K,) float32."""
    # The same random numbers in the same order as in `group.Group`.
    recipe, streams = recipes[0], Streams([each.seed for each in recipes])
    code_dim = recipe.class_dim + recipe.content_dim
    networks = [seeded_plain(code_dim, seed) for seed in streams.seeds()]
    classes = nn.Parameter(streams.normal(len(digits.class_names), recipe.class_dim))
    content = nn.Parameter(streams.normal(len(digits), recipe.content_dim))
    streams.normal(recipe.content_dim)  # the code from scratch that training shows
    for network in networks:
        replace_all_batch_norm_modules_(network)
    stacked, _ = stack_module_state(networks)
    stock = networks[0].to("meta")
    learned: Learned = (stacked, classes, content)
    adams = [torch.optim.Adam(group) for group in (stacked.values(), [classes], [content])]

    def loss(
        learned: Learned, weights: Tensor, index: Tensor, noise: Tensor, images: Tensor
    ) -> Tensor:
        network, classes, content = learned
        codes = torch.cat([classes[digits.labels[index]], content[index] + noise], 1)
        difference = functional_call(stock, network, codes)[:, 0] - images
        return weights @ torch.stack([difference.abs().mean(), difference.square().mean()])

    step = vmap(grad_and_value(loss))
    weights = weights_of([each.loss for each in recipes]).T
    sigma = torch.tensor([each.sigma for each in recipes])[:, None, None]
    for _ in range(recipe.epochs):
        order = streams.permutations(len(digits))
        noise = sigma * streams.normal(len(digits), recipe.content_dim)
        total = torch.zeros(len(recipes))
        for some in torch.arange(len(digits)).split(recipe.batch_size):
            index = order[:, some]
            batch = (weights, index, noise[:, some], digits.images[index])
            with torch.no_grad():  # `step` differentiates by itself
                gradients, losses = step(learned, *batch)
            for parameter, gradient in zip(_flat(learned), _flat(gradients), strict=True):
                parameter.grad = gradient
            for adam in adams:
                adam.step()
            total += losses * len(some)
        yield total / len(digits)


def _flat(learned: Learned) -> list[Tensor]:
    network, classes, content = learned
    return [*network.values(), classes, content]
