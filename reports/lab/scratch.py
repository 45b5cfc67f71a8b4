"""The board of images from scratch: random codes of every prior, moved, beside their nearest."""

from typing import Any

import ipywidgets as ipw
import torch
from torch import Tensor

from glo_core.measures.samples import nearest
from glo_core.model import Glo
from glo_core.priors import PRIORS, draw
from reports.lab.models import Models
from reports.lab.parts import WIDE, Board, finding, row
from reports.lab.picker import Picker
from reports.lab.sources import PICKS
from reports.lab.view import View
from reports.show.live import MOVED, SPREAD, directions
from reports.study import Study

PRIOR_NAMES = {
    "normal": "N(0, 1)",
    "diagonal": "diagonal Gaussian",
    "gaussian": "Gaussian",
    "mixture": "mixture",
}
LEGEND = (
    "Below each image: the training image nearest to it, and the root mean square difference of "
    "their pixels."
)


def scratch_board(study: Study) -> Board:
    """A random content code of every prior with each class code, and the nearest training images.

    Sliders move the code along the directions that change images most.
    """
    models = Models(study)
    priors = [PRIOR_NAMES[prior] for prior in PRIORS]
    view = View(models, "scratch", lambda glo: {"draws": drawn(glo)}, priors=priors)
    picker = Picker(models, view)
    controls: dict[str, Any] = {
        "code": ipw.IntSlider(
            0, 0, PICKS - 1, description="code", tooltip="Other random content codes", layout=WIDE
        )
    }
    for k in range(1, MOVED + 1):
        controls[f"move{k}"] = ipw.FloatSlider(
            0,
            min=-SPREAD,
            max=SPREAD,
            description=f"direction {k}",
            tooltip="Moves codes along a direction that changes images, in standard deviations",
            layout=WIDE,
        )
        view.link(controls[f"move{k}"], "value", f"move{k}")
    view.link(controls["code"], "value", "seed")
    traits = ["seed", "move1", "move2", "move3", "level", "levels"]
    look, legend = finding(view, traits, lambda: _look(view, study, models), LEGEND)
    children = [picker.box, row(*controls.values()), view, legend]
    controls |= picker.controls
    return Board("scratch", children, controls, view, [picker, look], [picker.look])


def drawn(glo: Glo) -> Tensor:
    """Random content codes of each prior: (P, PICKS, D)."""
    return torch.stack([draw(glo.content_table, prior, PICKS) for prior in PRIORS])


def _look(view: View, study: Study, models: Models) -> None:
    """Finds the training images nearest to the pictures that are shown."""
    level, chosen = view.chosen
    if not models.has(level):
        return
    glo, (*_, seed, moves) = models.opened(level), chosen
    _, axes = directions(glo)
    content = drawn(glo)[:, seed] + torch.tensor(moves) @ axes[:MOVED]
    classes = torch.arange(len(glo.class_table))
    labels, codes = classes.repeat(len(content)), content.repeat_interleave(len(classes), 0)
    index, distance = nearest(glo.decode(labels, codes), study.digits.images)
    words = [f"{away:.2f}" for away in distance.tolist()]
    notes = [words[k : k + len(classes)] for k in range(0, len(words), len(classes))]
    view.note(chosen, notes, study.digits.images[index])
