"""The old report's five claims, each decided by a rule on measurements.

A rule takes numbers and returns a `Finding`: the claim as the old report made it, whether it holds
here, and the evidence in one sentence. `findings` feeds the rules from a study.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from glo_core.data import Digits
from glo_core.measures.intervals import Proportion
from glo_core.measures.leakage import chance
from glo_core.measures.reconstruction import variety
from glo_core.model import Glo
from reports.schema import Finding
from reports.show.names import LOSS_NAMES, PROBE_NAMES, sigma_name
from reports.show.words import number, percent
from reports.study import Study

# The rank correlation from which on a measure rises (or falls) with another.
RANK = 0.9
# A noise level up to LOW is very low, from HIGH on very high; without one, no claim about it.
LOW, HIGH = 0.01, 100
# The proportion of the real images' sharpness below which images are blurred, and of their variety
# below which the images of a class are almost the same.
BLURRED, ALIKE = 0.5, 0.05


def findings(study: Study) -> dict[int, Finding]:
    """All five claims by their number, decided for a study; claims 2 to 5 for its chosen loss."""
    sigmas, loss = study.sigmas, study.parameters.chosen_loss
    final_losses: dict[str, list[float]] = {
        name: study.series("final_loss", name).tolist() for name in study.losses
    }
    conversions, ceiling = study.proportions("conversion", loss), study.judge_accuracy.value
    sharp, varied = (study.series(name, loss).tolist() for name in ("sharpness", "variety"))
    leakage = {
        shown: study.proportions(f"leakage_{probe}", loss)[0]
        for probe, shown in PROBE_NAMES.items()
    }
    found = [
        more_noise_higher_loss(sigmas, final_losses),
        low_noise_unclear_conversions(sigmas, conversions, ceiling),
        high_noise_blurs(sigmas, sharp, varied),
        reconstructions_improve(panel_errors(study.model(), study.digits)),
        low_noise_leaks(sigmas, leakage, chance(len(study.digits.class_names))),
    ]
    return {finding.id: finding for finding in found}


def panel_errors(glo: Glo, digits: Digits) -> NDArray[np.float64]:
    """Mean absolute error of the panel's reconstructions after each epoch: (E,)."""
    real = digits.images[glo.history.indices]
    return (glo.history.panel / 255 - real).abs().mean((1, 2, 3)).double().numpy()


def panel_variety(glo: Glo, digits: Digits) -> list[float]:
    """The variety of the panel's reconstructions after each epoch, over that of its images."""
    indices = glo.history.indices
    labels = digits.labels[indices]
    of_images = variety(digits.images[indices], labels)
    return [variety(panel / 255, labels) / of_images for panel in glo.history.panel]


def more_noise_higher_loss(
    sigmas: Sequence[float], final_losses: Mapping[str, Sequence[float]]
) -> Finding:
    """Holds if, with every loss, the final training losses (S,) rise with σ in rank."""
    ranks = {loss: rank_correlation(sigmas, values) for loss, values in final_losses.items()}
    parts = [
        f"{LOSS_NAMES[loss]} goes from {values[0]:.3f} at σ = {sigma_name(sigmas[0])} to "
        f"{values[-1]:.3f} at σ = {sigma_name(sigmas[-1])} "
        f"(rank correlation {number(ranks[loss], '.2f')})"
        for loss, values in final_losses.items()
    ]
    return Finding(
        id=1,
        claim="more noise gives a higher final loss.",
        holds=all(rank >= RANK for rank in ranks.values()) if len(sigmas) > 1 else None,
        evidence="; ".join(parts),
        figure="fig-final-loss",
    )


def low_noise_unclear_conversions(
    sigmas: Sequence[float], conversions: Sequence[Proportion], ceiling: float
) -> Finding:
    """Holds if the lowest σ's conversion accuracy is surely below that of the best σ.

    `ceiling` is the judge's accuracy on real images.
    """
    best = int(np.argmax([conversion.value for conversion in conversions]))
    lowest = conversions[0]
    return Finding(
        id=2,
        claim="very low noise gives unclear conversions.",
        holds=lowest.high < conversions[best].low if sigmas[0] <= LOW and len(sigmas) > 1 else None,
        evidence=f"at σ = {sigma_name(sigmas[0])} the judge classifies {percent(lowest)} of the "
        f"conversions as their target, at σ = {sigma_name(sigmas[best])}, the best, "
        f"{percent(conversions[best])}; of real images it classifies {percent(ceiling)} correctly",
        figure="fig-conversion-accuracy",
    )


def high_noise_blurs(
    sigmas: Sequence[float], sharpness: Sequence[float], variety: Sequence[float]
) -> Finding:
    """Holds if the highest σ's reconstructions are blurred, and those of a class almost equal."""
    return Finding(
        id=3,
        claim="very high noise gives blurry images that converge to nothing.",
        holds=sharpness[-1] < BLURRED and variety[-1] < ALIKE if sigmas[-1] >= HIGH else None,
        evidence=f"at σ = {sigma_name(sigmas[-1])} the reconstructions have {sharpness[-1]:.0%} of "
        f"the real images' sharpness and {variety[-1]:.1%} of their variety within a class; at "
        f"σ = {sigma_name(sigmas[0])} they have {sharpness[0]:.0%} and {variety[0]:.0%}",
        figure="fig-sharpness-variety",
    )


def reconstructions_improve(errors: NDArray[np.float64]) -> Finding:
    """Holds if the panel's reconstruction error (E,) falls with the epochs in rank."""
    improved = int((np.diff(errors) < 0).sum())
    rank = rank_correlation(range(len(errors)), errors)
    return Finding(
        id=4,
        claim="drawings improve epoch by epoch.",
        holds=rank <= -RANK if len(errors) > 1 else None,
        evidence=f"the error of the panel's reconstructions fell in {improved} of "
        f"{len(errors) - 1} steps from one epoch to the next, from {errors[0]:.3f} to "
        f"{errors[-1]:.3f} (rank correlation {number(rank, '.2f')})",
        figure="fig-panel-error",
    )


def low_noise_leaks(
    sigmas: Sequence[float], leakage: Mapping[str, Proportion], floor: float
) -> Finding:
    """Holds if, at the lowest σ, the accuracy of any probe is surely above chance, `floor`."""
    parts = [f"{percent(found)} with the {name} probe" for name, found in leakage.items()]
    return Finding(
        id=5,
        claim="low noise leaks the class into the content code.",
        holds=any(found.low > floor for found in leakage.values()) if sigmas[0] <= LOW else None,
        evidence=f"at σ = {sigma_name(sigmas[0])} the class is predicted from the content code "
        f"with an accuracy of {', '.join(parts)}, where chance is {percent(floor)}",
        figure="fig-leakage",
    )


def rank_correlation(x: Sequence[float], y: Sequence[float] | NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 where it is not defined, as for constant values."""
    if len(set(x)) < 2 or len(set(np.asarray(y).tolist())) < 2:
        return 0.0
    return float(spearmanr(x, y).statistic)
