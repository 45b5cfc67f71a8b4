"""How reconstructions come about, epoch by epoch: the facts that words and results share."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.claims import RANK, rank_correlation

# Bounds of the variety of a class's reconstructions: a half and a twentieth of the real images'.
HALF, TWENTIETH = 0.5, 0.05


@dataclass(frozen=True)
class Learning:
    """How the reconstructions of the panel change while one model is trained.

    Fields:
        errors: The mean absolute error of the panel after each epoch.
        variety: How much the reconstructions of a class differ after each epoch, over how much its
            real images do.
    """

    errors: Sequence[float]
    variety: Sequence[float]

    @property
    def improved(self) -> bool:
        """Whether the last error is below the first."""
        return self.errors[-1] < self.errors[0]

    @property
    def half(self) -> int:
        """The first epoch, from 1, after which half of the whole improvement is reached."""
        halfway = (self.errors[0] + self.errors[-1]) / 2
        return 1 + next(k for k, error in enumerate(self.errors) if error <= halfway)

    @property
    def still_falling(self) -> bool:
        """Whether the last epoch made the error smaller."""
        return self.errors[-1] < self.errors[-2] if len(self.errors) > 1 else False

    @property
    def variety_grows(self) -> bool:
        """Whether the reconstructions of a class differ more after the last epoch."""
        return self.variety[0] < self.variety[-1]


@dataclass(frozen=True)
class AcrossNoise:
    """How reconstructions depend on σ after the last epoch, for models with one loss.

    Fields:
        sigmas: The noise levels, rising; the other fields have one entry for each.
        variety: How much the reconstructions of a class differ, over how much its real images do.
        errors: The mean absolute error of the panel.
    """

    sigmas: Sequence[float]
    variety: Sequence[float]
    errors: Sequence[float]

    @property
    def rank(self) -> float:
        """The rank correlation of the panel's error with σ."""
        return rank_correlation(self.sigmas, self.errors)

    @property
    def error_rises(self) -> bool:
        """Whether the panel's error rises with σ in rank."""
        return self.rank >= RANK

    @property
    def below_half(self) -> float | None:
        """The σ from which on a class keeps less than half of its variety, if there is one."""
        return self._below(HALF)

    @property
    def below_twentieth(self) -> float | None:
        """The σ from which on a class keeps less than a twentieth of its variety, if any."""
        return self._below(TWENTIETH)

    def _below(self, bound: float) -> float | None:
        """The σ from which on all varieties are below a bound."""
        found = None
        for sigma, value in zip(reversed(self.sigmas), reversed(self.variety), strict=True):
            if value >= bound:
                break
            found = sigma
        return found
