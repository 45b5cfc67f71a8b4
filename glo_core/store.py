"""Trained models on disk, each in a folder named after everything that it depends on.

`runs/<key>/` holds the weights and the history as safetensors, and `run.json`, which is written
last, with the SHA-256 of both: a folder without it, or whose files differ from it, is no run.
"""

import ast
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file

from glo_core import generator, latents, losses, streams, training
from glo_core.data import Digits
from glo_core.generator import plain
from glo_core.model import Glo, History
from glo_core.recipe import Recipe

log = logging.getLogger(__name__)

WEIGHTS, HISTORY, COMMIT = "weights.safetensors", "history.safetensors", "run.json"
# The fields of a `History`, by where they are kept.
_TENSORS, _NUMBERS = ("losses", "panel", "scratch", "indices"), ("moved", "seconds", "threads")


class RunError(RuntimeError):
    """A run's folder that does not hold what its `run.json` says."""


def code_version(*modules: ModuleType) -> str:
    """A hash of what the modules' code does: comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for module in modules:
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                constant = body[0].value
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    del body[0]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


@cache
def engine_version() -> str:
    """The version of all code that a trained model depends on, PyTorch's included."""
    return f"{torch.__version__} {code_version(generator, latents, losses, streams, training)}"


def run_key(recipe: Recipe, digits: Digits) -> str:
    """The name of the run: readable first, then a hash of recipe, digits and engine."""
    content = [recipe.model_dump(), digits.fingerprint, engine_version()]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{recipe.loss}-sigma{recipe.sigma:g}-seed{recipe.seed}-{digest[:16]}"


class Store:
    """The folder of runs. Several processes may use one store at the same time."""

    def __init__(self, root: Path | str = "runs"):
        self.root = Path(root)

    def load(self, recipe: Recipe, digits: Digits) -> Glo | None:
        """The run of this recipe on these digits, or None. A damaged one is set aside."""
        key = run_key(recipe, digits)
        folder = self.root / key
        if not folder.exists():
            return None
        try:
            return _read(folder, recipe, digits)
        except (RunError, OSError, ValueError, KeyError) as error:
            aside = Path(tempfile.mkdtemp(dir=_made(self.root / ".damaged"))) / key
            with suppress(FileNotFoundError):  # another process was faster
                os.replace(folder, aside)
            log.warning("run %s is damaged (%s): set aside as %s", key, error, aside)
            return None

    def save(self, glo: Glo, digits: Digits) -> Path:
        """Writes a run to a temporary folder and renames it; `run.json` is written last.

        If several save the same run, even at the same moment, the first stays.
        """
        folder = self.root / run_key(glo.recipe, digits)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=_made(self.root)) as name:
            new = Path(name) / folder.name
            new.mkdir()
            weights = {f"network.{name}": value for name, value in glo.network.state_dict().items()}
            weights |= {"class_table": glo.class_table, "content_table": glo.content_table}
            save_file(weights, new / WEIGHTS)
            history = glo.history
            pictures = {name: getattr(history, name) for name in _TENSORS}
            save_file(pictures, new / HISTORY)
            run = {
                "recipe": glo.recipe.model_dump(),
                "digits": {"source": digits.source, "fingerprint": digits.fingerprint},
                "engine": engine_version(),
                **{name: getattr(history, name) for name in _NUMBERS},
                "sha256": {name: _sha256(new / name) for name in (WEIGHTS, HISTORY)},
            }
            write_text(new / COMMIT, json.dumps(run, indent=1))
            try:
                os.replace(new, folder)
            except OSError:
                if not folder.exists():
                    raise
        return folder

    def remember(self, key: str, name: str, result: Any) -> None:
        """Keeps something that was computed from the run `key` beside it, as JSON."""
        write_text(self.root / key / f"{name}.json", json.dumps(result, indent=1))

    def recall(self, key: str, name: str) -> Any | None:
        """What was kept under this name beside the run; None if nothing, or nothing readable."""
        try:
            return json.loads((self.root / key / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    @contextmanager
    def locked(self, keys: list[str]) -> Iterator[None]:
        """Holds the locks of these runs, so that no other process trains one meanwhile.

        Always taken in the same order, so that two processes cannot wait for each other. The
        system frees the locks of a process that dies.
        """
        folder = _made(self.root / ".locks")
        with ExitStack() as held:
            for key in sorted(keys):
                lock = FileLock(folder / f"{key}.lock")
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    log.info("waiting for another process, which trains %s", key)
                    lock.acquire()
                held.callback(lock.release)
            yield


def _read(folder: Path, recipe: Recipe, digits: Digits) -> Glo:
    run = json.loads((folder / COMMIT).read_text(encoding="utf-8"))
    for name, expected in run["sha256"].items():
        found = _sha256(folder / name)
        if found != expected:
            raise RunError(f"{name} has SHA-256 {found[:12]}…, expected {expected[:12]}…")
    weights = load_file(folder / WEIGHTS)
    history: dict[str, Any] = load_file(folder / HISTORY)
    network = plain(recipe.class_dim + recipe.content_dim)
    network.load_state_dict(
        {
            name.removeprefix("network."): value
            for name, value in weights.items()
            if name.startswith("network.")
        }
    )
    return Glo(
        recipe=recipe,
        network=network.eval(),
        class_table=weights["class_table"],
        content_table=weights["content_table"],
        labels=digits.labels,
        history=History(**history, **{name: run[name] for name in _NUMBERS}),
    )


def write_text(path: Path, text: str) -> None:
    """Writes a text file under a temporary name in the same folder, then renames it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
