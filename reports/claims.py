"""The old report's five claims, each decided by a rule on measurements.

A rule takes numbers and returns a `Verdict`: whether the claim holds, and the evidence in one
sentence. Every claim is decided on the models of two methods: the exercise, corrected, and the
exercise as handed in, whose images the old report is likely to have seen. `findings` feeds the
rules from a study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from glo_core.data import Digits
from glo_core.measures.intervals import Proportion
from glo_core.measures.leakage import CHEAP, PROBES, chance
from glo_core.measures.reconstruction import variety
from glo_core.model import Glo
from glo_core.recipe import LossName, Recipe
from reports.methods import METHODS, OLD_LOSS
from reports.schema import Finding, Verdict
from reports.show.names import LOSS_NAMES, sigma_name
from reports.show.words import number, percent
from reports.study import Study

# The claims in the old report's words, and the figure that shows what each is decided by.
CLAIMS = {
    1: ("more noise gives a higher final loss.", "fig-final-loss"),
    2: ("very low noise gives unclear conversions.", "fig-conversion-accuracy"),
    3: ("very high noise gives blurry images that converge to nothing.", "fig-sharpness-variety"),
    4: ("drawings improve epoch by epoch.", "fig-panel-error"),
    5: ("low noise leaks the class into the content code.", "fig-unseen-leakage"),
}
# The rank correlation from which on a measure rises (or falls) with another.
RANK = 0.9
# A noise level up to LOW is very low, from HIGH on very high; without one, no claim about it.
LOW, HIGH = 0.01, 100
# The proportion of the real images' sharpness below which images are blurred, and of their variety
# below which the images of a class are almost the same.
BLURRED, ALIKE = 0.5, 0.05


@dataclass(frozen=True)
class Measured:
    """What claims about a method are decided by, one entry for each noise level, σ rising.

    Fields:
        sigmas: The noise levels.
        final_losses: The last training loss, by the loss that was trained with.
        conversions: The conversion accuracy.
        sharpness, variety: Those of reconstructions, over the real images'.
        training_leakage: What the strongest cheap probe finds in the training images' codes.
        unseen_leakage: What the strongest probe finds in unseen images' codes, with the first seed.
        panel_errors: The error of one model's panel after each epoch.
    """

    sigmas: Sequence[float]
    final_losses: Mapping[str, Sequence[float]]
    conversions: Sequence[Proportion]
    sharpness: Sequence[float]
    variety: Sequence[float]
    training_leakage: Sequence[Proportion]
    unseen_leakage: Sequence[Proportion]
    panel_errors: Sequence[float]

    @property
    def final_loss_ranks(self) -> dict[str, float]:
        """The rank correlation of the final loss with σ, by the loss that was trained with."""
        losses = self.final_losses.items()
        return {loss: rank_correlation(self.sigmas, values) for loss, values in losses}

    @property
    def panel_error_rank(self) -> float:
        """The rank correlation of the panel's error with the epoch."""
        return rank_correlation(range(len(self.panel_errors)), self.panel_errors)

    def recorded(self) -> dict[str, Any]:
        """All these numbers, for the results."""
        ranks = {
            "final_loss_ranks": self.final_loss_ranks,
            "panel_error_rank": self.panel_error_rank,
        }
        return asdict(self) | ranks


# --- claims of a study ----------------------------------------------------------------------------


def findings(study: Study) -> dict[int, Finding]:
    """All five claims by their number, decided for a study."""
    ceiling, floor = study.judge_accuracy.value, chance(len(study.digits.class_names))
    verdicts = {
        name: verdicts_on(measured, ceiling, floor) for name, measured in decided_on(study).items()
    }
    return {
        k: Finding(
            id=k,
            claim=claim,
            figure=figure,
            verdicts={name: of_method[k] for name, of_method in verdicts.items()},
        )
        for k, (claim, figure) in CLAIMS.items()
    }


def decided_on(study: Study) -> dict[str, Measured]:
    """What the claims are decided by, by the method's name.

    Of the exercise, corrected, claim 1 takes all losses of the sweep, the others the chosen one.
    The exercise as handed in has the old report's loss.
    """
    curves, names = study.gaps.curves, {method.key: method.name for method in METHODS}
    swept = {loss: [study.swept(loss, sigma) for sigma in study.sigmas] for loss in study.losses}
    handed_in = [*curves["handed-in"].values()]
    watched = study.parameters.methods()["handed-in"]
    return {
        names["exercise"]: _measured(study, swept, study.parameters.chosen_loss, study.swept()),
        names["handed-in"]: _measured(study, {OLD_LOSS: handed_in}, OLD_LOSS, watched),
    }


def _measured(
    study: Study, recipes: Mapping[LossName, Sequence[Recipe]], loss: LossName, watched: Recipe
) -> Measured:
    """Of recipes by their loss, σ rising; the panel is that of the model `watched`."""
    chosen, results = recipes[loss], study.results

    def values(name: str) -> list[float]:
        return [results[recipe, name].value for recipe in chosen]

    return Measured(
        sigmas=[recipe.sigma for recipe in chosen],
        final_losses={
            name: [results[recipe, "final_loss"].value for recipe in line]
            for name, line in recipes.items()
        },
        conversions=[results[recipe, "conversion"].proportion for recipe in chosen],
        sharpness=values("sharpness"),
        variety=values("variety"),
        training_leakage=[
            max(results[recipe, f"leakage_{probe}"].proportion for probe in CHEAP)
            for recipe in chosen
        ],
        unseen_leakage=[study.first(recipe, "unseen_strongest").proportion for recipe in chosen],
        panel_errors=panel_errors(study.models[watched], study.digits).tolist(),
    )


