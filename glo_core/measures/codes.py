"""What training did to the content codes."""

from typing import Any

from glo_core.measures.subject import Subject


def measure(subject: Subject) -> dict[str, Any]:
    """The last training loss, how far the codes moved, and their spread.

    `content_spread` is the root mean square standard deviation of the learned content codes;
    `noise_to_code` is σ over it.
    """
    glo = subject.glo
    spread = float(glo.content_table.var(0).mean().sqrt())
    return {
        "final_loss": float(glo.history.losses[-1]),
        "content_moved": glo.history.moved,
        "content_spread": spread,
        "noise_to_code": glo.recipe.sigma / spread,
    }
