"""Locks of processes that really die, and in processes whose system really cannot lock."""

import platform
import re
import subprocess
import sys
import textwrap

import pytest

from glo_core.runs.locks import _holder

# The number of flock(2) by machine.
FLOCK = {"x86_64": 73, "aarch64": 32}

HOLDERS = """
    import ctypes, errno, logging, os, signal, struct, sys, time
    from pathlib import Path
    from glo_core.runs.locks import held

    def without_flock(error):
        '''Has the kernel answer flock with this error from now on, by a seccomp filter.'''
        libc = ctypes.CDLL(None, use_errno=True)
        rules = [(0x20, 0, 0, 0), (0x15, 0, 1, {flock}), (6, 0, 0, 0x50000 | error),
                 (6, 0, 0, 0x7FFF0000)]
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
        program = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))
        assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
        assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())

    def holder(path, error):
        '''A process that holds the lock until it is killed, and the pipe on which it says so.'''
        heard, told = os.pipe()
        if pid := os.fork():
            os.close(told)
            return pid, open(heard)
        os.dup2(told, 1)
        logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
        if error:
            without_flock(error)
        with held(path, "counts"):
            print("held", flush=True)
            time.sleep(600)

    for name in ["", "ENOSYS", "ENOLCK", "EOPNOTSUPP"]:
        path = Path(sys.argv[1]) / f"{{name}}.lock"
        path.touch()  # as the system's locks leave it
        error = getattr(errno, name) if name else 0
        first, says = holder(path, error)
        assert says.readline() == "held\\n"
        second, later = holder(path, error)
        print(name, first, later.readline().strip())
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)
        print(name, later.readline().strip())
        os.kill(second, signal.SIGKILL)
"""


def test_who_holds_a_lock_is_told_though_its_file_holds_anything(tmp_path):
    for content, words in ((b"\xff on x", "\ufffd on x"), (b"", "another process")):
        (tmp_path / "some.lock").write_bytes(content)
        assert _holder(tmp_path / "some.lock") == words


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() not in FLOCK,
    reason="flock is taken away by a filter of Linux, for the machines of FLOCK",
)
def test_a_lock_keeps_others_out_and_dies_with_its_process_though_no_file_can_be_locked(tmp_path):
    script = textwrap.dedent(HOLDERS.format(flock=FLOCK[platform.machine()]))
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    said = done.stdout.splitlines()
    for waits, gets in zip(said[::2], said[1::2], strict=True):
        name, first, words = re.fullmatch(r"(\w*) (\d+) (.*)", waits).groups()
        assert re.fullmatch(rf"waiting for process {first} on \S+, which counts", words)
        assert gets == f"{name} held"
    assert [line.split(" ")[0] for line in said[::2]] == ["", "ENOSYS", "ENOLCK", "EOPNOTSUPP"]
    assert len([*tmp_path.glob("*.lease")]) <= 3
