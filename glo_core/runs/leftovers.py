"""What is being written has a name that tells whose it is, so that what the dead left can go."""

import os
import platform
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

# Nothing is being written for longer than so many seconds, on whichever machine.
LONGEST = 24 * 3600


def mine() -> str:
    """This process, in the names `.new-<mine>-…` of a folder and `.….<mine>.part` of a file."""
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    """The machine's name, as far as a file's name can take it."""
    return re.sub(r"[^\w-]", "_", platform.node())[:32]


def clear(*folders: Path) -> None:
    """Deletes what processes that have ended were writing into these folders."""
    own = re.compile(rf"\.(new-|.+\.){re.escape(_machine())}-(\d+)(-\w+|\.part)")
    for folder in folders:
        for path in [*folder.glob(".new-*"), *folder.glob(".*.part")]:
            with suppress(OSError):  # its process has just renamed or deleted it
                writer = own.fullmatch(path.name)
                if (
                    writer and not _runs(int(writer[2]))
                ) or time.time() - path.stat().st_mtime > LONGEST:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _runs(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True
