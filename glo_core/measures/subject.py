"""What a measure is given: a trained model, and the images and the judge to measure it with."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.measures.fitting import fit
from glo_core.model import Glo


@dataclass(frozen=True)
class Subject:
    """A model to be measured.

    Fields:
        glo: The model.
        digits: The images that it was trained on.
        judge: A classifier that was trained on images which no model has seen (see `judge`).
        unseen: Images that neither the model nor the judge was trained on.
        judge_digits: Images that the judge was trained on, and no model has seen either.
    """

    glo: Glo
    digits: Digits
    judge: nn.Sequential
    unseen: Digits
    judge_digits: Digits

    @cached_property
    def reconstructions(self) -> Tensor:
        """Of all training images, in their order: (N, 28, 28)."""
        return self.glo.reconstruct(torch.arange(len(self.digits)))

    @cached_property
    def unseen_codes(self) -> Tensor:
        """Content codes fitted to the unseen images, under their own classes: (M, content_dim)."""
        return fit(self.glo, self.unseen.images, self.unseen.labels)
