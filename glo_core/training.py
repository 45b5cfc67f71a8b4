"""The training loop: recipes and digits in, trained models out.

Recipes of one shape are trained side by side, as one `Group`. Several groups at once, each by one
thread, are half as fast again as one group by several threads.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from glo_core.data import Digits
from glo_core.divergence import Divergence
from glo_core.group import Group, Hooks
from glo_core.latents import fitted_gaussian
from glo_core.model import Glo
from glo_core.recipe import Recipe
from glo_core.recorder import Epoch, Recorder

# The version of all that a model of a plain recipe is computed with: this module, `group`,
# `generator`, `stacked`, `latents`, `losses` and `streams`. Raise it when the numbers of trained
# models change, so that no model of the old code is used; the golden test says when.
VERSION = 2
# How many models at most share one stacked network. A step of 18 took 5 % less a model than one of
# 10, of 30 another 4 %; but what is wider is longer in memory, and is lost as a whole.
WIDTH = 16


@dataclass(frozen=True)
class Watch:
    """Who is told of training while it goes on; either may wait, or raise to end it.

    Fields:
        step: Called before every step.
        epoch: Called after every epoch.
    """

    step: Callable[[], None] = lambda: None
    epoch: Callable[[Epoch], None] = lambda epoch: None


UNWATCHED = Watch()


class DeviceError(ValueError):
    """A device that was asked for and is not there."""


def train_group(
    recipes: list[Recipe],
    digits: Digits,
    device: torch.device,
    watch: Watch = UNWATCHED,
    hooks: Hooks | None = None,
) -> list[Glo]:
    """Trains models side by side.

    Args:
        recipes: K recipes of one `shape`.
        digits: The training images.
        device: Where to train.
        watch: Told of every step and every epoch.
        hooks: Where to do something else than usual.

    Returns:
        The K models, in the recipes' order.

    Raises:
        ValueError: `digits` is empty.
    """
    started = time.perf_counter()
    group = Group(recipes, digits, device, hooks)
    hooks = group.hooks
    recorder, divergence = Recorder(), Divergence(group.models)
    class_table, content_table = group.tables()
    content_start = content_table.clone()
    scratch = group.streams.normal(group.recipe.content_dim).to(device)

    for _ in range(group.recipe.epochs):
        # Every model meets all images once, in a random order of its own
        draws = hooks.draws(group.draws(), group.recipe)
        total = torch.zeros(group.models, device=device)
        group.network.train()
        for batch in () if divergence.gone else group.batches(draws):
            watch.step()
            losses = group.step(batch)
            divergence.after_step(losses, group.network.running_var)
            total += losses * batch.indices.shape[1]
        group.network.eval()
        group.after_epoch()
        divergence.after_epoch(group.numbers(), content_table)
        losses = divergence.without_gone(total / group.images)

        # Record the loss, the panel, and one random content code with every class
        shown, content = hooks.panel(group, draws)
        code = scratch if hooks.prior == "normal" else _from_gaussian(scratch, content_table)
        codes = group.labels[shown], content
        watch.epoch(recorder.record(losses, group.generate, class_table, shown, codes, code))

    distance = (content_table - content_start).norm(dim=2).mean(1)
    moved = (distance / content_start.norm(dim=2).mean(1)).tolist()
    seconds = (time.perf_counter() - started) / group.models
    histories = [
        recorder.history(k, 0.0 if step else moved[k], seconds, step)
        for k, step in enumerate(divergence.steps)
    ]
    return group.trained(recipes, digits, histories)


def _from_gaussian(draws: Tensor, content_table: Tensor) -> Tensor:
    """Draws from N(0, 1), (K, D), as draws from the Gaussian fitted to each content table."""
    mean, factor = fitted_gaussian(content_table)
    return mean + (factor @ draws[..., None])[..., 0]


def side_by_side(recipes: list[Recipe], at_once: int = 1) -> list[list[Recipe]]:
    """Cuts recipes into even groups of one shape, at most WIDTH wide, keeping their order.

    With `at_once` groups trained at the same time, a shape is cut into a multiple of so many groups
    if it has more than their part of all recipes. A rarer one stays whole, since narrow groups are
    slow: others are trained beside it.
    """
    shapes: dict[tuple[float | str, ...], list[Recipe]] = {}
    for recipe in recipes:
        shapes.setdefault(recipe.shape, []).append(recipe)
    rare = min(WIDTH, math.ceil(len(recipes) / at_once))
    groups = []
    for alike in shapes.values():
        beside = 1 if len(alike) <= rare else at_once
        rounds = math.ceil(len(alike) / WIDTH / beside)
        width = math.ceil(len(alike) / (rounds * beside))
        groups += [alike[start : start + width] for start in range(0, len(alike), width)]
    return groups


def pick_device(name: str) -> torch.device:
    """`cpu`, `cuda`, or `auto`: a GPU if PyTorch finds one. Raises DeviceError without one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device = 'cuda': PyTorch finds no GPU here; use 'auto' or 'cpu'")
    return torch.device(name)
