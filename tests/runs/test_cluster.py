"""Sweeps on Dask: new workers on this machine, and a scheduler with workers that really die."""

import ctypes
import datetime
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import dask
import psutil
import pytest
import torch
from conftest import fill
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed.scheduler import KilledWorker

from glo_core.recipe import grid
from glo_core.runs.cluster import Cluster, ClusterError, connected
from glo_core.runs.files import DiskError
from glo_core.runs.store import Store
from glo_core.runs.sweep import SweepError, steps, sweep, train_group

# Dask's own threads and sockets may still be closing when a test ends.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
]


def test_no_workers_and_no_scheduler_is_no_executor():
    with connected(0, "") as executor:
        assert executor is None


PAGES = """
import resource, torch
from glo_core.runs.cluster import keep_freed_memory

def taken():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory()
counts = [(torch.ones(2**21), taken())[1] for _ in range(15)]
print(counts[-1] - counts[4])
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_freed_memory_is_kept_though_dask_says_otherwise():
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}  # as Dask starts workers
    command = [sys.executable, "-c", PAGES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20  # of 20,480 pages


def test_a_scheduler_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr("glo_core.runs.cluster.CONNECT_SECONDS", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with (
        pytest.raises(ClusterError, match=f"'{address}': cannot be reached"),
        connected(0, address),
    ):
        pass


def test_workers_on_this_machine_train_what_this_process_would(recipes, digits, models, tmp_path):
    with connected(2, "") as executor:
        assert executor.workers == 2
        for info in executor._client.scheduler_info(n_workers=-1)["workers"].values():
            assert info["host"] == "127.0.0.1"
        swept = sweep(recipes, digits, Store(tmp_path), executor)
    for found, expected in zip(swept, models, strict=True):
        torch.testing.assert_close(
            found.content_table, expected.content_table, rtol=1e-3, atol=1e-3
        )


def listening(process):
    """The ports on which a process listens, with their addresses."""
    sockets = psutil.Process(process).net_connections("tcp")
    return {each.laddr for each in sockets if each.status == psutil.CONN_LISTEN}


def test_workers_on_this_machine_let_nobody_in_without_a_certificate():
    before = listening(os.getpid())
    with connected(2, "") as executor:
        workers = [
            each.pid for each in psutil.Process().children() if "spawn" in each.cmdline()[-2]
        ]
        ports = listening(os.getpid()) - before
        assert len(ports) == 3  # the scheduler, and what starts each worker
        for worker in workers:
            own = listening(worker)
            assert len(own) == 1
            ports |= own
        assert len(ports) == 5
        assert {port.ip for port in ports} == {"127.0.0.1"}
        unknown = ssl.create_default_context()
        unknown.check_hostname, unknown.verify_mode = False, ssl.CERT_NONE
        for port in ports:
            with socket.create_connection(port, timeout=10) as plain:
                assert ends(plain)
            with (
                socket.create_connection(port, timeout=10) as plain,
                unknown.wrap_socket(plain) as encrypted,
            ):
                assert ends(encrypted)
        assert executor.submit(os.getpid).result() in workers


def ends(connection):
    """Whether the other side ends a connection, with nothing said but that it does."""
    try:
        connection.sendall(bytes(8))
        while said := connection.recv(1000):
            assert said[:1] == b"\x15"  # an alert of TLS
    except (ConnectionError, ssl.SSLError):
        pass
    return True


def test_what_is_no_address_is_refused_in_words():
    words = r"scheduler = 'tcp://\[x': no address"
    with pytest.raises(ClusterError, match=words), connected(0, "tcp://[x"):
        pass


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "node7:8786", "ws://10.0.0.1:8786"])
def test_a_scheduler_elsewhere_is_met_without_tls_only_if_that_is_asked_for(address, monkeypatch):
    monkeypatch.setattr("glo_core.runs.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(ClusterError, match="use a scheduler at tls://"), connected(0, address):
        pass


def test_a_scheduler_that_is_lost_ends_a_sweep_and_what_was_finished_stays(digits, tmp_path):
    store = Store(tmp_path / "runs")
    short, long = grid(["l1"], [0], [0], epochs=1) + grid(["l1"], [0], [0], epochs=10**6)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask_command = [os.path.join(os.path.dirname(sys.executable), "dask")]
    scheduler = [*dask_command, "scheduler", "--host", address, "--no-dashboard"]
    worker = [*dask_command, "worker", address, "--nthreads", "1", "--no-dashboard"]
    path = os.pathsep.join(sys.path)
    with (
        started(*scheduler, path=path) as one,
        started(*worker, path=path),
        started(*worker, path=path),
        connected_with(address, 2) as cluster,
    ):

        def lose_it():
            end = time.monotonic() + 60
            while not store.load(short, digits) and time.monotonic() < end:
                time.sleep(0.2)
            one.kill()

        killer = threading.Thread(target=lose_it, daemon=True)
        killer.start()
        with pytest.raises(
            SweepError, match="the scheduler was lost; the models that were trained"
        ):
            sweep([short, long], digits, store, cluster)
        killer.join()
    assert store.load(short, digits)


def test_a_deadline_ends_a_worker_that_hangs(recipes, digits, tmp_path):
    def hang(progress):
        import time

        time.sleep(300)

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), connected(1, "") as one:
        run = one.submit(
            train_group, [[each] for each in recipes], digits, Store(tmp_path), "cpu", hang, 2
        )
        with pytest.raises(KilledWorker):
            run.result(timeout=60)


def test_a_worker_that_cannot_save_is_asked_once(recipes, digits, disk, tmp_path, monkeypatch):
    def tell(told):
        with open(f"{tmp_path}/told", "a") as file:
            print(told[1], file=file)

    fill(disk, 100_000)  # of a model's 600 kB
    with connected(1, "") as one:
        monkeypatch.setattr(one, "telling", lambda handler: tell)
        with pytest.raises(DiskError, match=rf"cannot write in {disk} \(No space left"):
            sweep(recipes[:1], digits, Store(disk), one)
    told = (tmp_path / "told").read_text().split()
    assert told.count("0") == 1
    assert len(told) == 1 + recipes[0].epochs


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files of a certificate that signs itself, and its key: the options of Dask's commands."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"ca-file": str(cert_file), "cert": str(cert_file), "key": str(key_file)}


@contextmanager
def started(*command, path=""):
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


class PausingOnce:
    """Tells the driver of progress; the first worker to call it says who it is, and then waits."""

    def __init__(self, tell, folder):
        self.tell, self.folder = tell, str(folder)

    def __call__(self, progress):
        self.tell(progress)
        if progress[1] == 0:  # a group that is about to begin
            return
        try:
            os.mkdir(f"{self.folder}/taken")
        except FileExistsError:
            return
        with open(f"{self.folder}/pipe", "w") as pipe:
            pipe.write(str(os.getpid()))
        while not os.path.exists(f"{self.folder}/go"):
            time.sleep(0.1)


def pausing(cluster, folder, told):
    """A cluster whose first worker that has trained an epoch waits until `go` is in a folder.

    It writes its process into `pipe` there; all progress is added to `told`.
    """
    os.mkfifo(folder / "pipe")

    class Pausing(Cluster):
        def telling(self, handler):
            def counted(progress):
                told.append(progress[1])
                handler(progress)

            return PausingOnce(super().telling(counted), folder)

    return Pausing(cluster._client)


def the_one_that_waits(folder):
    """Its process, as soon as there is one."""
    return psutil.Process(int((folder / "pipe").read_text()))


def test_a_sweep_survives_a_worker_that_is_killed(certificates, digits, tmp_path):
    recipes = [
        recipe for epochs in (3, 4, 5) for recipe in grid(["l1"], range(4), [0], epochs=epochs)
    ]
    store, where = Store(tmp_path / "runs"), str(tmp_path / "scheduler.json")
    dask_command = [os.path.join(os.path.dirname(sys.executable), "dask")]
    tls = [word for name, file in certificates.items() for word in (f"--tls-{name}", file)]
    told: list[float] = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tls://127.0.0.1:{port}"
    configured = {
        "distributed.comm.tls.ca-file": certificates["ca-file"],
        "distributed.comm.tls.client.cert": certificates["cert"],
        "distributed.comm.tls.client.key": certificates["key"],
    }
    scheduler = [*dask_command, "scheduler", "--host", "tls://127.0.0.1", "--port", str(port)]
    worker = [*dask_command, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--host", "127.0.0.1", *tls]
    tests = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    with ExitStack() as stack:
        scheduler += ["--no-dashboard", "--scheduler-file", where, *tls]
        stack.enter_context(started(*scheduler, path=tests))
        workers = [stack.enter_context(started(*worker, path=tests)) for _ in range(2)]
        stack.enter_context(dask.config.set(configured))
        cluster = stack.enter_context(connected_with(address, 2))
        executor = pausing(cluster, tmp_path, told)
        killer = threading.Thread(target=lambda: the_one_that_waits(tmp_path).kill(), daemon=True)
        killer.start()
        models = sweep(recipes, digits, store, executor)
        killer.join()
        assert [worker.poll() for worker in workers].count(-signal.SIGKILL) == 1
    assert [model.recipe for model in models] == recipes
    assert all(store.load(recipe, digits) for recipe in recipes)  # verified by their SHA-256
    needed = [steps(recipe, digits) for recipe in recipes]
    assert sum(needed) <= sum(told) <= sum(needed) + 4 * max(needed)  # groups are four wide


@contextmanager
def connected_with(address, workers):
    """The scheduler, once so many workers have come."""
    end = time.monotonic() + 60
    while True:
        try:
            with connected(0, address) as cluster:
                if cluster.workers == workers:
                    yield cluster
                    return
        except ClusterError:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


# After how long a worker is given up here. Those that must not be need to have imported before what
# takes long to import: they are silent meanwhile.
SILENCE, IMPORTS = "5s", "glo_core.runs.sweep"


def test_a_worker_that_returns_after_its_group_went_to_another_does_no_harm(digits, tmp_path):
    recipes = grid(["l1"], range(4), [0], epochs=5) + grid(["l1"], range(4), [0], epochs=4)
    store, late = Store(tmp_path / "runs"), []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask_command = [os.path.join(os.path.dirname(sys.executable), "dask")]
    scheduler = [*dask_command, "scheduler", "--host", address, "--no-dashboard"]
    worker = [*dask_command, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--preload", IMPORTS]
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    with (
        started("env", f"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL={SILENCE}", *scheduler, path=path),
        started(*worker, path=path),
        started(*worker, path=path),
        connected_with(address, 2) as cluster,
    ):

        def stop_it_until_it_is_given_up():
            late.append(the_one_that_waits(tmp_path))
            late[0].suspend()
            end = time.monotonic() + 60
            while len(cluster._client.nthreads()) == 2 and time.monotonic() < end:
                time.sleep(0.2)
            (tmp_path / "go").touch()
            late[0].resume()

        executor = pausing(cluster, tmp_path, [])
        stopper = threading.Thread(target=stop_it_until_it_is_given_up, daemon=True)
        stopper.start()
        models = sweep(recipes, digits, store, executor)
        stopper.join()
        assert len(cluster._client.nthreads()) == 1
        psutil.wait_procs(late, timeout=60)
    assert [model.recipe for model in models] == recipes
    assert all(store.load(recipe, digits) for recipe in recipes)
    assert {each.name for each in store.root.iterdir() if each.name[0] == "."} == {".locks"}


def test_the_only_worker_of_this_machine_is_ended_if_it_is_stopped_for_ever_and_another_goes_on(
    digits, tmp_path, monkeypatch
):
    monkeypatch.setattr("glo_core.runs.cluster.SILENCE", SILENCE)
    recipes = grid(["l1"], range(4), [0], epochs=5) + grid(["l1"], range(4), [0], epochs=4)
    store, stopped = Store(tmp_path / "runs"), []

    def stop_it():
        stopped.append(the_one_that_waits(tmp_path))
        stopped[0].suspend()

    imports = dask.config.set({"distributed.worker.preload": [IMPORTS]})
    with imports, connected(1, "") as cluster:
        executor = pausing(cluster, tmp_path, [])
        stopper = threading.Thread(target=stop_it, daemon=True)
        stopper.start()
        models = sweep(recipes, digits, store, executor)
        stopper.join()
        assert not stopped[0].is_running()
    assert [model.recipe for model in models] == recipes
    assert all(store.load(recipe, digits) for recipe in recipes)
    assert {each.name for each in store.root.iterdir() if each.name[0] == "."} == {".locks"}
