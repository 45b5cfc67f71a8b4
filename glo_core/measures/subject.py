"""What a measure is given: a trained model, and the images and the judge to measure it with."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.model import Glo


@dataclass(frozen=True)
class Subject:
    """A model to be measured.

    Fields:
        glo: The model.
        digits: The images that it was trained on.
        judge: A classifier that was trained on images which no model has seen (see `judge`).
        held_out: Images that neither the model nor the judge was trained on.
    """

    glo: Glo
    digits: Digits
    judge: nn.Sequential
    held_out: Digits

    @cached_property
    def reconstructions(self) -> Tensor:
        """Of all training images, in their order: (N, 28, 28)."""
        return self.glo.reconstruct(torch.arange(len(self.digits)))
