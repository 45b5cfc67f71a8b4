"""Processes that end with the one that began them."""

import multiprocessing
import os
import threading
from collections.abc import Callable


def end_with_parent(last: Callable[[], None] = lambda: None) -> None:
    """Has this process end as soon as its parent has ended, however that ended.

    The parent is the process that multiprocessing was asked in, not one that this was forked from.
    `last` is called before this process ends.
    """
    parent = multiprocessing.parent_process()
    assert parent, "multiprocessing has not begun this process"

    def wait() -> None:
        parent.join()
        last()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
