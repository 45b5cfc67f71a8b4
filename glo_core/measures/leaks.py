"""Where else the class could hide: leakage that only the compared methods are searched for.

It could hide

* in training codes, from the cheap probes;
* in what training codes have learned, behind a random start that is larger;
* in unseen codes, from probes that learn from too few of them, or behind a fit that is not done;
* in codes of digits of another kind;
* in codes that come from an encoder rather than from gradient descent.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from glo_core.data import Digits
from glo_core.group import Group
from glo_core.measures.fitting import FIT_STEPS, fit
from glo_core.measures.leakage import (
    CHEAP,
    PROBES,
    balanced_weights,
    probed,
    probes,
    standardised,
    strongest,
    with_strongest,
)
from glo_core.measures.other_kind import other_kind
from glo_core.measures.raw import of_images
from glo_core.measures.reconstruction import errors
from glo_core.measures.style import style
from glo_core.measures.subject import Subject, measured
from glo_core.model import Glo

DEAR = tuple(name for name in PROBES if name not in CHEAP)
# How many unseen codes a probe learns from, and the most that it is tested on.
SIZES = (250, 500, 1000, 2000)
TESTED = 500
# Codes that were fitted for this many times as many steps as others are read, too.
LONGER = 4


def measure(subject: Subject) -> dict[str, Any]:
    """All of these, as far as there are such codes."""
    glo, digits, unseen = subject.glo, subject.digits, subject.unseen
    more = (LONGER - 1) * FIT_STEPS
    longer = fit(glo, unseen.images, unseen.labels, more, subject.unseen_codes)
    found: dict[str, Any] = {
        "codes_leakage": probed(subject.seen_codes, subject.seen.labels, DEAR),
        "curve": curve(subject),
        "longer_fit": with_strongest(probed(longer, unseen.labels)),
    }
    if not glo.variational:  # whose codes are an encoder's, and have no start
        learned = probed(moved(glo, digits)[subject.measured], subject.seen.labels)
        found |= {"learned_leakage": learned, "learned_strongest": learned[strongest(learned)]}
    if others := other_kind(digits):
        found["other_kind"] = of_other_kind(glo, others.sample(len(subject.unseen)))
    if glo.encoder is not None:
        found["encoded"] = encoded(glo, unseen)
    return found


def moved(glo: Glo, digits: Digits) -> Tensor:
    """What training added to the start of each content code of a GLO: (N, content_dim)."""
    # The swap term's classifier takes long to train, and does nothing before the first step.
    recipe = glo.recipe.model_copy(update={"swap": 0.0})
    start = Group([recipe], digits, torch.device("cpu")).tables()[1][0]
    return glo.content_table - start


def curve(subject: Subject) -> dict[str, float]:
    """The balanced accuracy of `svm` on the same unseen codes, by how many others it learns from.

    Codes are fitted to the judge's images too, since no model has seen those either. A size of
    which there are too few is left out.
    """
    tested = min(TESTED, len(subject.unseen) // 2)
    left = len(subject.unseen) - tested
    sizes = [size for size in SIZES if size <= left + len(subject.judge_digits)]
    if not sizes:
        return {}
    more = subject.judge_digits.sample(max(0, sizes[-1] - left))
    codes = torch.cat([subject.unseen_codes, fit(subject.glo, more.images, more.labels)])
    labels = torch.cat([subject.unseen.labels, more.labels])
    weights = balanced_weights(labels[:tested])
    found = {}
    for size in sizes:
        some = slice(tested, tested + size)
        known, asked = standardised(codes[some], codes[:tested])
        probe = probes()["svm"].fit(known, labels[some].numpy())
        hits = torch.from_numpy(probe.predict(asked)) == labels[:tested]
        found[str(size)] = float((hits * weights).mean())
    return found


def of_other_kind(glo: Glo, digits: Digits) -> dict[str, Any]:
    """The L1 error of digits with fitted codes, and the leakage that all probes find in those."""
    codes = fit(glo, digits.images, digits.labels)
    error = errors(glo.decode(digits.labels, codes), digits.images)["l1"]
    return {"l1": of_images(error), **with_strongest(probed(codes, digits.labels))}


def of_style_alone(digits: Digits, unseen: Digits) -> dict[str, Any]:
    """The leakage that all probes find in the style of unseen images itself.

    Style is a content that a code should hold, and is not independent of the class: some classes
    vary in width more than others do. So this is what a code of nothing but style would leak. What
    the class's mean tells is taken away, by the training images' means.
    """
    digits = digits.subset(measured(digits))
    known, labels = style(digits.images), digits.labels.numpy()
    means = np.array([np.nanmean(known[labels == k], 0) for k in range(len(digits.class_names))])
    codes = np.nan_to_num(style(unseen.images) - means[unseen.labels.numpy()])
    return with_strongest(probed(torch.from_numpy(codes), unseen.labels))


def encoded(glo: Glo, unseen: Digits) -> dict[str, Any]:
    """The leakage of the codes that an encoder gives unseen images.

    `samples` are draws from the posteriors of a variational encoder, which may hold less than their
    means do.
    """
    images, labels = unseen.images, unseen.labels
    codes = glo.encode(images, labels)
    found: dict[str, Any] = {
        "means": with_strongest(probed(codes, labels)),
    }
    if glo.variational:
        drawn = glo.sample_posterior(images, labels)
        found["samples"] = with_strongest(probed(drawn, labels))
    return found
