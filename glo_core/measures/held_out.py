"""What a model does with images that it was not trained on: reconstruct, convert, and leak.

An image's content code is fitted to it under its own class (see `fitting`), with a generator that
has never met it. Only such codes show what content codes hold (see `leakage`).
"""

from typing import Any

import torch
from torch import Tensor

from glo_core.measures import conversions, leakage
from glo_core.measures.fitting import classify
from glo_core.measures.judge import predictions
from glo_core.measures.raw import of_images, of_rates
from glo_core.measures.reconstruction import errors
from glo_core.measures.subject import Subject

# How many unseen images are classified by the model itself.
CLASSIFIED = 100


def measure(subject: Subject) -> dict[str, Any]:
    """Errors, conversion accuracy, leakage and separation on unseen images.

    `separation` is 1 where the strongest probe finds nothing above chance in the content codes, and
    0 where it classifies all of them.
    """
    images, labels, codes = subject.unseen.images, subject.unseen.labels, subject.unseen_codes
    probes, others = leakage.probes(), len(subject.digits.class_names) - 1
    predicted = dict(zip(probes, leakage.predicted(codes, labels, [*probes.values()]), strict=True))
    found = {name: leakage.fold_scores(each, labels) for name, each in predicted.items()}
    strongest = leakage.strongest(found)
    return {
        "held_out_l1": of_images(errors(subject.glo.decode(labels, codes), images)["l1"]),
        "held_out_conversion": of_rates(conversions.accuracy(judged(subject), labels), others),
        "unseen_leakage": found,
        "strongest": strongest,
        "unseen_strongest": found[strongest],
        "unseen_hits": leakage.balanced_hits(predicted[strongest], labels),
        "separation": leakage.separation(found[strongest], len(subject.digits.class_names)),
    }


def measure_further(subject: Subject) -> dict[str, Any]:
    """How well the model itself classifies, and errors with the codes of an encoder, if any."""
    glo, some = subject.glo, subject.unseen.sample(CLASSIFIED)
    hits = classify(glo, some.images)[0] == some.labels
    found: dict[str, Any] = {"classified": of_rates(hits.double(), 1)}
    if glo.encoder is not None:
        images, labels = subject.unseen.images, subject.unseen.labels
        encoded = glo.decode(labels, glo.encode(images, labels))
        found["encoded_l1"] = of_images(errors(encoded, images)["l1"])
    return found


def judged(subject: Subject) -> Tensor:
    """The class that the judge predicts for each unseen image with each class code: (M, C) int64.

    With an image's own class, that is its reconstruction.
    """
    codes = subject.unseen_codes
    targets = torch.arange(len(subject.glo.class_table)).repeat_interleave(len(codes))
    generated = subject.glo.decode(targets, codes.repeat(len(subject.glo.class_table), 1))
    return predictions(subject.judge, generated).view(-1, len(codes)).T
