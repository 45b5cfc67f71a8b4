"""The lab: sliders over trained models, for Jupyter."""

import ipywidgets as ipw
import torch

from reports.show.animation import png
from reports.show.mosaics import mosaic
from reports.show.names import LOSS_NAMES, sigma_name
from reports.study import Study

# Pictures side by side, and how many of a class's images the image picker offers.
SHOWN, OFFERED = 8, 40


def explorer(study: Study) -> ipw.VBox:
    """Sliders over the study's models that redraw conversions, reconstructions and scratch digits.

    Every control redraws while it is dragged; the models' noise level σ and loss are those of the
    study's sweep. The returned box holds the controls by name in its `controls`.
    """
    names = study.digits.class_names
    classes = torch.arange(len(names))
    options = [(name, k) for k, name in enumerate(names)]
    parameters = study.parameters
    wide = ipw.Layout(width="32em", max_width="100%")
    controls = {
        "sigma": ipw.SelectionSlider(
            options=[(sigma_name(sigma), sigma) for sigma in study.sigmas],
            value=parameters.chosen_sigma,
            description="σ",
            layout=wide,
        ),
        "loss": ipw.ToggleButtons(
            options=[(LOSS_NAMES[loss], loss) for loss in study.losses],
            value=parameters.chosen_loss,
            description="loss",
            style={"button_width": "5em"},
            layout=wide,
        ),
        "source": ipw.Dropdown(options=options, value=min(4, len(names) - 1), description="from"),
        "target": ipw.Dropdown(options=options, value=min(3, len(names) - 1), description="to"),
        "image": ipw.IntSlider(0, 0, OFFERED - 1, description="image"),
        "scratch": ipw.IntSlider(0, 0, 99, description="code seed"),
        "prior": ipw.ToggleButtons(
            options=[("fitted Gaussian", "gaussian"), ("N(0, 1)", "normal")],
            description="drawn from",
            layout=wide,
        ),
    }
    pictures = {
        name: ipw.Image(format="png", layout=ipw.Layout(max_width="100%", align_self="flex-start"))
        for name in ("conversion", "image", "scratch")
    }

    def redraw(_: object = None) -> None:
        value = {name: control.value for name, control in controls.items()}
        glo = study.model(value["loss"], value["sigma"])
        images = study.pick(value["source"], OFFERED)
        first = value["image"] % len(images)
        row = images.roll(-first)[:SHOWN]
        real = study.digits.images
        converted = [real[row], glo.reconstruct(row), glo.convert(row, value["target"])]
        rows = ["real", "redrawn", f"as {names[value['target']]}"]
        pictures["conversion"].value = png(mosaic(torch.stack(converted), rows))
        as_all = glo.convert(row[:1].expand(len(names)), classes)
        pictures["image"].value = png(mosaic(as_all[None], ["as every class"], names))
        drawn = glo.scratch(classes, value["prior"], value["scratch"])
        pictures["scratch"].value = png(mosaic(drawn[None], ["from scratch"], names))

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()
    row = ipw.Layout(flex_flow="row wrap")
    box = ipw.VBox(
        [
            ipw.HBox([controls["sigma"], controls["loss"]], layout=row),
            ipw.HBox([controls["source"], controls["target"], controls["image"]], layout=row),
            pictures["conversion"],
            pictures["image"],
            ipw.HBox([controls["scratch"], controls["prior"]], layout=row),
            pictures["scratch"],
        ]
    )
    box.controls, box.pictures = controls, pictures
    return box