def verdicts_on(measured: Measured, ceiling: float, floor: float) -> dict[int, Verdict]:
    """All claims by their number, decided for one method.

    `ceiling` is the judge's accuracy on real images, `floor` chance.
    """
    return {
        1: more_noise_higher_loss(measured),
        2: low_noise_unclear_conversions(measured, ceiling),
        3: high_noise_blurs(measured),
        4: reconstructions_improve(measured),
        5: low_noise_leaks(measured, floor),
    }


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


# --- the rules ------------------------------------------------------------------------------------


def more_noise_higher_loss(measured: Measured) -> Verdict:
    """Holds if, with every loss, the final training loss rises with σ in rank."""
    sigmas, ranks = measured.sigmas, measured.final_loss_ranks
    parts = [
        f"{LOSS_NAMES[loss]} goes from {values[0]:.3f} at σ = {sigma_name(sigmas[0])} to "
        f"{values[-1]:.3f} at σ = {sigma_name(sigmas[-1])} "
        f"(rank correlation {number(ranks[loss], '.2f')})"
        for loss, values in measured.final_losses.items()
    ]
    return Verdict(
        holds=all(rank >= RANK for rank in ranks.values()) if len(sigmas) > 1 else None,
        evidence="; ".join(parts),
    )


def low_noise_unclear_conversions(measured: Measured, ceiling: float) -> Verdict:
    """Holds if the lowest σ's conversion accuracy is surely below that of the best σ.

    `ceiling` is the judge's accuracy on real images.
    """
    sigmas, conversions = measured.sigmas, measured.conversions
    best = int(np.argmax([conversion.value for conversion in conversions]))
    lowest = conversions[0]
    return Verdict(
        holds=lowest.high < conversions[best].low if sigmas[0] <= LOW and len(sigmas) > 1 else None,
        evidence=f"at σ = {sigma_name(sigmas[0])} the judge classifies {percent(lowest)} of the "
        f"conversions as their target, at σ = {sigma_name(sigmas[best])}, the best, "
        f"{percent(conversions[best])}; of real images it classifies {percent(ceiling)} correctly",
    )


def high_noise_blurs(measured: Measured) -> Verdict:
    """Holds if the highest σ's reconstructions are blurred, and those of a class almost equal."""
    sigmas, sharpness, variety = measured.sigmas, measured.sharpness, measured.variety
    return Verdict(
        holds=sharpness[-1] < BLURRED and variety[-1] < ALIKE if sigmas[-1] >= HIGH else None,
        evidence=f"at σ = {sigma_name(sigmas[-1])} the reconstructions have {sharpness[-1]:.0%} of "
        f"the real images' sharpness and {variety[-1]:.1%} of their variety within a class; at "
        f"σ = {sigma_name(sigmas[0])} they have {sharpness[0]:.0%} and {variety[0]:.0%}",
    )


def reconstructions_improve(measured: Measured) -> Verdict:
    """Holds if the panel's reconstruction error falls with the epochs in rank."""
    errors, rank = measured.panel_errors, measured.panel_error_rank
    improved = int((np.diff(errors) < 0).sum())
    return Verdict(
        holds=rank <= -RANK if len(errors) > 1 else None,
        evidence=f"the error of the panel's reconstructions fell in {improved} of "
        f"{len(errors) - 1} steps from one epoch to the next, from {errors[0]:.3f} to "
        f"{errors[-1]:.3f} (rank correlation {number(rank, '.2f')})",
    )


def low_noise_leaks(measured: Measured, floor: float) -> Verdict:
    """Holds if, at the lowest σ, a strongest probe is surely above chance, `floor`.

    It may be that of unseen images' codes or that of training images' codes. The evidence also says
    what the first finds at the highest σ at which the images of a class still differ.
    """
    sigmas, unseen, training = measured.sigmas, measured.unseen_leakage, measured.training_leakage
    evidence = (
        f"at σ = {sigma_name(sigmas[0])} the strongest of {len(PROBES)} probes predicts the class "
        f"from {percent(unseen[0])} of the content codes that are fitted to unseen images (first "
        f"seed), where chance is {percent(floor)}; from the training images' own codes the "
        f"strongest of {len(CHEAP)} predicts {percent(training[0])}"
    )
    differ = [k for k, value in enumerate(measured.variety) if k and value >= ALIKE]
    if differ:
        last = differ[-1]
        evidence += (
            f"; at σ = {sigma_name(sigmas[last])}, the highest at which the images of a class "
            f"still differ, it is {percent(unseen[last])} of unseen images' codes"
        )
    above = max(unseen[0].low, training[0].low) > floor
    return Verdict(holds=above if sigmas[0] <= LOW else None, evidence=evidence)


def rank_correlation(x: Sequence[float], y: Sequence[float] | NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 where it is not defined, as for constant values."""
    if len(set(x)) < 2 or len(set(np.asarray(y).tolist())) < 2:
        return 0.0
    return float(spearmanr(x, y).statistic)
