"""Trained models on disk, each in a folder named after everything that it depends on.

`runs/<key>/` holds the weights and the history as safetensors, and `run.json`, which is written
last, with the SHA-256 of both and a digest of itself: a folder without it, or whose files differ
from it, is no run. What was computed from a run is kept beside it, likewise with a digest.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from glo_core import classifier
from glo_core.classifier import train_classifier
from glo_core.data import Digits
from glo_core.model import Glo
from glo_core.provenance import imported, syntax_hash
from glo_core.recipe import Recipe
from glo_core.runs import locks, packing, trainers
from glo_core.runs.files import (
    OF_DAMAGE,
    DamageError,
    made,
    new_folder,
    read_json,
    reading,
    sealed,
    set_aside,
    sha256,
    unsealed,
    write_text,
    writing,
)
from glo_core.runs.trainers import recipe_of, trainer_of

log = logging.getLogger(__name__)
Opened = TypeVar("Opened")

WEIGHTS, HISTORY, COMMIT = "weights.safetensors", "history.safetensors", "run.json"


@cache
def engine_hash() -> str:
    """A hash of all code that trained models may depend on, PyTorch's version included.

    It is written into `run.json` to tell where a run comes from. Which run is used, the versions of
    `run_key` decide.
    """
    files = imported(Path(trainers.__file__).read_text(encoding="utf-8"))
    return f"{torch.__version__} {syntax_hash(files)}"


def run_key(recipe: Recipe, digits: Digits) -> str:
    """The name of a run: readable first, then a hash of all that its numbers depend on.

    These are the recipe's fields that differ from their defaults, the digits, the versions of the
    numerical parts that the recipe uses (see `trainers`), and PyTorch's version.
    """
    versions = trainer_of(recipe).versions(recipe)
    content = [recipe.method, recipe.changed(), digits.fingerprint, versions, torch.__version__]
    return f"{recipe.loss}-sigma{recipe.sigma:g}-seed{recipe.seed}-{_hash(content)}"


def classifier_key(digits: Digits, seed: int) -> str:
    """The name of a classifier trained on these digits, likewise."""
    content = [digits.fingerprint, classifier.VERSION, torch.__version__]
    return f"classifier-seed{seed}-{_hash(content)}"


def _hash(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Store:
    """The folder of runs. Several processes may use one store at the same time.

    Whatever writes raises DiskError if the folder cannot be written. What is damaged is set aside
    in `.damaged`, with a warning.
    """

    def __init__(self, root: Path | str = "runs"):
        self.root = Path(root)

    def load(self, recipe: Recipe, digits: Digits) -> Glo | None:
        """The run of this recipe on these digits, or None. A damaged one is set aside."""
        key = run_key(recipe, digits)
        return self._opened(key, lambda folder: _read(folder, recipe, digits))

    def _opened(self, key: str, read: Callable[[Path], Opened]) -> Opened | None:
        """What `read` makes of a folder, or None; one that it cannot read is set aside."""
        folder = self.root / key
        if not os.path.lexists(folder):  # a link to nowhere is there, and in the way
            return None
        try:
            with reading(folder):
                return read(folder)
        except OF_DAMAGE as error:
            set_aside(folder, self.root, error)
            return None

    def save(self, glo: Glo, digits: Digits) -> Path:
        """Writes a run. If several save the same run, even at the same moment, the first stays."""
        files = {WEIGHTS: packing.weights_of(glo), HISTORY: packing.history_tensors(glo.history)}
        about = {
            "method": glo.recipe.method,
            "recipe": glo.recipe.model_dump(),
            "prior": glo.prior,
            "digits": _described(digits),
            "versions": trainer_of(glo.recipe).versions(glo.recipe),
            "engine": engine_hash(),
            **packing.history_numbers(glo.history),
        }
        return self._place(run_key(glo.recipe, digits), files, about)

    def classifier(self, digits: Digits, seed: int = 0) -> nn.Sequential:
        """The classifier trained on these digits: kept like a run, and trained if it is not there.

        Raises ValueError for fewer than two classes.
        """
        key = classifier_key(digits, seed)
        state = self._opened(key, _weights)
        if state is None:
            with self.locked([key]):
                state = self._opened(key, _weights)  # another may have trained it meanwhile
                if state is None:
                    return self._trained(key, digits, seed)
        network = classifier.lenet(len(digits.class_names))
        network.load_state_dict(state)
        return network.eval().requires_grad_(False)

    def _trained(self, key: str, digits: Digits, seed: int) -> nn.Sequential:
        log.info("training %s on %d images", key, len(digits))
        network = train_classifier(digits, seed)
        self._place(key, {WEIGHTS: network.state_dict()}, {"digits": _described(digits)})
        return network

    def _place(self, key: str, files: dict[str, dict[str, Tensor]], about: dict[str, Any]) -> Path:
        """Writes a folder under a temporary name and renames it; `run.json` is written last."""
        folder = self.root / key
        contents = {
            file: save({name: tensor.contiguous() for name, tensor in tensors.items()})
            for file, tensors in files.items()
        }
        about = {**about, "sha256": {file: sha256(content) for file, content in contents.items()}}
        with writing(self.root), new_folder(self.root) as name:
            new = Path(name) / key
            new.mkdir()
            for file, content in contents.items():
                (new / file).write_bytes(content)
            write_text(new / COMMIT, json.dumps(sealed(about, key), indent=1))
            try:
                os.replace(new, folder)
            except OSError:
                if not folder.exists():
                    raise
        return folder

    def recipes(self, digits: Digits) -> list[tuple[Recipe, int]]:
        """The recipes of all runs on these images, or on the first of them, and on how many.

        They are in the order of the runs' names. What is no run, or one of another version, is
        passed over.
        """
        subsets = {len(digits): digits}
        found = []
        for commit in sorted(self.root.glob(f"*/{COMMIT}")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                run = _about(commit.parent)
                recipe = recipe_of(run["method"], run["recipe"])
                images = run["digits"].get("images", len(digits))
                if images not in subsets and images in range(1, len(digits)):
                    subsets[images] = digits.subset(range(images))
                if run_key(recipe, subsets[images]) == commit.parent.name:
                    found.append((recipe, images))
        return found

    def weights_hash(self, key: str) -> str:
        """The SHA-256 of a run's weights, as its `run.json` has it: equal for equal models.

        Raises OSError or DamageError for a `run.json` that cannot be read, or that was changed.
        """
        return str(_about(self.root / key)["sha256"][WEIGHTS])

    def remember(self, key: str, name: str, result: Any) -> Any:
        """Keeps something that was computed from the run `key` beside it, and returns it as JSON.

        It is bound to the run's weights: with others, or under another name, it counts as damaged.
        """
        kept = sealed({"result": result}, key, name, self.weights_hash(key))
        write_text(self.root / key / f"{name}.json", json.dumps(kept, indent=1))
        return kept["result"]

    def recall(self, key: str, name: str) -> Any | None:
        """What was kept under this name beside the run; None if nothing, or nothing whole."""
        path = self.root / key / f"{name}.json"
        try:
            weights = self.weights_hash(key)
        except (OSError, ValueError):  # no run, or one that is set aside where it is loaded
            return None
        try:
            with reading(path):
                return unsealed(read_json(path), key, name, weights)["result"]
        except FileNotFoundError:
            return None
        except OF_DAMAGE as error:
            set_aside(path, self.root, error)
            return None

    @contextmanager
    def locked(
        self, keys: list[str], give_up: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Holds the locks of these runs, so that no other process trains one meanwhile.

        Always taken in the same order, so that two processes cannot wait for each other. While
        this waits for a lock, `give_up` is asked again and again; if it says yes, filelock's
        Timeout is raised. See `locks.held`.
        """
        folder = made(self.root / ".locks")
        with ExitStack() as held:
            for key in sorted(keys):
                held.enter_context(locks.held(folder / f"{key}.lock", f"works on {key}", give_up))
            yield


