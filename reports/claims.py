"""The old report's five claims, each decided by a rule on measurements.

A rule takes numbers and returns a `Finding`: the claim as the old report made it, whether it holds
here, and the evidence in one sentence. `findings` feeds the rules from a study.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from glo_core.data import Digits
from glo_core.measures.evaluation import variety
from glo_core.measures.intervals import Share
from glo_core.measures.leakage import chance
from glo_core.model import Glo
from reports.show.names import LOSS_NAMES, PROBE_NAMES, sigma_name
from reports.study import Study

# The rules' thresholds. Rank correlation from which on we say "rises (falls) with":
RANK = 0.9
# A noise level up to LOW is very low, from HIGH on very high; without one, no claim about it.
LOW, HIGH = 0.01, 100
# Shares of the real images' sharpness and variety below which pictures are blurred, or all alike:
BLURRED, ALIKE = 0.5, 0.05


def findings(study: Study) -> dict[int, Finding]:
    """All five claims by their number, decided for a study; claims 2 to 5 for its chosen loss."""
    sigmas, loss = study.sigmas, study.parameters.chosen_loss
    final: dict[str, list[float]] = {
        name: study.measure("final_loss", name).tolist() for name in study.losses
    }
    leaks = {shown: study.shares(f"leakage_{name}", loss)[0] for name, shown in PROBE_NAMES.items()}
    found = [
        more_noise_higher_loss(sigmas, final),
        low_noise_unclear_conversions(
            sigmas, study.shares("conversion", loss), study.judge_accuracy.value
        ),
        high_noise_blurs(
            sigmas,
            study.measure("sharpness", loss).tolist(),
            study.measure("variety", loss).tolist(),
        ),
        drawings_improve(panel_errors(study.model(), study.digits)),
        low_noise_leaks(sigmas, leaks, chance(len(study.digits.class_names))),
    ]
    return {finding.id: finding for finding in found}


def panel_errors(glo: Glo, digits: Digits) -> NDArray[np.float64]:
    """Mean absolute error of the panel's drawings after each epoch: (E,)."""
    real = digits.images[glo.history.indices]
    return (glo.history.panel / 255 - real).abs().mean((1, 2, 3)).double().numpy()


def panel_variety(glo: Glo, digits: Digits) -> list[float]:
    """How much the panel's drawings of a class differ after each epoch; 1 is as its images do."""
    images = glo.history.indices
    labels = digits.labels[images]
    whole = variety(digits.images[images], labels)
    return [variety(drawn / 255, labels) / whole for drawn in glo.history.panel]


def more_noise_higher_loss(
    sigmas: Sequence[float], final_losses: Mapping[str, Sequence[float]]
) -> Finding:
    """Holds if, with every loss, the final training losses (S,) rise with σ in rank."""
    ranks = {loss: rank_correlation(sigmas, values) for loss, values in final_losses.items()}
    parts = [
        f"{LOSS_NAMES[loss]} goes from {values[0]:.3f} at σ = {sigma_name(sigmas[0])} to "
        f"{values[-1]:.3f} at σ = {sigma_name(sigmas[-1])} (rank correlation {signed(ranks[loss])})"
        for loss, values in final_losses.items()
    ]
    return Finding(
        1,
        "more noise gives a higher final loss.",
        all(rank >= RANK for rank in ranks.values()) if len(sigmas) > 1 else None,
        "; ".join(parts),
        "fig-final-loss",
    )


def low_noise_unclear_conversions(
    sigmas: Sequence[float], conversions: Sequence[Share], ceiling: float
) -> Finding:
    """Holds if the lowest σ's conversions are read surely less often than the best σ's."""
    best = int(np.argmax([conversion.value for conversion in conversions]))
    lowest = conversions[0]
    return Finding(
        2,
        "very low noise gives unclear conversions.",
        lowest.high < conversions[best].low if sigmas[0] <= LOW and len(sigmas) > 1 else None,
        f"at σ = {sigma_name(sigmas[0])} the judge reads {percent(lowest)} of the conversions as "
        f"their target, at σ = {sigma_name(sigmas[best])}, the best, {percent(conversions[best])}; "
        f"of real images it reads {ceiling:.1%} right",
        "fig-conversion-accuracy",
    )


def high_noise_blurs(
    sigmas: Sequence[float], sharpness: Sequence[float], variety: Sequence[float]
) -> Finding:
    """Holds if the highest σ's pictures are blurred, and those of one class almost the same."""
    return Finding(
        3,
        "very high noise gives blurry images that converge to nothing.",
        sharpness[-1] < BLURRED and variety[-1] < ALIKE if sigmas[-1] >= HIGH else None,
        f"at σ = {sigma_name(sigmas[-1])} the pictures have {sharpness[-1]:.0%} of the real "
        f"images' sharpness and {variety[-1]:.1%} of their variety within a class; at "
        f"σ = {sigma_name(sigmas[0])} they have {sharpness[0]:.0%} and {variety[0]:.0%}",
        "fig-sharpness-variety",
    )


def drawings_improve(errors: NDArray[np.float64]) -> Finding:
    """Holds if the panel's reconstruction error (E,) falls with the epochs in rank."""
    improved = int((np.diff(errors) < 0).sum())
    rank = rank_correlation(range(len(errors)), errors)
    return Finding(
        4,
        "drawings improve epoch by epoch.",
        rank <= -RANK if len(errors) > 1 else None,
        f"the error of the panel's drawings fell in {improved} of {len(errors) - 1} steps from one "
        f"epoch to the next, from {errors[0]:.3f} to {errors[-1]:.3f} (rank correlation "
        f"{signed(rank)})",
        "fig-panel-error",
    )


def low_noise_leaks(sigmas: Sequence[float], leakage: Mapping[str, Share], floor: float) -> Finding:
    """Holds if, at the lowest σ, any probe surely reads more than the chance level `floor`."""
    parts = [f"the {name} probe reads {percent(found)}" for name, found in leakage.items()]
    return Finding(
        5,
        "low noise leaks the class into the content code.",
        any(found.low > floor for found in leakage.values()) if sigmas[0] <= LOW else None,
        f"at σ = {sigma_name(sigmas[0])} {', '.join(parts)}, where always naming one class "
        f"reads {floor:.1%}",
        "fig-leakage",
    )


def about(form: str, value: float, low: float, high: float) -> str:
    """A value ± half of what lies between `low` and `high`, each in a format such as "{:.1%}".

    The spaces do not break.
    """
    text = form.format(value).replace("-", "−")
    return (
        f"{text}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{form.format((high - low) / 2)}"
        if low < high
        else text
    )


def percent(found: Share) -> str:
    """A share with its interval, for text: 93.4% (92.1–94.5%)."""
    return f"{found.value:.1%} ({100 * found.low:.1f}–{100 * found.high:.1f}%)"


def signed(number: float) -> str:
    """A number with two decimals and a proper minus sign, for text."""
    return f"{number:.2f}".replace("-", "−")


def rank_correlation(x: Sequence[float], y: Sequence[float] | NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 where it is not defined, as for constant values."""
    if len(set(x)) < 2 or len(set(np.asarray(y).tolist())) < 2:
        return 0.0
    return float(spearmanr(x, y).statistic)
