"""What a measure is given: a trained model, and the images and the judge to measure it with."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.measures.fitting import fit
from glo_core.model import Glo

# How many training images, at most, a model is measured with. A 95 % interval of a proportion is
# then at most 2.2 percentage points wide to either side, and 0.7 around 97.5 %; a mean error's is
# 2 % of it where errors vary by half their mean. Time and memory do not grow with the images that
# there are, and probes learn from as many codes whether or not there are more.
MEASURED = 2000


@dataclass(frozen=True)
class Subject:
    """A model to be measured.

    Fields:
        glo: The model.
        digits: All images that it was trained on.
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
    def measured(self) -> Tensor:
        """Which training images are measured (see `measured`): (M,) int64."""
        return measured(self.digits)

    @cached_property
    def seen(self) -> Digits:
        """The training images that are measured."""
        return self.digits.subset(self.measured)

    @property
    def seen_codes(self) -> Tensor:
        """Their content codes: (M, content_dim)."""
        return self.glo.content_table[self.measured]

    @cached_property
    def reconstructions(self) -> Tensor:
        """Theirs: (M, 28, 28)."""
        return self.glo.reconstruct(self.measured)

    @cached_property
    def unseen_codes(self) -> Tensor:
        """Content codes fitted to the unseen images, under their own classes: (M, content_dim)."""
        return fit(self.glo, self.unseen.images, self.unseen.labels)


def measured(digits: Digits) -> Tensor:
    """Which training images models are measured with: a stratified sample of at most MEASURED.

    Returns their indices, rising: (M,) int64, all of them if there are no more.
    """
    return digits.places(MEASURED)
