"""How well conversions succeed and what they keep: the facts that words and results share.

Sequences have one entry for each noise level, σ rising. The section's pictures are built here too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from glo_core.measures.intervals import Proportion
from glo_core.measures.leakage import chance
from glo_core.measures.subject import measured
from glo_core.model import Glo
from reports.claims import ALIKE
from reports.comparison import STYLE, style_kept
from reports.show.animation import Animation
from reports.show.mosaics import mosaic
from reports.show.names import sigma_name
from reports.study import Study

# Images of one class whose conversion is shown: as many as the old report shows.
SHOWN = 4
# Images of each pair of classes that a card of the matrix shows.
ON_A_CARD = 3


def common(study: Study) -> dict[str, Any]:
    """The facts of every part."""
    source, target = (study.digits.class_names[label] for label in study.pair)
    return {
        "loss": study.parameters.chosen_loss,
        "sigma": study.parameters.chosen_sigma,
        "sigmas": study.sigmas,
        "source": source,
        "target": target,
        "images": len(measured(study.digits)),
    }


@dataclass(frozen=True)
class Answer:
    """What the class code and the content code hold, by the conversions of one model.

    Fields:
        conversion, source_residue: The proportions of conversions that are classified as their
            target, and as their source.
        unseen_leakage: What the strongest probe finds in the codes of unseen images.
        training_leakage: What the MLP probe finds in the training images' codes.
        chance: The balanced accuracy of a guess.
        style: How much of its source's style a conversion keeps, over what a reconstruction keeps.
    """

    conversion: Proportion
    source_residue: Proportion
    unseen_leakage: Proportion
    training_leakage: Proportion
    chance: float
    style: float

    @property
    def class_code_decides(self) -> bool:
        """Whether conversions are surely classified as their target more often than as source."""
        return self.conversion.low > self.source_residue.high

    @property
    def content_code_leaks(self) -> bool:
        """Whether the probe of unseen images' codes is surely better than a guess."""
        return self.unseen_leakage.low > self.chance


def answer(study: Study) -> Answer:
    """The answer for the chosen model; a mean over the seeds that each measure was taken of."""
    chosen, results = study.swept(), study.results
    sums = np.concatenate([results[chosen, path].raw for path in STYLE], -1)
    return Answer(
        conversion=results[chosen, "conversion"].proportion,
        source_residue=results[chosen, "source_residue"].proportion,
        unseen_leakage=results[chosen, "unseen_strongest"].proportion,
        training_leakage=results[chosen, "leakage_mlp"].proportion,
        chance=chance(len(study.digits.class_names)),
        style=float(style_kept(sums).mean()),
    )


def largest(proportions: Sequence[Proportion]) -> int:
    """The place of the largest proportion, the first of equal ones."""
    return int(np.argmax([each.value for each in proportions]))


def hardest(matrix: NDArray[np.float64]) -> tuple[int, int]:
    """The source and the target, two classes, whose conversions succeed least often."""
    others = np.where(np.eye(len(matrix), dtype=bool), np.inf, matrix)
    source, target = np.unravel_index(others.argmin(), others.shape)
    return int(source), int(target)


def all_but_one_image(variety: Sequence[float], best: int, chosen: int) -> bool:
    """Whether the σ whose conversions succeed best has images of a class that are almost equal.

    `variety` is in proportion to the real images'; False if the best σ is the chosen one.
    """
    return best != chosen and variety[best] < ALIKE


def frame_names(sigmas: Sequence[float]) -> list[str]:
    """The name of each noise level in animations and in the results."""
    return [f"σ = {sigma_name(sigma)}" for sigma in sigmas]


# --- pictures ------------------------------------------------------------------------------------


def one_conversion(study: Study, glo: Glo) -> Image.Image:
    """Images of the exercise's source class above their conversions to its target class."""
    source, target = study.pair
    names = ["original", f"as {study.digits.class_names[target]}"]
    return _converted(study, glo, (source, target), SHOWN, names, scale=3)


def all_conversions(study: Study, glo: Glo) -> Image.Image:
    """One image of each class, a row each, with its conversion to every class."""
    names = study.digits.class_names
    images = torch.cat([study.pick(label, 1) for label in range(len(names))])
    converted = [glo.convert(images, to) for to in range(len(names))]
    rows = torch.stack([study.digits.images[images], *converted], 1)
    return mosaic(rows, rows=names, columns=["real", *names])


def cards(study: Study, glo: Glo, matrix: NDArray[np.float64]) -> Animation:
    """Some images of each pair of classes with their conversions, and how many succeed."""
    names, pairs = study.digits.class_names, list(np.ndindex(matrix.shape))
    titles = [
        f"{names[a]} to {names[b]}: {matrix[a, b]:.1%} classified as {names[b]}" for a, b in pairs
    ]
    rows = ["real", "converted"]
    return Animation([_converted(study, glo, pair, ON_A_CARD, rows) for pair in pairs], titles)


def _converted(
    study: Study, glo: Glo, pair: tuple[int, ...], count: int, names: list[str], scale: int = 2
) -> Image.Image:
    source, target = pair
    images = study.pick(source, count)
    rows = torch.stack([study.digits.images[images], glo.convert(images, target)])
    return mosaic(rows, rows=names, scale=scale)
