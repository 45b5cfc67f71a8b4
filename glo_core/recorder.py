"""What is recorded after every epoch of training: losses, and two sets of images."""

from collections.abc import Callable

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


class Recorder:
    """Collects the history of K models that are trained side by side.

    The panel, the same images for all models, is reconstructed after every epoch, and one random
    content code of each model is decoded with every class code.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.panels: list[Tensor] = []
        self.scratches: list[Tensor] = []

    @torch.inference_mode()
    def record(
        self,
        losses: Tensor,
        generate: Generate,
        class_table: Tensor,
        panel_codes: tuple[Tensor, Tensor],
        scratch_code: Tensor,
    ) -> None:
        """Records one epoch.

        Args:
            losses: (K,) mean training losses.
            generate: Generates images, in eval mode.
            class_table: (K, C, class_dim).
            panel_codes: Classes (K, P) int64 and content codes (K, P, content_dim) of the panel.
            scratch_code: (K, content_dim), the random content code of each model.
        """
        classes, content = panel_codes
        models = torch.arange(len(losses), device=classes.device)[:, None]
        class_codes = torch.cat([class_table[models, classes], class_table], 1)
        scratch = scratch_code[:, None].expand(-1, class_table.shape[1], -1)
        images = generate(class_codes, torch.cat([content, scratch], 1))
        grey = (images * 255).round().byte().cpu()
        self.losses.append(losses.cpu())
        self.panels.append(grey[:, : classes.shape[1]])
        self.scratches.append(grey[:, classes.shape[1] :])

    def history(self, k: int, indices: Tensor, moved: float, seconds: float) -> History:
        """The history of the k-th model, whose panel shows the images at `indices` (P,)."""
        return History(
            losses=torch.stack([losses[k] for losses in self.losses]),
            panel=torch.stack([images[k] for images in self.panels]),
            scratch=torch.stack([images[k] for images in self.scratches]),
            indices=indices.cpu().clone(),
            moved=moved,
            seconds=seconds,
            threads=torch.get_num_threads(),
        )
