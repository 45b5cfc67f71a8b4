"""What the introduction says of the digits, the network and the models: facts and pictures."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.measures.fitting import classify, fit
from glo_core.measures.style import FEATURES, style
from glo_core.peers.cvae import CvaeRecipe
from glo_core.recipe import Recipe
from glo_core.recorder import PANEL_SEED
from reports.answers.text import noun
from reports.methods import METHODS
from reports.show import own
from reports.show.live import MOVED, SPREAD, Shown, decoder, walks
from reports.show.mosaics import mosaic
from reports.show.names import sigma_name
from reports.study import Study
from reports.traps import OwnStatistics

# Training images of each class that are shown, at most, and that the live decoder offers.
SHOWN, OFFERED = 12, 2
# Unseen images that readers can take instead of drawing, and how many of them paper shows.
UNSEEN, STILL = 30, 6
# How many training images tell how thick strokes are, and the thickest pen to draw with, in pixels.
MEASURED, THICKEST = 500, 4.0
# The methods that the live decoder names first, and one that is compared in numbers only.
FIRST, LEFT_OUT = ("ours", "exercise"), "no-swap"


def facts(study: Study) -> dict[str, Any]:
    """The facts of every part."""
    source, target = (study.digits.class_names[label] for label in study.pair)
    return {
        "parameters": study.parameters,
        "recipe": study.swept(),
        "sigmas": study.sigmas,
        "left_out": study.gaps.left_out,
        "source": source,
        "target": target,
        "method": next(iter(live_methods(study))),
        "directions": MOVED,
        "spread": SPREAD,
        "data_source": study.digits.source,
        "hint": study.hint,
        "still": min(STILL, len(study.splits.test)),
        "panel_seed": PANEL_SEED,
        **sizes(study),
    }


def sizes(study: Study) -> dict[str, float]:
    """How large the study is: the numbers that the results hold."""
    return {
        "shown_per_class": shown_per_class(study.digits.labels),
        "images": len(study.digits),
        "judge_images": len(study.splits.judge),
        "test_images": len(study.splits.test),
        "weights": weights(study.model().network),
        "models": len(study.models),
    }


def shown_per_class(labels: Tensor) -> int:
    """How many images of each class are shown: SHOWN, or those of the smallest class."""
    return min(SHOWN, int(labels.bincount().min()))


def weights(network: nn.Module) -> int:
    """How many numbers training can change in a network."""
    return sum(weight.numel() for weight in network.parameters())


# --- pictures ------------------------------------------------------------------------------------


def live_methods(study: Study) -> dict[str, list[Recipe]]:
    """The recipes of the live decoder by their method's name: every method with class codes.

    The exercise has one of each noise level, rising, and the others have one.
    """
    recipes = study.parameters.methods()
    found = {key: [recipes[key]] for key in dict.fromkeys([*FIRST, *recipes])}
    found["exercise"] = [study.swept(sigma=sigma) for sigma in study.sigmas]
    names = {method.key: method.name for method in METHODS}
    return {
        names[key]: listed
        for key, listed in found.items()
        if listed[0].class_dim and key != LEFT_OUT
    }


def live_model(study: Study, recipe: Recipe) -> Shown:
    """A recipe's model with what the live decoder has to know of it."""
    glo = study.models[recipe]
    noise = "learned" if isinstance(recipe, CvaeRecipe) else f"σ = {sigma_name(recipe.sigma)}"
    return Shown(glo, noise, isinstance(glo, OwnStatistics))


def live_decoder(study: Study) -> tuple[str, Image.Image]:
    """The live decoder with the models of every method, and a still picture of ours for paper."""
    names, (source, target) = study.digits.class_names, study.pair
    images = torch.cat([study.pick(label, OFFERED) for label in range(len(names))])
    first = study.digits.labels[images].tolist().index(source)
    methods = {
        name: [live_model(study, recipe) for recipe in recipes]
        for name, recipes in live_methods(study).items()
    }
    start = study.sigmas.index(study.parameters.chosen_sigma)
    html = decoder(methods, images, study.digits, start=start, image=first, target=target)
    rows = [f"{names[source]} to {names[target]}"]
    rows += [f"direction {k + 1}" for k in range(MOVED)]
    ours = study.models[study.parameters.methods()["ours"]]
    return html, mosaic(walks(ours, int(images[first]), target), rows=rows)


def unseen(study: Study) -> Digits:
    """Images that no model was trained on, picked at random, for readers who draw none."""
    test = study.splits.test
    random = np.random.default_rng([study.parameters.pick_seed, UNSEEN])
    return test.subset(torch.from_numpy(random.permutation(len(test))[:UNSEEN]))


def pen(study: Study) -> float:
    """How thick strokes of the training images are in the median, in pixels.

    What is no stroke but a filled shape is drawn with a pen that still draws lines.
    """
    thickness = style(study.digits.sample(MEASURED).images)[:, FEATURES.index("thickness")]
    return round(min(float(np.nanmedian(thickness)), THICKEST), 1)


def own_board(study: Study) -> tuple[str, Image.Image]:
    """The board for an image of the reader's own with our model, and a still picture for paper.

    The still picture shows unseen images, each with a content code fitted under the class by which
    the model reconstructs it best.
    """
    ours, digits = study.models[study.parameters.methods()["ours"]], study.digits
    others = unseen(study)
    html = own.own_board(ours, digits, others, noun(digits), pen(study))
    images = others.images[:STILL]
    guesses, _ = classify(ours, images)
    return html, own.still(ours, images, fit(ours, images, guesses), digits.class_names)


def training_images(study: Study) -> Image.Image:
    """Training images of each class, a row each."""
    digits, count = study.digits, shown_per_class(study.digits.labels)
    picked = [digits.images[study.pick(k, count)] for k in range(len(digits.class_names))]
    return mosaic(torch.stack(picked), rows=digits.class_names)
