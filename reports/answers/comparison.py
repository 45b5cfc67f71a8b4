"""What the comparison says: who leads, what the swap term does, and which prior is best."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from glo_core.priors import PRIORS
from reports.answers.hand import missed
from reports.comparison import Compared
from reports.show.words import number, percent

# The measures that TARGET bounds, and how the comparison calls them.
BOUNDED = {
    "held_out_l1": "unseen L1",
    "conversion": "conversion",
    "unseen_strongest": "strongest probe",
    "style": "style kept",
}
SAMPLES_HEADER = ("images", *PRIORS, "density", "coverage", "legible", "near-copies")


# --- all measures ---------------------------------------------------------------------------------


def in_numbers(
    compared: Compared, ahead: Mapping[str, list[str]], names: Mapping[str, str]
) -> dict[str, Any]:
    """What our recipe reaches, with and without swap, and in which measures each method leads.

    `ahead` are the leaders of each measure, `names` the methods' names by their keys.
    """
    reached = bounded(compared, "ours")
    return {
        "reached": reached,
        "without_swap": bounded(compared, "no-swap"),
        "target_reached": not missed(reached),
        "undecided": [measure for measure, keys in ahead.items() if not keys],
        "wins": {
            name: [measure for measure, keys in ahead.items() if key in keys]
            for key, name in names.items()
        },
    }


def bounded(compared: Compared, key: str) -> dict[str, float]:
    """The measures of one method that TARGET bounds, by the names of TARGET."""
    return {name: compared[measure][key].mean for name, measure in BOUNDED.items()}


# --- images from scratch --------------------------------------------------------------------------


def samples_row(name: str, samples: Mapping[str, Any], has_classes: bool) -> list[str]:
    """A method's row with the columns of SAMPLES_HEADER, from its measures with each prior."""
    mixture = samples["mixture"]
    return [
        name,
        *(number(samples[prior]["frechet"], ".1f") for prior in PRIORS),
        number(mixture["density"], ".2f"),
        number(mixture["coverage"], ".2f"),
        percent(mixture["legible"]) if has_classes else "–",
        percent(mixture["memorised"]),
    ]


def means(found: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """The mean over draws of each measure of `samples.real_against_real`."""
    return {name: fmean(values["draws"]) for name, values in found.items()}


def real_row(real: Mapping[str, float]) -> list[str]:
    """The row of real images, which come from no prior, from the `means`."""
    return [
        "real images",
        number(real["frechet"], ".1f"),
        *("–" for _ in PRIORS[1:]),
        number(real["density"], ".2f"),
        number(real["coverage"], ".2f"),
        percent(real["legible"]),
        "–",
    ]


def best_prior(samples: Mapping[str, Any]) -> str:
    """The prior with the least Fréchet distance."""
    return min(PRIORS, key=lambda prior: samples[prior]["frechet"])
