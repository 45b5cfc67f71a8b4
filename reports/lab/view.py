"""The part of a board that is drawn in the browser, and what it gets from the kernel.

It holds everything that its pictures depend on as traits, so that a control of Jupyter can be
linked to each of them in the browser (`ipywidgets.jslink`) and moves them without the kernel. A
model comes once, when the browser first asks for it.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import ipywidgets as ipw
import torch
import traitlets as tr
from torch import Tensor

from glo_core.data import Digits
from glo_core.measures.fitting import fit
from glo_core.measures.subject import MEASURED
from glo_core.model import Glo
from reports.lab.models import Level, Models
from reports.show import page
from reports.show.live import Shown, deflated, in_halves, numbers, sizes
from reports.traps import OwnStatistics

# Further parts of a model that a board needs: float32, which become half precision, or whole bytes.
Further = Callable[[Glo], Mapping[str, Tensor]]
# How hard models are deflated on their way to the browser.
FAST = 1


class View(anywidget.AnyWidget):
    """Pictures that the browser generates.

    Traits, each synchronised with the browser:
        scene: Which pictures: "noise", "conversion", "scratch", "epochs" or "own".
        levels, level: The keys of the models that can be chosen, and the place of the chosen one.
        curves, facts: For each level, its training losses and what is told of it, in words.
        gallery, pixels: The names of classes, the images' labels, and their pixels as bytes.
        images: Which of these are shown.
        target, targets, start, end: Classes that they are converted to, and that are blended.
        seed, priors: Which random code; the names of priors, one a row.
        move1, move2, move3: How far codes are moved along the directions that change images most,
            in standard deviations.
        epoch: After which epoch, from 1.
        notes, nearest: What the kernel finds out about the pictures: words below them, and the
            pixels of the nearest training images.
        data, fitted: What the board of an own image has to know (see `show.own`), and what it has
            found: label, content code, errors by class and the image's greys.
        noted: What was `chosen` when it did so; the browser pales what is not of what it shows.
    """

    _esm = page.widget()
    _css = page.style()

    scene = tr.Unicode().tag(sync=True)
    levels = tr.List(tr.Unicode()).tag(sync=True)
    level = tr.Int(0).tag(sync=True)
    curves: tr.List[Any] = tr.List().tag(sync=True)
    facts: tr.List[Any] = tr.List().tag(sync=True)
    gallery = tr.Dict().tag(sync=True)
    pixels = tr.Bytes(b"").tag(sync=True)
    images = tr.List(tr.Int()).tag(sync=True)
    target = tr.Int(0).tag(sync=True)
    targets = tr.List(tr.Int()).tag(sync=True)
    start = tr.Int(0).tag(sync=True)
    end = tr.Int(0).tag(sync=True)
    seed = tr.Int(0).tag(sync=True)
    priors = tr.List(tr.Unicode()).tag(sync=True)
    move1 = tr.Float(0.0).tag(sync=True)
    move2 = tr.Float(0.0).tag(sync=True)
    move3 = tr.Float(0.0).tag(sync=True)
    epoch = tr.Int(1).tag(sync=True)
    notes: tr.List[Any] = tr.List().tag(sync=True)
    data = tr.Dict().tag(sync=True)
    fitted = tr.Dict().tag(sync=True)
    noted: tr.List[Any] = tr.List().tag(sync=True)
    nearest = tr.Bytes(b"").tag(sync=True)

    def __init__(
        self,
        models: Models,
        scene: str,
        further: Further = lambda _: {},
        unseen: Digits | None = None,
        told: bool = False,
        **traits: Any,
    ):
        """Offers training images, at most MEASURED, and after these some that are unseen.

        `further` are the parts of a model that this scene needs besides network and codes; `told`
        has losses and measures of models told beside the pictures.
        """
        digits = models.study.digits
        self.trained = min(len(digits), MEASURED)
        sets = [digits.subset(torch.arange(self.trained)), *([unseen] if unseen else [])]
        self.offered = torch.cat([each.images for each in sets])
        self.labels = torch.cat([each.labels for each in sets])
        gallery = {
            "classes": digits.class_names,
            "labels": self.labels.tolist(),
            "trained": self.trained,
        }
        super().__init__(scene=scene, gallery=gallery, pixels=as_bytes(self.offered), **traits)
        self.models, self.further, self.told = models, further, told
        self.links: list[ipw.Widget] = []
        self._levels: dict[str, Level] = {}
        self._contents: dict[str, Tensor] = {}
        self.on_msg(self._asked)

    def link(self, control: ipw.Widget, name: str, trait: str) -> None:
        """Has a control's trait `name` set a trait of this view, in the browser."""
        self.links.append(ipw.jslink((control, name), (self, trait)))

    def show(self, levels: Sequence[Level], level: int) -> None:
        """Offers these models, and shows the one at the place `level`."""
        keys = [each.key for each in levels]
        self._levels = dict(zip(keys, levels, strict=True))
        with self.hold_sync():
            if self.told:
                self.curves = [*map(self.models.curve, levels)]
                self.facts = [*map(self.models.facts, levels)]
            self.levels, self.level = keys, level
        self.send({"fresh": keys})  # they may have been trained since the browser asked for them

    @property
    def chosen(self) -> tuple[Level, list[Any]]:
        """The chosen model, and what the kernel's findings depend on, as the browser has it too."""
        level, moves = self.chosen_level, [self.move1, self.move2, self.move3]
        return level, [level.key, self.images, self.targets, self.seed, moves]

    def note(
        self, chosen: list[Any], notes: list[list[str]], nearest: Tensor | None = None
    ) -> None:
        """Shows what was found out about the pictures of these choices."""
        with self.hold_sync():
            if nearest is not None:
                self.nearest = as_bytes(nearest)
            self.notes, self.noted = notes, chosen

    @property
    def chosen_level(self) -> Level:
        """The chosen model; the last one while a place in a longer list is on its way."""
        levels = [*self._levels.values()]
        return levels[min(self.level, len(levels) - 1)]

    def content(self, level: Level) -> Tensor:
        """A model's content codes of all images that are offered, (M, D); unseen ones' are fitted.

        Those of images that it was not trained on, though others were, are 0.
        """
        if level.key not in self._contents:
            glo, first = self.models.opened(level), self.trained
            learned = glo.content_table[:first]
            codes = [learned, learned.new_zeros(first - len(learned), learned.shape[1])]
            if first < len(self.offered):
                codes.append(fit(glo, self.offered[first:], self.labels[first:]))
            self._contents[level.key] = torch.cat(codes)
        return self._contents[level.key]

    def _asked(self, _: Any, message: dict[str, str], __: Any) -> None:
        """Sends a model to the browser, which has asked for it by its key."""
        key = message["wanted"]
        level = self._levels.get(key)
        if level is None or not self.models.has(level):
            self.send({"key": key, "error": "This model is not trained."})
            return
        try:
            content, buffers = self.packed(level)
        except Exception as error:  # the browser waits until it is told
            self.send({"key": key, "error": f"This model cannot be shown: {error}"})
            return
        self.send({"key": key, **content}, buffers=buffers)

    def packed(self, level: Level) -> tuple[dict[str, Any], list[bytes]]:
        """A model for the browser: the names and sizes of its parts, and their deflated bytes.

        Raises ValueError for a number that is too large for half precision.
        """
        glo = self.models.opened(level)
        known = torch.tensor([float(min(len(glo.content_table), self.trained))])
        more = {"content": self.content(level), "known": known, **self.further(glo)}
        floats = numbers(Shown(glo, "", isinstance(glo, OwnStatistics)), torch.arange(0))
        floats |= {name: part for name, part in more.items() if part.dtype == torch.float32}
        raw = {name: part.numpy().tobytes() for name, part in more.items() if name not in floats}
        lengths = [(name, len(part)) for name, part in raw.items()]
        halves = deflated(in_halves(floats, level.key), FAST)
        whole = zlib.compress(b"".join(raw.values()), FAST)
        return {"halves": sizes(floats), "bytes": lengths}, [halves, whole]


def as_bytes(images: Tensor) -> bytes:
    """Images in [0, 1] as a byte a pixel."""
    return (images * 255).round().byte().numpy().tobytes()
