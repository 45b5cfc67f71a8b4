"""What is recorded after every epoch of training: losses, and two sets of images."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from glo_core.model import History

# Raise it when what is recorded changes (see `training.VERSION`).
VERSION = 1
# The images of the panel are picked at random, by a seed of their own.
PANEL_SEED, PANEL_PER_CLASS = 0, 2

# Generates (K, M, 28, 28) images from (K, M, class_dim) class codes and (K, M, content_dim) content
# codes, for K models.
Generate = Callable[[Tensor, Tensor], Tensor]


def panel(labels: Tensor) -> Tensor:
    """The training images that are reconstructed after every epoch, picked at random by PANEL_SEED.

    Returns the indices of PANEL_PER_CLASS images of each class, class by class, (P,) int64.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(PANEL_SEED))
    of_class = [order[labels[order] == label] for label in labels.unique()]
    return torch.cat([images[:PANEL_PER_CLASS] for images in of_class])


class Epoch(NamedTuple):
    """What is recorded after an epoch of K models that are trained side by side.

    Fields:
        number: How many epochs are done.
        losses: (K,) float32, the mean training losses.
        indices: (K, P) int64, which training images the panel shows.
        panel: (K, P, 28, 28) uint8, these images reconstructed.
        scratch: (K, C, 28, 28) uint8, one random content code of each model with each class code.
    """

    number: int
    losses: Tensor
    indices: Tensor
    panel: Tensor
    scratch: Tensor


def last_epoch(histories: list[History]) -> Epoch:
    """The last epoch of models that were trained side by side, from their histories."""
    return Epoch(
        number=len(histories[0].losses),
        losses=torch.stack([history.losses[-1] for history in histories]),
        indices=torch.stack([history.indices for history in histories]),
        panel=torch.stack([history.panel[-1] for history in histories]),
        scratch=torch.stack([history.scratch[-1] for history in histories]),
    )


class Recorder:
    """Collects the history of K models that are trained side by side.

    The panel, the same images for all models, is reconstructed after every epoch, and one random
    content code of each model is decoded with every class code.
    """

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []

    @torch.inference_mode()
    def record(
        self,
        losses: Tensor,
        generate: Generate,
        class_table: Tensor,
        shown: Tensor,
        panel_codes: tuple[Tensor, Tensor],
        scratch_code: Tensor,
    ) -> Epoch:
        """Records one epoch, and returns what is recorded of it.

        Args:
            losses: (K,) mean training losses.
            generate: Generates images, in eval mode.
            class_table: (K, C, class_dim).
            shown: (K, P) int64, which training images the panel shows.
            panel_codes: Classes (K, P) int64 and content codes (K, P, content_dim) of the panel.
            scratch_code: (K, content_dim), the random content code of each model.
        """
        classes, content = panel_codes
        models = torch.arange(len(losses), device=classes.device)[:, None]
        class_codes = torch.cat([class_table[models, classes], class_table], 1)
        scratch = scratch_code[:, None].expand(-1, class_table.shape[1], -1)
        images = generate(class_codes, torch.cat([content, scratch], 1))
        grey = (images * 255).round().byte().cpu()
        panel, scratch = grey.split([classes.shape[1], class_table.shape[1]], 1)
        epoch = Epoch(len(self.epochs) + 1, losses.cpu(), shown.cpu(), panel, scratch)
        self.epochs.append(epoch)
        return epoch

    def history(self, k: int, moved: float, seconds: float, diverged: int | None) -> History:
        """The history of the k-th model."""
        return History(
            losses=torch.stack([epoch.losses[k] for epoch in self.epochs]),
            panel=torch.stack([epoch.panel[k] for epoch in self.epochs]),
            scratch=torch.stack([epoch.scratch[k] for epoch in self.epochs]),
            indices=self.epochs[-1].indices[k].clone(),
            moved=moved,
            seconds=seconds,
            threads=torch.get_num_threads(),
            diverged=diverged,
        )
