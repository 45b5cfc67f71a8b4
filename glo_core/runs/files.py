"""Files on disk that are written whole or not at all, and of which a reader knows if they changed.

JSON is sealed: beside its content it has a digest, the SHA-256 of the content and of the names of
what it belongs to. So a number that was changed is noticed, and a file that was copied elsewhere.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from glo_core.runs.leftovers import mine

log = logging.getLogger(__name__)

DIGEST, DAMAGED = "digest", ".damaged"
# What to do about an error of the system, by its number.
WAYS_OUT = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make space there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "allow writing there"),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), "move what is in the way"),
}
# Bytes that show whether a disk takes any: a block of most file systems.
PROBE = 4096


# What tells that something else is in a file's place.
MISPLACED = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
# What tells that something is damaged.
OF_DAMAGE = (*MISPLACED, ValueError, KeyError, TypeError)


class DamageError(ValueError):
    """A file that does not hold what was written into it."""


class DiskError(RuntimeError):
    """A folder that cannot be written or read; the message says why, and the way out."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raises DiskError for what the system refuses meanwhile, in the name of this folder."""
    try:
        yield
    except OSError as error:
        way = WAYS_OUT.get(error.errno or 0, "see that it can be written")
        raise DiskError(
            f"cannot write in {folder.absolute()} ({error.strerror or error}): {way}, and start "
            "again; what was finished is kept"
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises DiskError for what the system cannot read meanwhile, though it may be whole."""
    try:
        yield
    except MISPLACED:
        raise
    except OSError as error:
        raise DiskError(
            f"cannot read {path.absolute()} ({error.strerror or error}): see that it can be read, "
            "and start again"
        ) from error


def made(folder: Path) -> Path:
    """This folder, made if it was not there. Raises DiskError."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def new_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder in this one, whose name says whose it is. Raises DiskError."""
    with writing(folder):
        return tempfile.TemporaryDirectory(prefix=f".new-{mine()}-", dir=made(folder))


def check_disk(needs: Mapping[Path, float]) -> None:
    """Raises DiskError for a folder that cannot be written, or has less space than it needs.

    Args:
        needs: Bytes by folder. Folders on one disk need their sum.
    """
    devices = {}
    for folder in needs:
        with writing(folder), tempfile.TemporaryFile(dir=made(folder)) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
        devices[folder] = folder.stat().st_dev
    for folder in needs:
        needed = sum(size for each, size in needs.items() if devices[each] == devices[folder])
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise DiskError(
                f"{folder.absolute()} has {_megabytes(free)} free, and about "
                f"{_megabytes(needed)} are needed: make space there, or ask for less"
            )


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def write_text(path: Path, text: str) -> None:
    """Writes a text file under a temporary name in the same folder, then renames it.

    Raises DiskError; then nothing is left, and a file that was there stays.
    """
    part = path.with_name(f".{path.name}.{mine()}.part")
    try:
        with writing(path.parent):
            part.write_text(text, encoding="utf-8")
            os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What a file of JSON holds. Raises OSError, or DamageError for what is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamageError(f"{path.name} is no JSON: {error}") from error


def digest(content: Any, *belongs: str) -> str:
    """The SHA-256 of content as JSON holds it, and of the names of what it belongs to."""
    return hashlib.sha256(json.dumps([content, *belongs], sort_keys=True).encode()).hexdigest()


def sealed(content: Mapping[str, Any], *belongs: str) -> dict[str, Any]:
    """This content as JSON holds it, with its digest."""
    plain = json.loads(json.dumps(content))
    return {**plain, DIGEST: digest(plain, *belongs)}


def unsealed(content: Any, *belongs: str) -> dict[str, Any]:
    """What `sealed` was given. Raises DamageError if it is anything else, or belongs elsewhere."""
    if not isinstance(content, dict) or DIGEST not in content:
        raise DamageError(f"it has no {DIGEST}")
    plain = {name: value for name, value in content.items() if name != DIGEST}
    try:
        found = digest(plain, *belongs)
    except RecursionError as error:
        raise DamageError(f"it is no JSON of ours: {error}") from error
    if found != content[DIGEST]:
        raise DamageError(f"its {DIGEST} is {found[:12]}…, expected {content[DIGEST]!s:.12}…")
    return plain


def sha256(content: bytes) -> str:
    """The SHA-256 of a file's content, as it is written down beside it."""
    return hashlib.sha256(content).hexdigest()


def set_aside(path: Path, root: Path, why: Exception) -> None:
    """Moves what is damaged out of the way, into `.damaged` in the folder `root`, and says so.

    Raises DiskError if it cannot be moved.
    """
    with writing(root):
        aside = Path(tempfile.mkdtemp(dir=made(root / DAMAGED))) / path.relative_to(root)
        aside.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another process was faster
            os.replace(path, aside)
    reason = (
        why if isinstance(why, OSError | ValueError) else "it does not have the expected structure"
    )
    log.warning("%s is damaged (%s): set aside as %s", path.relative_to(root), reason, aside)
