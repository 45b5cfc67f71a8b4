"""What noise does to the training loss and to leakage: the facts that words and results share.

Each function takes plain numbers, one entry for each noise level, σ rising. The fields of what it
returns are recorded in the results; the properties decide which words the text uses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glo_core.measures.intervals import Proportion
from reports.claims import RANK, rank_correlation
from reports.gaps import Gaps
from reports.show.names import sigma_name

# The proportion of 95% intervals that lie above the true value by luck alone.
LUCK = 0.025


@dataclass(frozen=True)
class Losses:
    """How the training loss of models with one loss depends on σ.

    Fields:
        curves: How many noise levels there are.
        falling_curves: At how many of them the loss ends below that of the first epoch.
        last_loss: The loss of the last epoch, the mean over seeds.
        widest_seed_difference: The largest difference of the last loss between two seeds.
        identical_to_lowest: The noise levels whose model equals that of the lowest level, which
            is one of them.
    """

    curves: int
    falling_curves: int
    last_loss: list[float]
    widest_seed_difference: float
    identical_to_lowest: list[str]


def losses(
    sigmas: Sequence[float], curves: NDArray[np.float64], tables: Sequence[Tensor]
) -> Losses:
    """Facts about training losses (S, seeds, E), and the S content tables of the first seed.

    Seeds whose model has diverged are NaN.
    """
    means = np.nanmean(curves, 1)
    spread = np.nanmax(curves, 1) - np.nanmin(curves, 1)
    return Losses(
        curves=len(means),
        falling_curves=int((means[:, -1] < means[:, 0]).sum()),
        last_loss=means[:, -1].tolist(),
        widest_seed_difference=float(spread[:, -1].max()),
        identical_to_lowest=[
            sigma_name(sigma)
            for sigma, table in zip(sigmas, tables, strict=True)
            if torch.equal(table, tables[0])
        ],
    )


def vanishing(sigmas: Sequence[float]) -> list[float]:
    """The noise levels above 0 that become 0 in 32-bit numbers."""
    return [sigma for sigma in sigmas if sigma and np.float32(sigma) == 0]


def diverged(gaps: Gaps) -> dict[str, Any]:
    """What has diverged, in words; the noise left out; whether other seeds diverged alone."""
    first = {"seed": gaps.parameters.seeds[0]}
    return {
        "diverged": gaps.words(),
        "left_out": gaps.left_out,
        "other_seeds": any(each.model_copy(update=first) not in gaps.steps for each in gaps.steps),
    }


@dataclass(frozen=True)
class Leakage:
    """How well probes predict the class from the content codes of models with one loss.

    Fields:
        leakage: The balanced accuracy of each probe, by its name.
        noise_to_code: σ over the spread of the content codes.
        content_moved: How far the content codes moved, over their first length.
        leaking_sigmas: The noise levels at which the whole interval of a probe is above chance.
        intervals: How many intervals there are.
        intervals_above_chance_by_luck: How many of them would be above chance if nothing leaked.
        mlp_leakage_rank_correlation: That of the MLP probe's accuracy with σ and content_moved.
    """

    leakage: Mapping[str, Sequence[Proportion]]
    noise_to_code: list[float]
    content_moved: list[float]
    leaking_sigmas: list[str]
    intervals: int
    intervals_above_chance_by_luck: float
    mlp_leakage_rank_correlation: dict[str, float]

    @property
    def peak(self) -> int:
        """The index of the noise level at which the MLP probe is most accurate."""
        return int(np.argmax([found.value for found in self.leakage["mlp"]]))

    @property
    def farthest(self) -> int:
        """The index of the noise level at which the content codes moved farthest."""
        return int(np.argmax(self.content_moved))

    @property
    def falls(self) -> bool:
        """Whether the MLP probe's accuracy falls with σ in rank."""
        return self.mlp_leakage_rank_correlation["sigma"] <= -RANK


def leakage(
    sigmas: Sequence[float],
    found: Mapping[str, Sequence[Proportion]],
    moved: Sequence[float],
    ratios: Sequence[float],
    chance: float,
) -> Leakage:
    """Facts about the probes' accuracies, how far codes moved, and σ over the codes' spread."""
    mlp = [proportion.value for proportion in found["mlp"]]
    intervals = len(found) * len(sigmas)
    return Leakage(
        leakage=found,
        noise_to_code=list(ratios),
        content_moved=list(moved),
        leaking_sigmas=[
            sigma_name(sigma)
            for k, sigma in enumerate(sigmas)
            if any(proportions[k].low > chance for proportions in found.values())
        ],
        intervals=intervals,
        intervals_above_chance_by_luck=LUCK * intervals,
        mlp_leakage_rank_correlation={
            "sigma": rank_correlation(sigmas, mlp),
            "content_moved": rank_correlation(moved, mlp),
        },
    )


@dataclass(frozen=True)
class Unseen:
    """How well the class is predicted from codes of unseen images and of training images.

    Fields:
        unseen_leakage: What the strongest probe finds in unseen images' codes, with the first seed.
        masked_sigmas: The noise levels at which the whole interval of unseen codes lies above that
            of the MLP probe on training codes.
    """

    unseen_leakage: list[Proportion]
    masked_sigmas: list[str]

    @property
    def everywhere(self) -> bool:
        """Whether that is so at every noise level."""
        return len(self.masked_sigmas) == len(self.unseen_leakage)


def unseen(
    sigmas: Sequence[float], found: Sequence[Proportion], training: Sequence[Proportion]
) -> Unseen:
    """Facts about what probes find in unseen images' codes, and the MLP probe in training codes."""
    return Unseen(
        unseen_leakage=list(found),
        masked_sigmas=[
            sigma_name(sigma)
            for sigma, one, other in zip(sigmas, found, training, strict=True)
            if one.low > other.high
        ],
    )
