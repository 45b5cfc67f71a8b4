"""How good images from scratch are: the facts that words and results share."""

from collections.abc import Sequence
from dataclasses import dataclass

from glo_core.measures.intervals import Proportion

# Images of one code share a style if they are more alike than this many times what chance gives.
TIMES_CHANCE = 2


def overlap(one: Proportion, other: Proportion) -> bool:
    """Whether two intervals overlap, so that the proportions cannot be told apart."""
    return one.low <= other.high and other.low <= one.high


@dataclass(frozen=True)
class Legibility:
    """How many images from scratch are classified as the class that they were generated for.

    Fields:
        sigma: The chosen noise level.
        gaussian, normal: The proportions there, with random codes from the fitted Gaussian and from
            N(0, 1).
        conversion: The proportion of conversions there that are classified as their target.
        highest_sigma: The highest noise level.
        gaussian_at_highest: The proportion there, with random codes from the fitted Gaussian.
    """

    sigma: float
    gaussian: Proportion
    normal: Proportion
    conversion: Proportion
    highest_sigma: float
    gaussian_at_highest: Proportion

    @property
    def prior_matters(self) -> bool:
        """Whether the two priors of the random code surely differ."""
        return not overlap(self.gaussian, self.normal)

    @property
    def against_conversions(self) -> str:
        """How often images from scratch succeed, against conversions: as, more or less often."""
        if overlap(self.gaussian, self.conversion):
            return "as"
        return "more" if self.gaussian.value > self.conversion.value else "less"


def legibility(
    sigmas: Sequence[float],
    chosen: float,
    gaussian: Sequence[Proportion],
    normal: Sequence[Proportion],
    conversion: Sequence[Proportion],
) -> Legibility:
    """Facts about proportions that have one entry for each noise level, σ rising."""
    k = list(sigmas).index(chosen)
    return Legibility(chosen, gaussian[k], normal[k], conversion[k], sigmas[-1], gaussian[-1])


@dataclass(frozen=True)
class SharedStyle:
    """How alike in style the images of one random code are in two classes, as correlations.

    Fields:
        correlation: That of the images of one code.
        of_different_codes: That of images of different codes, which is what chance gives.
    """

    correlation: float
    of_different_codes: float

    @property
    def shown(self) -> bool:
        """Whether images of one code are clearly more alike than those of different codes."""
        return self.correlation > TIMES_CHANCE * abs(self.of_different_codes)