def _described(digits: Digits) -> dict[str, Any]:
    """What `run.json` says of the training images."""
    return {
        "source": digits.source,
        "fingerprint": digits.fingerprint,
        "images": len(digits),
    }


def _about(folder: Path) -> dict[str, Any]:
    """What a folder's `run.json` says. Raises OSError, or DamageError if it was changed."""
    return unsealed(read_json(folder / COMMIT), folder.name)


def _verified(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """What `run.json` says, and the tensors of each file.

    Raises OSError, or DamageError if a file is not what it was. All bytes are read, and none mapped
    into memory: a file that is cut while it is mapped ends the process.
    """
    run, tensors = _about(folder), {}
    for name, expected in run["sha256"].items():
        content = (folder / name).read_bytes()
        if (found := sha256(content)) != expected:
            raise DamageError(f"{name} has SHA-256 {found[:12]}…, expected {expected[:12]}…")
        tensors[name] = load(content)
    return run, tensors


def _weights(folder: Path) -> dict[str, Tensor]:
    _, tensors = _verified(folder)
    return tensors[WEIGHTS]


def _read(folder: Path, recipe: Recipe, digits: Digits) -> Glo:
    run, tensors = _verified(folder)
    history = packing.history_of(tensors[HISTORY], run)
    return packing.model_of(recipe, tensors[WEIGHTS], digits.labels, history, run["prior"])
