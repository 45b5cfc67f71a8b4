"""How legible images from scratch are: whether a judge predicts the class of their class code."""

from typing import Any

import torch
from torch import Tensor, nn

from glo_core.measures.judge import predictions
from glo_core.measures.raw import of_rates
from glo_core.measures.subject import Subject
from glo_core.model import Glo
from glo_core.priors import Prior, draw

# Random content codes, each decoded with every class.
DRAWS = 50


def measure(subject: Subject) -> dict[str, Any]:
    """Each random code's legible proportion, with codes from the fitted Gaussian and N(0, 1)."""
    classes = len(subject.digits.class_names)
    return {
        f"scratch_{prior}": of_rates(legible(subject.glo, subject.judge, prior), classes)
        for prior in ("gaussian", "normal")
    }


def legible(glo: Glo, judge: nn.Sequential, prior: Prior) -> Tensor:
    """Of each random code, the proportion of classes that the judge sees in its images: (DRAWS,).

    An image from scratch counts if the judge classifies it as the class of its class code.
    """
    wanted = torch.arange(len(glo.class_table))
    codes = draw(glo.content_table, prior, DRAWS).repeat_interleave(len(wanted), 0)
    predicted = predictions(judge, glo.decode(wanted.repeat(DRAWS), codes))
    return (predicted.view(DRAWS, -1) == wanted).double().mean(1)
