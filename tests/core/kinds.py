"""A recipe of every kind, for tests that all kinds have to pass."""

from glo_core import Recipe
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import same_hand
from reports.traps import HANDED_IN, TrapRecipe

# A σ that no model survives.
TOO_MUCH = 1e38


def kind(maker=Recipe, **changes):
    """A function that makes a recipe of some σ."""
    return lambda sigma: maker(epochs=2, batch_size=16, sigma=sigma, **changes)


KINDS = {
    "l1": kind(),
    "l2": kind(loss="l2"),
    "l1+l2": kind(loss="l1+l2"),
    "laplacian": kind(loss="laplacian"),
    "swap": kind(swap=0.03),
    "ball": kind(content_ball=True),
    "sparse": kind(content_adam="sparse"),
    "no class codes": kind(class_dim=0),
    "whitened": lambda sigma: same_hand(epochs=2, batch_size=16, content_dim=4, sigma=sigma),
    "handed in": kind(TrapRecipe, traps=HANDED_IN),
    "lord": kind(LordRecipe, encoder_epochs=1),
    "cvae": lambda sigma: CvaeRecipe(epochs=2, batch_size=16, beta=10 * sigma or 0.1),
}
