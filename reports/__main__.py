"""Builds the report: `python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1`."""

import gc
import sys


def main() -> int:
    """0 if the report is there; 130 after Ctrl-C, also while this still imports."""
    try:
        from reports import kernels

        # First, so that both processes import what they need at the same time
        kernels.prepare(["reports.preloaded"])
        from reports import build
    except KeyboardInterrupt:
        return 130
    return build.main(sys.argv[1:])


if __name__ == "__main__":
    code = main()
    gc.freeze()  # to look through all that was imported for garbage takes more than a second
    sys.exit(code)
