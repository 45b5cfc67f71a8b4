"""Stored numbers of tiny models, to notice when numbers move without a version.

A run's key holds the versions of the numerical parts that its recipe uses (the `VERSION` constants
beside their code). So a change of code that moves numbers must raise the version of its part, or a
stale model would be used. After raising it, `python tests/golden.py` stores the new numbers.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from conftest import make_digits

from glo_core import Glo, Recipe, train
from glo_core import classifier as classifier_module
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.runs.trainers import trainer_of
from reports.traps import HANDED_IN, TRAPS, with_traps

FILE = Path(__file__).with_suffix(".json")
# Where each part's version is.
PLACES = {
    "core": "glo_core/training.py",
    "recorder": "glo_core/recorder.py",
    "classifier": "glo_core/classifier.py",
    "lord": "glo_core/peers/lord.py",
    "cvae": "glo_core/peers/cvae.py",
    "traps": "reports/traps.py",
}
# Other processors round differently; a change of the code moves numbers by much more.
RELATIVE, ABSOLUTE = 2e-3, 5e-4

SHORT: dict[str, Any] = {"epochs": 2, "batch_size": 16}
RECIPES: dict[str, Recipe] = {
    "plain": Recipe(**SHORT),
    "l2": Recipe(**SHORT, loss="l2", sigma=1.0, seed=3),
    "sparse": Recipe(**SHORT, content_adam="sparse", content_decay=0.1),
    "without class codes": Recipe(
        **SHORT, loss="laplacian", class_dim=0, content_start="pca", content_ball=True
    ),
    "whitened": Recipe(
        **SHORT,
        content_dim=3,
        content_start="whitened",
        content_blur=2.0,
        content_whitening=True,
        content_scale=0.5,
    ),
    "swap": Recipe(**SHORT, loss="l1+l2", schedule="cosine", swap=0.3),
    "lord": LordRecipe(**SHORT, content_scale=0.05, encoder_epochs=2),
    "cvae": CvaeRecipe(**SHORT),
    **{trap.key: with_traps(Recipe(**SHORT), trap.key) for trap in TRAPS},
    "handed in": with_traps(Recipe(**SHORT), *HANDED_IN),
}
CLASSIFIER = "classifier alone"


def versions_of(case: str) -> dict[str, int]:
    """The versions of the parts that a case's numbers depend on."""
    if case == CLASSIFIER:
        return {"classifier": classifier_module.VERSION}
    return trainer_of(RECIPES[case]).versions(RECIPES[case])


def measured() -> dict[str, dict[str, Any]]:
    """Every case's numbers, trained now."""
    digits = make_digits()
    with patch("glo_core.group.SWAP_STEPS", 20):
        models = train([*RECIPES.values()], digits, device="cpu")
    numbers = {name: _of_model(glo) for name, glo in zip(RECIPES, models, strict=True)}
    network = classifier_module.train_classifier(digits, steps=20)
    with torch.inference_mode():
        numbers[CLASSIFIER] = {"logits": _rounded(network(digits.images[:3, None]))}
    return numbers


def stored() -> dict[str, Any]:
    """What `write` has stored: the versions of all parts, and every case's numbers."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def current_versions() -> dict[str, int]:
    """The versions of all parts, by name."""
    return {part: version for case in _cases() for part, version in versions_of(case).items()}


def moved(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The cases whose numbers are not those expected."""
    return [case for case in _cases() if not _close(expected.get(case), found[case])]


def suspects(cases: Iterable[str]) -> list[str]:
    """The parts whose code has changed, if just these cases have moved.

    It is the part that all of them use and the fewest others do; several parts if none is used by
    all of them. No part if nothing has moved.
    """
    cases = {*cases}
    if not cases:
        return []
    users = {part: {case for case in _cases() if part in versions_of(case)} for part in PLACES}
    of_all = [part for part in PLACES if users[part] >= cases]
    if of_all:
        return [min(of_all, key=lambda part: len(users[part]))]
    return sorted({part for case in cases for part in versions_of(case)})


def write() -> None:
    """Stores the numbers of today's code."""
    content = {"versions": current_versions(), "cases": measured()}
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _cases() -> list[str]:
    return [*RECIPES, CLASSIFIER]


def _of_model(glo: Glo) -> dict[str, Any]:
    history, images = glo.history, glo.reconstruct(torch.arange(4))
    found = {
        "losses": history.losses,
        "class codes": glo.class_table[:2, :4],
        "content codes": glo.content_table[:3, :4],
        "images": images.mean((1, 2)),
        "panel": history.panel.float().mean((2, 3)) / 255,
        "scratch": history.scratch.float().mean((2, 3)) / 255,
        "moved": torch.tensor(history.moved),
    }
    if glo.encoder is not None:
        found["encoded"] = glo.encode(images, glo.labels[:4])[:, :4]
    if glo.variational:
        found["posterior"] = glo.sample_posterior(images, glo.labels[:4])[:, :4]
    numbers = {name: _rounded(value) for name, value in found.items()}
    return numbers | {"indices": history.indices.tolist(), "prior": glo.prior}


def _rounded(values: torch.Tensor) -> Any:
    return torch.tensor(values.double().numpy().round(6)).tolist()


def _close(expected: Any, found: Any) -> bool:
    if isinstance(found, dict):
        return (
            isinstance(expected, dict)
            and expected.keys() == found.keys()
            and all(_close(expected[name], value) for name, value in found.items())
        )
    if isinstance(found, str):
        return bool(expected == found)
    one, other = torch.tensor(expected), torch.tensor(found)
    return one.shape == other.shape and torch.allclose(
        one.double(), other.double(), rtol=RELATIVE, atol=ABSOLUTE
    )


if __name__ == "__main__":
    write()
