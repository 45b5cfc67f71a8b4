"""How much of an image's style a conversion keeps: Lin's concordance.

An image's style is told by how much more slanted, bold or wide it is than its class, in standard
deviations of the class; its conversion's by the same among real images of the target class. Where
both agree in every image, all of the style is kept.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glo_core.data import Digits
from glo_core.measures.style import FEATURES, style
from glo_core.measures.subject import measured

# What a writer decides whatever the digit. Height hardly varies among digits that fill one box, and
# area follows from thickness and the digit.
HAND = ("slant", "thickness", "width")
COLUMNS = [FEATURES.index(name) for name in HAND]
# A class whose feature varies less than this does not vary, but for rounding.
LEAST_DEVIATION = 1e-6

# By the digits' fingerprints: the standards do not depend on a model, and take seconds.
_KNOWN: dict[str, "Standards"] = {}


class Standards(NamedTuple):
    """The mean and the standard deviation of each class's features HAND, (C, 3) float64 both."""

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]


def standards(digits: Digits) -> Standards:
    """Those of real images (see `subject.measured`). A class without images has a mean of NaN."""
    if digits.fingerprint not in _KNOWN:
        some = digits.subset(measured(digits))
        found, labels = style(some.images)[:, COLUMNS], some.labels.numpy()
        members = [found[labels == label] for label in range(len(digits.class_names))]
        none = (np.full(len(HAND), np.nan), np.zeros(len(HAND)))
        visible = [some[np.isfinite(some).all(1)] for some in members]
        moments = [(some.mean(0), some.std(0)) if len(some) else none for some in visible]
        _KNOWN.clear()  # a program has one set of training images
        means, deviations = zip(*moments, strict=True)
        _KNOWN[digits.fingerprint] = Standards(np.array(means), np.array(deviations))
    return _KNOWN[digits.fingerprint]


def standardised(
    styles: NDArray[np.float64], classes: NDArray[np.int64], real: Standards
) -> NDArray[np.float64]:
    """Styles (..., 5) among real images of their classes (...): (..., 3) standard deviations.

    What cannot be told is 0, an average digit: the style of a blank image, and a feature that does
    not vary in its class.
    """
    differences = styles[..., COLUMNS] - real.means[classes]
    deviations = real.deviations[classes]
    told = np.isfinite(differences) & (deviations > LEAST_DEVIATION)
    found: NDArray[np.float64] = np.divide(
        differences, deviations, out=np.zeros_like(differences), where=told
    )
    return found


def pair_sums(sources: NDArray[np.float64], converted: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `concordance` needs of M images, (M, F), and T conversions of each, (M, T, F).

    Returns:
        (M, F, 6) float64: the number of an image's pairs (x, y) of its own and a conversion's
        feature, and the sums of x, y, x², y² and xy over them.
    """
    x, y = np.broadcast_arrays(sources[:, None], converted)
    sums: NDArray[np.float64] = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1).sum(1)
    return sums


def concordance(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lin's concordance correlation coefficient, the mean over features: (..., M, F, 6) to (...).

    It is 2·s_xy / (s_x² + s_y² + (mean_x - mean_y)²) (Lin 1989, "A concordance correlation
    coefficient to evaluate reproducibility", Biometrics 45:255): 1 only if y = x in every pair, 0
    without any relation. It is Pearson's correlation times a factor of at most 1 that tells how far
    y has another spread or another mean than x. It is 0 for a feature that varies in neither.

    `sums` are those of `pair_sums`; they may be of any images, each as often as wanted.
    """
    count, *means = np.moveaxis(sums.sum(-3), -1, 0)  # each (..., F)
    x, y, xx, yy, xy = (each / count for each in means)
    apart = xx - x**2 + yy - y**2 + (x - y) ** 2
    varies = apart > LEAST_DEVIATION**2
    both = 2 * (xy - x * y)
    of_features = np.divide(both, apart, out=np.zeros_like(apart), where=varies)
    found: NDArray[np.float64] = of_features.mean(-1)
    return found
