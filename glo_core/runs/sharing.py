"""One trained model to hand on: a file, or a folder of two, that needs neither store nor images.

`name.safetensors` is one file, whose header holds a description as JSON beside the tensors. A name
without a suffix is a folder with the same in `model.json` and `model.safetensors`. Nothing in
either is ever executed.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from glo_core.generator import HIDDEN
from glo_core.model import Glo
from glo_core.priors import Prior
from glo_core.provenance import __version__
from glo_core.recipe import Recipe
from glo_core.runs import packing
from glo_core.runs.trainers import recipe_of

# Raise it when what is written changes in a way that this module's older versions cannot open.
FORMAT = 1
SUFFIX = ".safetensors"
WEIGHTS, ABOUT = "model.safetensors", "model.json"
# The one name in a single file's header. With more of them, their order would be any.
_HEADER = "glo_core"
_FIRST = "network.0.weight"
_TABLES = ("class_table", "content_table", "labels", _FIRST)


class ModelFileError(ValueError):
    """A shared model that cannot be opened; the message says which, why, and the way out."""


class SharedModel(NamedTuple):
    """What `open_model` gives.

    Fields:
        glo: The model. It keeps no images but those of its history.
        class_names: What its C classes are called, in the order of its class table.
    """

    glo: Glo
    class_names: tuple[str, ...]


class _Description(BaseModel):
    """What stands beside the tensors, but for the format and the digest."""

    written_by: str
    method: str
    recipe: dict[str, Any]
    class_names: tuple[str, ...]
    prior: Prior
    moved: float
    seconds: float
    threads: int


def save_model(glo: Glo, class_names: Sequence[str], path: Path | str) -> None:
    """Writes a model with all that `open_model` needs. The same model gives the same bytes.

    Args:
        glo: The model.
        class_names: A name for each of its C classes, such as `Digits.class_names`.
        path: With the suffix `.safetensors` a file, without a suffix a folder. A model that is
            there is replaced.

    Raises:
        ValueError: Another suffix, another number of names, or a model that has diverged.
        FileExistsError: The folder is there and holds something else.
    """
    path = Path(path)
    if glo.history.diverged:
        raise ValueError(
            f"glo: this model has diverged at step {glo.history.diverged} and generates nothing; "
            "train it with less noise or a lower learning rate"
        )
    if path.suffix not in ("", SUFFIX):
        raise ValueError(
            f"path = {str(path)!r}: allowed are the suffix {SUFFIX!r} for a file, and none for a "
            "folder"
        )
    if len(class_names) != len(glo.class_table):
        raise ValueError(
            f"class_names has {len(class_names)} names, allowed are {len(glo.class_table)}: one "
            "for each class of the model"
        )
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(glo).items()}
    about = _about(glo, class_names)
    about["sha256"] = _digest(about, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as name:
        new = Path(name) / path.name
        if path.suffix:
            save_file(tensors, new, {_HEADER: json.dumps(about, ensure_ascii=False)})
        else:
            new.mkdir()
            save_file(tensors, new / WEIGHTS)
            text = json.dumps(about, ensure_ascii=False, indent=1)
            (new / ABOUT).write_text(text, encoding="utf-8")
            _move_away(path, Path(name) / "old")
        os.replace(new, path)


def open_model(path: Path | str) -> SharedModel:
    """Opens what `save_model` has written, on this machine or another.

    Args:
        path: The file or the folder.

    Raises:
        FileNotFoundError: It is not there.
        ModelFileError: It is damaged, no model of this project, or one that this version of the
            project cannot open.
    """
    path = Path(path)
    try:
        text, tensors = _contents(path)
        return _opened(_verified(json.loads(text), tensors), tensors)
    # ValueError: no text, no JSON, or not allowed; RecursionError: JSON in JSON in JSON
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: {error}") from error


def _tensors(glo: Glo) -> dict[str, Tensor]:
    history = packing.history_tensors(glo.history).items()
    return {
        **packing.weights_of(glo),
        "labels": glo.labels,
        **{f"history.{name}": value for name, value in history},
    }


def _about(glo: Glo, class_names: Sequence[str]) -> dict[str, Any]:
    description = _Description(
        written_by=__version__,
        method=glo.recipe.method,
        recipe=glo.recipe.model_dump(),
        class_names=tuple(map(str, class_names)),
        prior=glo.prior,
        **packing.history_numbers(glo.history),
    )
    return {"format": FORMAT, **description.model_dump()}


def _digest(about: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """The SHA-256 of all that a model holds, the same for a file and a folder."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _move_away(folder: Path, aside: Path) -> None:
    """Makes room for a model's folder. Refuses to move a folder that holds anything else."""
    if not folder.is_dir():
        return
    others = {each.name for each in folder.iterdir()} - {WEIGHTS, ABOUT}
    if others:
        raise FileExistsError(
            f"path = {str(folder)!r}: this folder is there and holds {min(others)!r}, which is no "
            "part of a model; choose another name"
        )
    os.replace(folder, aside)


