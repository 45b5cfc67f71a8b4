"""The board of epochs: images being learned, as they were after each epoch of training."""

from typing import Any

import ipywidgets as ipw
import torch
from torch import Tensor

from glo_core.model import Glo
from reports.lab.models import Models
from reports.lab.parts import WIDE, Board, row
from reports.lab.picker import Picker
from reports.lab.view import View
from reports.study import Study

# Milliseconds that each epoch is shown for while it plays.
FRAME = 200


def epochs_board(study: Study) -> Board:
    """A panel of images and one code from scratch after any epoch of any model, to be played."""
    view = View(Models(study), "epochs", lambda glo: learned(glo, study), told=True)
    epoch = ipw.IntSlider(
        1, 1, 1, description="epoch", tooltip="After which epoch of training", layout=WIDE
    )
    play = ipw.Play(min=1, max=1, interval=FRAME, tooltip="Play or pause the epochs")

    def changed() -> None:
        epoch.max = play.max = picker.level.recipe.epochs

    picker = Picker(view.models, view)
    picker.changed(changed)
    view.links.append(ipw.jslink((play, "value"), (epoch, "value")))
    view.link(epoch, "value", "epoch")
    controls: dict[str, Any] = {**picker.controls, "epoch": epoch, "play": play}
    return Board(
        "epochs", [picker.box, row(play, epoch), view], controls, view, [picker], [picker.look]
    )


def learned(glo: Glo, study: Study) -> dict[str, Tensor]:
    """What was recorded after every epoch, as bytes, and the real images of the panel."""
    history = glo.history
    real = study.digits.images[history.indices]
    return {
        "panel": history.panel,
        "scratch": history.scratch,
        "real": (real * 255).round().byte(),
        "shown": study.digits.labels[history.indices].to(torch.uint8),
    }
