"""Builds the report: `python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1`."""

import gc
import sys

from reports import kernels

if __name__ == "__main__":
    # First, so that both processes import what they need at the same time
    kernels.prepare(["reports.preloaded"])
    from reports.build import main

    code = main(sys.argv[1:])
    gc.freeze()  # to look through all that was imported for garbage takes more than a second
    sys.exit(code)
