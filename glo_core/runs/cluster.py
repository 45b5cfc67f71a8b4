"""Dask workers that train the groups of a sweep: on this machine, or wherever a scheduler reaches.

A sweep needs three things of whoever trains: somewhere to submit groups to, a way to hand over the
digits once, and a way to hear of progress. `Cluster` answers them with Dask.
"""

import ctypes
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster, Worker, get_worker
from distributed.security import Security
from distributed.system import MEMORY_LIMIT

TOPIC = "glo-progress"
# How often a group is tried again after an error. One that costs several workers their lives is
# given up by Dask (`distributed.scheduler.allowed-failures`).
RETRIES = 2
# A worker that has not been heard of for this long is given up, and its groups go to others.
SILENCE = "60s"
CONNECT_SECONDS = 20
# Options of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


class ClusterError(RuntimeError):
    """A scheduler that cannot be reached, or that has no worker."""


class Cluster(Executor):
    """The workers of a Dask client as an executor."""

    def __init__(self, client: Client):
        self._client = client
        self._executor = client.get_executor(pure=False, retries=RETRIES)
        self.workers = sum(client.nthreads().values())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Runs `fn` on some worker; again on another one if that worker is lost."""
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Gives up what has not been done."""
        self._executor.shutdown(wait=wait)

    def shared(self, value: Any) -> Any:
        """Hands a large value to each worker once; what is returned stands for it in `submit`.

        As the result of a task, unlike what is scattered, it is there again for others when all
        workers that have it are lost.
        """
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            return self._client.submit(_itself, value, pure=False)

    def telling(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """A function to call on a worker, which has `handler` called here with the same value."""
        self._client.subscribe_topic(TOPIC, lambda event: handler(event[1]))
        return _tell


def _itself(value: Any) -> Any:
    return value


def _tell(value: Any) -> None:
    get_worker().log_event(TOPIC, value)


def keep_freed_memory() -> None:
    """Has this process keep up to a GiB of freed memory for its next allocations.

    Dask tells workers to give it back to the system at once: to get it anew, page by page, takes as
    long as training itself. Without being told, a process still gives back large pieces. Does
    nothing where the C library is not glibc.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            libc.mallopt(option, 2**30)


class _NoPage:
    """What a scheduler and a worker have in common, without their web server."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Opens no port."""


class _Scheduler(_NoPage, Scheduler):
    pass


class _Worker(_NoPage, Worker):
    pass


def _new_cluster(workers: int) -> SpecCluster:
    """So many worker processes on this machine, and their scheduler in this process.

    They listen on the loopback interface alone, where other users of the machine could reach them:
    whoever connects must show a certificate that is made now and never written down.
    """
    common = {"host": "127.0.0.1", "protocol": "tls", "security": Security.temporary()}
    worker = {
        "cls": Nanny,
        "options": {
            **common,
            "nthreads": 1,
            "memory_limit": MEMORY_LIMIT // workers,
            "worker_class": _Worker,
            "silence_logs": logging.CRITICAL,
        },
    }
    return SpecCluster(
        scheduler={"cls": _Scheduler, "options": {**common, "dashboard": False}},
        workers=dict.fromkeys(range(workers), worker),
        security=common["security"],
        silence_logs=logging.CRITICAL,
    )


@contextmanager
def connected(workers: int, scheduler: str, insecure: bool = False) -> Iterator[Cluster | None]:
    """The workers of the scheduler at an address, or so many new ones on this machine, or None.

    A scheduler at tls:// is met with the certificates that Dask's own configuration names. One on
    another machine is met without TLS only if `insecure`. Raises ClusterError.
    """
    if scheduler:
        try:
            safe = _is_safe(scheduler)
        except ValueError as error:
            raise ClusterError(f"scheduler = {scheduler!r}: no address: {error}") from error
        if not (insecure or safe):
            raise ClusterError(
                f"scheduler = {scheduler!r}: without TLS, whoever reaches this port can run code "
                "on the workers and here; use a scheduler at tls://, or, in a network where you "
                "trust everybody, set insecure = true"
            )
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(f"scheduler = {scheduler!r}: cannot be reached: {error}") from error
        with client:
            if not client.nthreads():
                raise ClusterError(f"scheduler = {scheduler!r}: it has no workers; start some")
            yield Cluster(client)
    elif workers:
        with (
            dask.config.set({"distributed.scheduler.worker-ttl": SILENCE}),
            _new_cluster(workers) as cluster,
            Client(cluster) as client,
        ):
            yield Cluster(client)
    else:
        yield None


def _is_safe(scheduler: str) -> bool:
    """Whether a scheduler at this address asks for certificates, or is on this machine."""
    address = urlsplit(scheduler if "://" in scheduler else f"tcp://{scheduler}")
    return address.scheme == "tls" or address.hostname in {"127.0.0.1", "::1", "localhost"}
