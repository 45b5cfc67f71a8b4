"""Which of several models that are trained side by side have diverged, and at which step.

A model has diverged once its loss, a variance of its BatchNorm or another of its numbers is beyond
what 32-bit numbers hold: noise or a learning rate was too large. Its numbers reach no other model
in a step, but a NaN among them makes a batched factorization fail for all. So they are set to 0
after the epoch: the model then generates one even grey, which is no image of anything.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


class Divergence:
    """What is known of K models.

    Fields:
        steps: The step, from 1, at which each has diverged; None for those that have not.
    """

    def __init__(self, models: int):
        self.steps: list[int | None] = [None] * models
        self._signs: list[Tensor] = []
        self._done = 0

    def after_step(self, losses: Tensor, variances: Tensor | None = None) -> None:
        """Notes the losses (K,) of a step and the running variances (K, channels) after it.

        They are looked at after the epoch, as looking at each step would cost more than it tells.
        """
        self._signs.append(losses if variances is None else losses + variances.sum(1))

    def after_epoch(self, numbers: Iterable[Tensor], codes: Tensor | None = None) -> None:
        """Finds what has diverged in the epoch, and sets all numbers of such models to 0.

        Args:
            numbers: All that the models have learned, each (K, ...), to be changed in place.
            codes: Those (K, ...) of them whose covariance is taken, and so has to be finite, too.
        """
        numbers = [each.detach() for each in numbers]
        if self._signs:
            last = [each.flatten(1).isfinite().all(1) for each in numbers]
            if codes is not None:
                last.append(codes.flatten(1).square().sum(1).isfinite())
            self._find(torch.stack(last).all(0))
        gone = [k for k, step in enumerate(self.steps) if step is not None]
        for each in numbers if gone else ():
            each[gone] = 0

    def without_gone(self, losses: Tensor) -> Tensor:
        """An epoch's losses (K,), NaN for models that have diverged."""
        gone = torch.tensor([step is not None for step in self.steps], device=losses.device)
        return losses.masked_fill(gone, torch.nan)

    @property
    def gone(self) -> bool:
        """Whether all have diverged, so that there is nothing left to train."""
        return None not in self.steps

    def _find(self, last: Tensor) -> None:
        """From (K,), whether all numbers are finite after the last step, and from the signs."""
        whole = torch.stack(self._signs).isfinite()  # (steps, K)
        whole[-1] &= last
        first = whole.int().argmin(0).tolist()
        for k, lasting in enumerate(whole.all(0).tolist()):
            if not lasting and self.steps[k] is None:
                self.steps[k] = self._done + first[k] + 1
        self._done += len(self._signs)
        self._signs.clear()
