"""Kernels that start at once: forked from a process that has imported what they need.

A kernel of Jupyter's own takes seconds to start, and its first cell seconds to import PyTorch and
the rest. Here one process imports them, for all notebooks.
"""

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from threadpoolctl import threadpool_limits

from reports.parent import end_with_parent

_FORKS = multiprocessing.get_context("forkserver")
# The path of a socket has at most some 100 letters, of which this many may be the folder's.
LONGEST = 60


def prepare(modules: Sequence[str]) -> None:
    """Starts the process that kernels are forked from; it imports these modules meanwhile.

    Sockets lie in the folder for temporary files, or in /tmp if its path is too long for them. The
    first module is to let through SIGINT, which is blocked until then: Ctrl-C would end what Python
    does before with a traceback.
    """
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST:
        tempfile.tempdir = "/tmp"
    _FORKS.set_forkserver_preload([*modules, "ipykernel.kernelapp", __name__])
    resource_tracker.ensure_running()  # it would let SIGINT through again
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


class _Forked(_FORKS.Process):  # type: ignore[name-defined,misc]
    """A forked process with what a provisioner asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        return self.exitcode  # type: ignore[no-any-return]

    def wait(self) -> int | None:
        self.join()
        return self.exitcode  # type: ignore[no-any-return]

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _serve(arguments: list[str], folder: str | Path, variables: dict[str, str]) -> None:
    """Is a kernel, in a session and a folder of its own, with one thread.

    Kernels run side by side: where their threads share processors, they wait for each other, and a
    section takes up to four times as long.
    """
    threadpool_limits(1)
    # Here, as progress bars are others where this is imported
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    os.chdir(folder)
    os.environ.update(variables)
    sockets = Path(arguments[arguments.index("-f") + 1]).parent
    end_with_parent(lambda: shutil.rmtree(sockets, ignore_errors=True))
    # Without this, the kernel would print how to connect to it
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"
    IPKernelApp.launch_instance(argv=[*arguments, parent])


class _Provisioner(LocalProvisioner):
    """Starts kernels by forking; their sockets lie in a folder of their own."""

    sockets: str

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Forks a kernel with the arguments of a kernel's command line."""
        arguments = cmd[cmd.index("-f") :]
        self.cwd = kwargs.get("cwd") or Path.cwd()
        self.process = _Forked(target=_serve, args=(arguments, self.cwd, kwargs["env"]))
        self.process.start()
        self.pid = self.process.pid
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Sends a signal, but never an interrupt.

        Jupyter interrupts each kernel before it asks it to end. One that has run its notebook has
        nothing to interrupt, and calls it an error.
        """
        if signum != signal.SIGINT:
            await super().send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        """Deletes the kernel's sockets."""
        shutil.rmtree(self.sockets, ignore_errors=True)


class ForkedKernelManager(AsyncKernelManager):
    """A manager for nbclient, whose kernel is forked, whichever kernels are installed.

    They talk through sockets in a folder that is open to this user alone, not through ports.
    """

    kernel_spec = KernelSpec(**get_kernel_dict())

    def __init__(self, **kwargs: Any) -> None:
        sockets = tempfile.mkdtemp(prefix="kernel-")
        file = str(Path(sockets, "kernel.json"))
        super().__init__(transport="ipc", connection_file=file, **kwargs)
        spec = self.kernel_spec
        self.provisioner = _Provisioner(kernel_id=self.kernel_id, kernel_spec=spec, parent=self)
        self.provisioner.sockets = sockets


def end_all() -> None:
    """Ends all kernels, whatever they compute."""
    for process in multiprocessing.active_children():
        if isinstance(process, _Forked):
            process.kill()
