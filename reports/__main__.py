"""Builds the report: `python -m reports reports/full.yaml EPOCHS=20 SIGMAS=0,0.1,1`."""

import sys

from reports import kernels

if __name__ == "__main__":
    # First, so that both processes import what they need at the same time
    kernels.prepare(["reports.preloaded"])
    from reports.build import main

    sys.exit(main(sys.argv[1:]))
