"""How legible images from scratch are: whether a judge predicts the class of their class code."""

from typing import Any

import torch
from torch import nn

from glo_core.measures.intervals import Proportion, proportion
from glo_core.measures.judge import predictions
from glo_core.measures.subject import Subject
from glo_core.model import Glo
from glo_core.priors import Prior, draw

# Random content codes, each decoded with every class.
DRAWS = 50


def measure(subject: Subject) -> dict[str, Any]:
    """The legible proportion, with content codes from the fitted Gaussian and from N(0, 1)."""
    return {
        f"scratch_{prior}": legible(subject.glo, subject.judge, prior)
        for prior in ("gaussian", "normal")
    }


def legible(glo: Glo, judge: nn.Sequential, prior: Prior) -> Proportion:
    """The proportion of images from scratch that the judge classifies as their class."""
    wanted = torch.arange(len(glo.class_table))
    codes = draw(glo.content_table, prior, DRAWS).repeat_interleave(len(wanted), 0)
    predicted = predictions(judge, glo.decode(wanted.repeat(DRAWS), codes))
    return proportion((predicted.view(DRAWS, -1) == wanted).numpy())
