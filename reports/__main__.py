"""Builds the report: `python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1`."""

import gc
import os
import signal
import sys
from typing import Any

STOPPED = "make report: stopped; the models that were trained are kept"


def main() -> int:
    """0 if the report is there; 130 after Ctrl-C, also while this still imports."""
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as in a shell's background
    if not ignored:
        signal.signal(signal.SIGINT, _end)
    from reports import kernels

    # First, so that both processes import what they need at the same time
    kernels.prepare(["reports.preloaded"])
    from reports import build

    if not ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return build.main(sys.argv[1:])
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 130


def _end(*_: Any) -> None:
    """Ends this process at once: an exception while PyTorch is imported would abort it."""
    print(STOPPED, file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C once more: no traceback
    gc.freeze()  # to look through all that was imported for garbage takes more than a second
    sys.exit(code)
