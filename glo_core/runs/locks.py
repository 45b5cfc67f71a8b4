"""Locks that processes share, also where the file system cannot lock, as on some clusters."""

import errno
import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from glo_core.runs.files import writing

log = logging.getLogger(__name__)

# How a file system says that it knows no locks.
UNABLE = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}
# A lease that has not been renewed for so many seconds is another's to take.
LEASE = 30


@contextmanager
def held(path: Path, use: str, give_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Holds the lock of a file, and says who has it if that takes waiting for.

    The system frees the locks of a process that dies. Where the file system has none, a file beside
    `path` is a lease: its holder renews it, and once it is not renewed, or its process is gone,
    another takes it. A holder that was stopped for long goes on beside the next one; so whatever is
    done under a lock must bear being done twice.

    Args:
        path: A file in a folder that exists.
        use: What a process does while it holds the lock, as "trains l1-sigma0".
        give_up: Asked again and again while this waits; if it says yes, filelock's Timeout is
            raised.

    Raises:
        DiskError: The folder cannot be written.
    """
    try:
        lock = _acquired(path, timeout=0)
    except Timeout:
        log.info("waiting for %s, which %s", _holder(path), use)
        lock = _acquired(path, cancel_check=give_up)
    try:
        yield
    finally:
        lock.release()


def _acquired(path: Path, **options: Any) -> BaseFileLock:
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(**options)
    except OSError as error:
        if isinstance(error, Timeout):
            raise
        if error.errno not in UNABLE:
            with writing(path.parent):
                raise
        lease = _lease(path)
        lease.acquire(**options)
        return lease
    with suppress(OSError):  # a full disk: others are not told who this is
        path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
    return lock


def _lease(path: Path) -> SoftFileLease:
    # Under another name: an empty file, as the system's locks leave, is a lease that never ends
    return SoftFileLease(path.with_suffix(".lease"), lease_duration=LEASE)


def _holder(path: Path) -> str:
    """Who holds a lock, in words."""
    if owner := _lease(path).owner:
        return f"process {owner.pid} on {owner.hostname}"
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace") or "another process"
    return "another process"
