"""The board of conversions: images to any classes, judged and measured, and what lies between."""

from typing import Any

import ipywidgets as ipw
import torch

from glo_core.measures.concordance import COLUMNS
from glo_core.measures.judge import predictions
from glo_core.measures.style import style
from reports.lab.models import Models
from reports.lab.parts import NARROW, Board, finding, row
from reports.lab.picker import Picker
from reports.lab.sources import Sources
from reports.lab.view import View
from reports.study import Study

# Unseen images that can be chosen from, and images that are shown at first.
UNSEEN, FIRST = 40, 4
LEGEND = (
    "Below each picture: the class that the judge reads, then slant in degrees, thickness and "
    "width in pixels. The last grid goes from one class code to another (across) and from the "
    "first image's content code to the last one's (down)."
)


TRAINED_FIRST = "The judge is trained first, once; what it reads stands below the pictures then."


def conversion_board(study: Study) -> Board:
    """Images beside their conversions, with what the judge reads and the style of each.

    Below them, what lies between two class codes and between two content codes.
    """
    models, names, (start, end) = Models(study), study.digits.class_names, study.pair
    view = View(
        models,
        "conversion",
        unseen=study.unseen.sample(UNSEEN),
        targets=list(range(len(names))),
        start=start,
        end=end,
    )
    picker = Picker(models, view)
    sources = Sources(view, -1, study.parameters.pick_seed, FIRST)
    targets = [
        ipw.ToggleButton(
            True, description=name, tooltip=f"Convert to {name}", layout=ipw.Layout(width="auto")
        )
        for name in names
    ]
    controls: dict[str, Any] = {
        name: ipw.Dropdown(
            options=names,
            index=getattr(view, name),
            description=words,
            tooltip="The class codes between which the last grid lies",
            layout=NARROW,
        )
        for name, words in (("start", "blend from"), ("end", "to"))
    }

    def choose(_: object) -> None:
        view.targets = [k for k, button in enumerate(targets) if button.value]

    for button in targets:
        button.observe(choose, "value")
    for name, control in controls.items():
        view.link(control, "index", name)
    traits = ["images", "targets", "level", "levels"]
    first = "" if study.judged else TRAINED_FIRST
    annotate, legend = finding(view, traits, lambda: _annotate(view, study, models), LEGEND, first)
    wrapped = ipw.Layout(flex_flow="row wrap")
    chosen = ipw.HBox([ipw.Label("convert to"), *targets], layout=wrapped)
    children = [picker.box, sources.box, chosen, row(*controls.values()), view, legend]
    every = {**picker.controls, **sources.controls, **controls, "targets": targets}
    return Board("conversion", children, every, view, [picker, annotate], [picker.look])


def _annotate(view: View, study: Study, models: Models) -> None:
    """Writes below each picture of the first grid what the judge reads, and its style."""
    level, chosen = view.chosen
    if not models.has(level):
        return
    _, images, targets, *_ = chosen
    pictures = view.offered[images][:, None]
    if targets:
        codes = view.content(level)[images].repeat_interleave(len(targets), 0)
        labels = torch.tensor(targets).repeat(len(images))
        converted = models.opened(level).decode(labels, codes)
        pictures = torch.cat([pictures, converted.view(len(images), -1, 28, 28)], 1)
    pictures = pictures.flatten(0, 1)
    read, names = predictions(study.judge, pictures).tolist(), study.digits.class_names
    styles = style(pictures)[:, COLUMNS].tolist()
    words = [
        f"{names[label]}\n{slant:+.0f} {thickness:.1f} {width:.0f}"
        for label, (slant, thickness, width) in zip(read, styles, strict=True)
    ]
    width = 1 + len(targets)
    view.note(chosen, [words[k : k + width] for k in range(0, len(words), width)])
