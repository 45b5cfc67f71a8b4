"""The frontier: how σ and the latents' learning rate trade reconstruction, conversion, leakage.

The functions take a model's measures by their names, each the mean over seeds, as `Results.all`
gives them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glo_core.measures.leakage import CHEAP
from glo_core.recipe import Recipe
from reports.show.names import PROBE_NAMES, sigma_name
from reports.show.words import about

Measures = Mapping[str, Any]

# The MLP probe finds more at one noise level than at another if its accuracy is larger by this.
MORE = 0.05
HEADER = (
    "σ",
    "latents' rate",
    "σ / spread",
    "L1 error",
    "conversion",
    *(f"{PROBE_NAMES[name]} probe" for name in CHEAP),
    "unseen codes",
)


def table_row(recipe: Recipe, measures: Measures) -> list[str]:
    """A model's row of the table with HEADER."""
    return [
        sigma_name(recipe.sigma),
        f"{recipe.latent_rate:g}",
        sigma_name(float(f"{measures['noise_to_code']:.2g}")),
        f"{measures['reconstruction_l1']:.4f}",
        f"{measures['conversion'][0]:.1%}",
        *(about(".1%", *measures[f"leakage_{name}"]) for name in CHEAP),
        about(".1%", *measures["unseen_strongest"]),
    ]


def recorded(measured: Mapping[Recipe, Measures]) -> list[dict[str, Any]]:
    """The measures that all models have, with the fields in which their recipes differ."""
    fields = ("loss", "sigma", "latent_rate")
    common = set[str].intersection(*({*measures} for measures in measured.values()))
    return [
        {name: getattr(recipe, name) for name in fields}
        | {name: value for name, value in measures.items() if name in common}
        for recipe, measures in measured.items()
    ]


@dataclass(frozen=True)
class WithinBounds:
    """How many models lie within bounds of reconstruction error, conversion and leakage.

    Fields:
        models: How many models there are.
        all_three: How many lie within all three bounds.
        error_and_leakage: How many lie within those of error and leakage.
        conversion: How many lie within that of conversion.
        best_conversion: The highest conversion accuracy within the bounds of error and leakage.
        least_error: The lowest error within the bound of conversion.
        conversion_costs: Whether that lowest error is above its bound.
    """

    models: int
    all_three: int
    error_and_leakage: int
    conversion: int
    best_conversion: float | None
    least_error: float | None
    conversion_costs: bool


def within_bounds(models: Sequence[Measures], bounds: Mapping[str, float]) -> WithinBounds:
    """Compares models with bounds: error and leakage at most, conversion at least."""
    tight = [
        measures
        for measures in models
        if measures["reconstruction_l1"] <= bounds["reconstruction_l1"]
        and measures["leakage_mlp"][0] <= bounds["leakage_mlp"]
    ]
    converting = [each for each in models if each["conversion"][0] >= bounds["conversion"]]
    conversions = [each["conversion"][0] for each in tight]
    least_error = min((each["reconstruction_l1"] for each in converting), default=None)
    return WithinBounds(
        models=len(models),
        all_three=sum(conversion >= bounds["conversion"] for conversion in conversions),
        error_and_leakage=len(tight),
        conversion=len(converting),
        best_conversion=max(conversions, default=None),
        least_error=least_error,
        conversion_costs=least_error is not None and least_error > bounds["reconstruction_l1"],
    )


@dataclass(frozen=True)
class LatentRates:
    """The probes' accuracies with latents that hardly learn and with latents that learn, σ rising.

    Fields:
        low: The MLP probe's, with the low learning rate of the latents.
        high: The MLP probe's, with the high learning rate.
        high_linear: The linear probe's, with the high learning rate.
    """

    low: list[float]
    high: list[float]
    high_linear: list[float]

    @property
    def peak(self) -> int:
        """The index of the noise level at which most leaks, with the high learning rate."""
        return int(np.argmax(self.high))

    @property
    def peak_is_between(self) -> bool:
        """Whether that is neither the lowest nor the highest noise level."""
        return 0 < self.peak < len(self.high) - 1

    @property
    def noise_leaks_more(self) -> bool:
        """Whether clearly more leaks at that noise level than at the lowest one."""
        return self.high[self.peak] > self.high[0] + MORE