def _contents(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The description, still as text, and the tensors.

    All bytes are read, and none mapped into memory: a file that is cut while it is mapped ends the
    process.
    """
    content = (path / WEIGHTS if path.is_dir() else path).read_bytes()
    tensors = load(content)
    if path.is_dir():
        return (path / ABOUT).read_text(encoding="utf-8"), tensors
    size = int.from_bytes(content[:8], "little")  # of the header, as `load` has checked
    header = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    if _HEADER not in header:
        raise ModelFileError(
            f"no model that save_model has written: its header has no {_HEADER!r} (a file that was "
            "taken out of a model's folder needs the whole folder)"
        )
    return header[_HEADER], tensors


def _verified(about: Any, tensors: dict[str, Tensor]) -> _Description:
    """The description, if this version knows the format and all is whole."""
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise ModelFileError("the description has no format: no model, or a damaged one")
    if about["format"] > FORMAT:
        raise ModelFileError(
            f"format = {about['format']}, written by glo_core {about.get('written_by')}; glo_core "
            f"{__version__} knows formats up to {FORMAT}: install a newer glo_core"
        )
    expected = about.pop("sha256", None)
    found = _digest(about, tensors)
    if found != expected:
        raise ModelFileError(f"damaged: its SHA-256 is {found}, expected {expected}; copy it again")
    return _Description.model_validate(about)


def _opened(about: _Description, tensors: dict[str, Tensor]) -> SharedModel:
    recipe = _recipe(about)
    missing = {*_TABLES, *(f"history.{name}" for name in packing.TENSORS)} - tensors.keys()
    if missing:
        raise ModelFileError(f"it has no {min(missing)!r}")
    _check_tables(recipe, len(about.class_names), *(tensors[name] for name in _TABLES))
    history = packing.history_of(packing.part(tensors, "history."), about.model_dump())
    try:
        glo = packing.model_of(recipe, tensors, tensors["labels"], history, about.prior)
    except RuntimeError as error:  # PyTorch names the weights
        raise ModelFileError(f"the weights are not those of its recipe: {error}") from error
    return SharedModel(glo, about.class_names)


def _recipe(about: _Description) -> Recipe:
    try:
        return recipe_of(about.method, about.recipe)
    except ValueError as error:  # it names the method, or the fields
        raise ModelFileError(
            f"its recipe cannot be used here: it was written by glo_core {about.written_by}, this "
            f"is glo_core {__version__}; {error}"
        ) from error


def _check_tables(
    recipe: Recipe,
    classes: int,
    class_table: Tensor,
    content_table: Tensor,
    labels: Tensor,
    first: Tensor,
) -> None:
    """Tables, labels and the first weights have the shapes and classes of recipe and names.

    This comes before the network is made: with empty tables, few bytes may ask for a huge one.
    """
    expected = {
        "class_table": (class_table, (classes, recipe.class_dim)),
        "content_table": (content_table, (len(labels), recipe.content_dim)),
        f"of its weights, {_FIRST}": (first, (HIDDEN[0], recipe.class_dim + recipe.content_dim)),
    }
    for name, (table, shape) in expected.items():
        if tuple(table.shape) != shape or table.dtype != torch.float32:
            raise ModelFileError(
                f"{name} is {tuple(table.shape)} {table.dtype}, expected {shape} float32"
            )
    if labels.dtype != torch.int64 or not ((labels >= 0) & (labels < classes)).all():
        raise ModelFileError(f"labels are not all of the {classes} classes")
