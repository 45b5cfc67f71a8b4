"""Pixels of many small files, kept in one so that they are read once."""

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as tensors

from glo_core.files.errors import printable

log = logging.getLogger(__name__)

# Digits of the hash of a folder.
WHERE = 16
Arrays = dict[str, NDArray[np.uint8]]


def place(kept: Path, folder: Path, files: list[Path], about: str) -> Path:
    """The file in `kept` for what files in a folder hold.

    Its name has a hash of the folder, and one of all the rest: the files' paths, sizes and times,
    and `about`.
    """
    where = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:WHERE]
    digest = hashlib.sha256(about.encode())
    for file in files:
        digest.update(os.fsencode(file.relative_to(folder)) + b"\0")
        with suppress(OSError):  # a link to nowhere
            stat = file.stat()
            digest.update(b"%d %d %d\n" % (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    return kept / f"{where}-{digest.hexdigest()[:16]}.safetensors"


def recall(file: Path) -> Arrays | None:
    """The arrays that were kept in a file; None if it is not there, or is damaged."""
    try:
        arrays = tensors.load(file.read_bytes())
        digest = arrays.pop("sha256")
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return arrays if np.array_equal(digest, _sha256(arrays)) else None


def keep(file: Path, arrays: Arrays) -> None:
    """Keeps arrays in a file, in the place of what was kept of its folder before.

    Where it cannot be written, they are not kept, which it logs.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(tensors.save(arrays | {"sha256": _sha256(arrays)}))
        os.replace(part, file)
        for other in file.parent.glob(f"*{file.name[:WHERE]}*"):
            if other != file:
                other.unlink(missing_ok=True)
    except OSError as error:
        log.info("%s: images are not kept for the next time: %s", printable(file.parent), error)
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _sha256(arrays: Arrays) -> NDArray[np.uint8]:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(repr((name, arrays[name].shape)).encode() + arrays[name].tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
