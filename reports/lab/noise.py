"""The board of the noise level: what one model does with images, by the noise of its training."""

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from reports.lab.models import Level, Models
from reports.lab.parts import NARROW, WIDE, Board, row
from reports.lab.picker import Picker
from reports.lab.sources import PICKS, Sources
from reports.lab.view import View
from reports.study import Study


def noise_board(study: Study) -> Board:
    """Conversions, reconstructions, images from scratch, losses, leakage and style of any model.

    Besides the report's models, every run in the store can be picked from a table.
    """
    models, (source, target) = Models(study), study.pair
    view = View(models, "noise", told=True, target=target)
    picker, sources = Picker(models, view), Sources(view, source, study.parameters.pick_seed)
    controls: dict[str, Any] = {
        "target": ipw.Dropdown(
            options=study.digits.class_names,
            index=target,
            description="convert to",
            tooltip="The class whose code conversions are generated with",
            layout=NARROW,
        ),
        "code": ipw.IntSlider(
            0, 0, PICKS - 1, description="code", tooltip="Other random content codes", layout=WIDE
        ),
    }
    view.link(controls["target"], "index", "target")
    view.link(controls["code"], "value", "seed")
    table, look = _table(models, picker)
    folded = ipw.Accordion([table], titles=("Any run in runs/",))
    children = [picker.box, sources.box, row(*controls.values()), view, folded]
    every = {**picker.controls, **sources.controls, **controls, "runs": table}
    return Board("noise", children, every, view, [picker], [picker.look, look])


def _table(models: Models, picker: Picker) -> tuple[ipw.Select, Callable[[], None]]:
    """A table of every run in the store, and what reads it anew.

    The run that is picked is shown in the place of the report's models.
    """
    found: dict[str, Level] = {}
    table = ipw.Select(
        rows=8,
        description="run",
        tooltip="Every run in the store that was trained on these images, or the first of them",
        layout=ipw.Layout(width="100%"),
    )

    def look() -> None:
        chosen = table.value
        found.update(models.runs())
        table.options = ["", *found]
        table.value = chosen if chosen in found else ""

    def choose(change: Any) -> None:
        if change.new:
            picker.show([found[change.new]])

    def leave(_: object) -> None:
        table.value = ""  # the report's models are shown again

    look()
    table.observe(choose, "value")
    for name in ("method", "loss", "seed"):
        picker.controls[name].observe(leave, "value")
    return table, look
