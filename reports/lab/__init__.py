"""The lab: sliders over trained models, for Jupyter."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import ipywidgets as ipw
import torch
from PIL import Image

from glo_core.model import Glo
from glo_core.recipe import Recipe
from reports.methods import METHODS
from reports.show.animation import png
from reports.show.mosaics import mosaic
from reports.show.names import LOSS_NAMES, sigma_name
from reports.study import Study

# How many images stand side by side, and how many images of a class can be chosen from.
SHOWN, OFFERED = 8, 40
# How many random content codes can be chosen from.
CODES = 100


def explorer(study: Study) -> ipw.VBox:
    """Controls over the study's models, with conversions, reconstructions and images from scratch.

    The images change while a slider is dragged. Noise level and loss can be chosen for the exercise
    alone, of which the study has every one. A model that is missing is trained when it is chosen,
    and the first one, which is shown at once, before this returns. The returned box holds the
    controls and the pictures by name, in its `controls` and `pictures`, and in its `status` what
    the reader waits for.
    """
    controls = _controls(study)
    fitting = ipw.Layout(max_width="100%", align_self="flex-start")
    names = ("conversion", "image", "scratch")
    pictures = {name: ipw.Image(format="png", layout=fitting) for name in names}
    status, opened = ipw.Label(), cache(study.alone)

    def update(_: object = None) -> None:
        chosen = {name: control.value for name, control in controls.items()}
        for name in ("sigma", "loss"):
            controls[name].disabled = chosen["method"] != "exercise"
        recipe = _recipe(study, chosen)
        if not study.has(recipe):
            status.value = f"training {controls['method'].label}: once, then it is kept in runs/ …"
        for name, picture in _pictures(study, opened(recipe), chosen).items():
            pictures[name].value = png(picture)
        status.value = ""

    for control in controls.values():
        control.observe(update, "value")
    update()

    def row(*names: str) -> ipw.HBox:
        wrapped = ipw.Layout(flex_flow="row wrap")
        return ipw.HBox([controls[name] for name in names], layout=wrapped)

    box = ipw.VBox(
        [
            row("method", "sigma", "loss"),
            status,
            row("source", "target", "image"),
            pictures["conversion"],
            pictures["image"],
            row("scratch", "prior"),
            pictures["scratch"],
        ]
    )
    box.controls, box.pictures, box.status = controls, pictures, status
    return box


def _controls(study: Study) -> dict[str, Any]:
    """The controls by name: our method, the chosen noise level and the exercise's conversion."""
    chosen = study.parameters
    source, target = study.pair
    classes = [(name, k) for k, name in enumerate(study.digits.class_names)]
    methods = [(method.name, method.key) for method in METHODS]
    sigmas = [(sigma_name(sigma), sigma) for sigma in study.sigmas]
    losses = [(LOSS_NAMES[loss], loss) for loss in study.losses]
    priors = [("fitted Gaussian", "gaussian"), ("N(0, 1)", "normal")]
    wide = ipw.Layout(width="32em", max_width="100%")
    return {
        "method": ipw.Dropdown(options=methods, value="ours", description="method", layout=wide),
        "sigma": ipw.SelectionSlider(
            options=sigmas, value=chosen.chosen_sigma, description="σ", layout=wide
        ),
        "loss": ipw.ToggleButtons(
            options=losses,
            value=chosen.chosen_loss,
            description="loss",
            style={"button_width": "5em"},
            layout=wide,
        ),
        "source": ipw.Dropdown(options=classes, value=source, description="from"),
        "target": ipw.Dropdown(options=classes, value=target, description="to"),
        "image": ipw.IntSlider(0, 0, OFFERED - 1, description="image"),
        "scratch": ipw.IntSlider(0, 0, CODES - 1, description="code seed"),
        "prior": ipw.ToggleButtons(options=priors, description="code from", layout=wide),
    }


def _recipe(study: Study, chosen: Mapping[str, Any]) -> Recipe:
    """The recipe of the model to show, for the values of the controls."""
    if chosen["method"] == "exercise":
        return study.swept(chosen["loss"], chosen["sigma"])
    return study.parameters.methods()[chosen["method"]]


def _pictures(study: Study, glo: Glo, chosen: Mapping[str, Any]) -> dict[str, Image.Image]:
    """A model's pictures by name, for the values of the controls."""
    names = study.digits.class_names
    classes = torch.arange(len(names))
    images = study.pick(chosen["source"], OFFERED)
    row = images.roll(-(chosen["image"] % len(images)))[:SHOWN]
    conversions = glo.convert(row, chosen["target"])
    shown = torch.stack([study.digits.images[row], glo.reconstruct(row), conversions])
    every_class = glo.convert(row[:1].expand(len(names)), classes)
    scratch = glo.scratch(classes, chosen["prior"], chosen["scratch"])
    rows = ["real", "reconstructed", f"as {names[chosen['target']]}"]
    return {
        "conversion": mosaic(shown, rows),
        "image": mosaic(every_class[None], ["as every class"], names),
        "scratch": mosaic(scratch[None], ["from scratch"], names),
    }
