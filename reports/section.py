"""A section of the report as its notebook uses it: a study, and the section's words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure as Plot
from PIL import Image

from glo_core.recipe import Recipe
from reports.answers.text import Text
from reports.schema import Finding
from reports.show import publish
from reports.show.animation import Animation, Places
from reports.study import Study, open_study

Facts = Mapping[str, Any]


class Section:
    """Shows figures, tables and text; all words come from `reports/answers/<name>.md`.

    `facts` are the values that are filled into the words, besides those of `common`; `recipes` are
    those whose models a figure shows or measures; `options` go to the function of `publish` that
    has the same name, such as `width=0.5`.
    """

    def __init__(self, name: str, study: Study):
        self.study = study
        self.text = Text(name, study.digits.mnist)
        self.common: dict[str, Any] = {"pick_seed": study.parameters.pick_seed}

    def say(self, part: str, facts: Facts | None = None) -> None:
        """A part of the section's text."""
        publish.say(self.text.part(part, self._all(facts)))

    def show(
        self,
        label: str,
        picture: Plot | Image.Image,
        facts: Facts | None = None,
        *,
        recipes: Sequence[Recipe] = (),
        **options: Any,
    ) -> None:
        """A figure: a plot or a mosaic."""
        publish.show(label, picture, **self._described(label, facts, recipes), **options)

    def show_animation(
        self,
        label: str,
        animation: Animation,
        facts: Facts | None = None,
        *,
        recipes: Sequence[Recipe] = (),
        **options: Any,
    ) -> None:
        """An animation."""
        described = self._described(label, facts, recipes)
        publish.show_animation(label, animation, **described, **options)

    def show_pictured(
        self,
        label: str,
        plot: Plot,
        cards: Animation,
        places: Places,
        facts: Facts | None = None,
        *,
        recipes: Sequence[Recipe] = (),
        **options: Any,
    ) -> None:
        """A plot with a picture for each of its marks, which stand at `places`."""
        described = self._described(label, facts, recipes)
        publish.show_pictured(label, plot, cards, places, **described, **options)

    def show_live(
        self,
        label: str,
        html: str,
        still: Image.Image,
        facts: Facts | None = None,
        *,
        recipes: Sequence[Recipe] = (),
        **options: Any,
    ) -> None:
        """A figure that readers move, with a still picture for paper."""
        publish.show_live(label, html, still, **self._described(label, facts, recipes), **options)

    def show_table(
        self,
        label: str,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        facts: Facts | None = None,
        *,
        recipes: Sequence[Recipe] = (),
    ) -> None:
        """A table of Markdown cells."""
        described = self._described(label, facts, recipes)
        del described["alt"]
        publish.show_table(label, header, rows, **described)

    def state(self, finding: Finding) -> None:
        """A claim of the old report with its verdict and evidence, as a sentence of the text."""
        publish.state(finding)

    def record(self, **numbers: Any) -> None:
        """Numbers that the section states, for `results.json`."""
        publish.record(**numbers)

    def _described(
        self, label: str, facts: Facts | None, recipes: Sequence[Recipe]
    ) -> dict[str, Any]:
        caption, alt = self.text.caption(label, self._all(facts))
        return {"caption": caption, "alt": alt, "runs": self.study.keys(*recipes)}

    def _all(self, facts: Facts | None) -> dict[str, Any]:
        return {**self.common, **(facts or {})}


def open_section(name: str, parameter_file: str | Path, overrides: dict[str, Any]) -> Section:
    """The section of this name, for a study of a parameter file with some parameters replaced.

    Raises ParameterError or DataError for parameters or data that cannot be used.
    """
    publish.load_page()
    study = open_study(parameter_file, overrides)
    _ = study.models  # trained with all threads where they are missing
    torch.set_num_threads(1)  # sections run side by side (see `kernels`)
    return Section(name, study)
