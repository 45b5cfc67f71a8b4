"""Kernels and measuring processes of a program that is killed or stopped for real."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat.v4
import pytest

SECTIONS = """
    import sys
    from pathlib import Path
    from reports.sections import run_sections
    if __name__ == "__main__":
        notebooks = sorted(Path(sys.argv[1]).glob("*.ipynb"))
        run_sections(dict.fromkeys(notebooks, "a"), {"word": "b"}, Path(sys.argv[1]) / "done", 2)
"""
COMPUTES = """
import os, pathlib
from ipykernel import get_connection_file
pathlib.Path(f".{os.getpid()}").write_text(get_connection_file())
pathlib.Path(f".{os.getpid()}").rename(f"{os.getpid()}.computes")
while True:
    sum(range(10**6))
"""
STARTS = """
    import asyncio
    from reports import kernels

    async def start():
        manager = kernels.ForkedKernelManager()
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(60)
        print(await manager.is_alive())
        client.stop_channels()
        await manager.shutdown_kernel(now=True)

    if __name__ == "__main__":
        kernels.prepare([])
        asyncio.run(start())
"""
JUDGES = """
    import os, sys
    from pathlib import Path
    from types import SimpleNamespace
    from reports import build

    class Study:
        # Its models and its judge take for ever

        parameters = SimpleNamespace(threads=2)
        splits = SimpleNamespace(judge=sys.argv[1])

        def __init__(self):
            self.store = SimpleNamespace(classifier=compute)

        @property
        def models(self):
            compute(sys.argv[1], 0)

    def compute(folder, seed):
        Path(folder, f"{os.getpid()}.computes").touch()
        while True:
            sum(range(10**6))

    if __name__ == "__main__":
        build.train(Study())
"""
MEASURES = """
    import sys, time
    from pathlib import Path
    from reports import measuring

    def compute(folder):
        import os
        Path(folder, f"{os.getpid()}.computes").touch()
        while True:
            sum(range(10**6))

    if __name__ == "__main__":
        measuring._measured = compute
        list(measuring._finished([(sys.argv[1],)] * 2, 2))
"""


def computing(script: str, folder: Path) -> tuple[subprocess.Popen[str], list[Path]]:
    """A program in a session of its own, once two processes of it compute; and their files."""
    path = folder / "program.py"
    # Which a shell may have switched off for what it runs in the background
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    path.write_text(code + textwrap.dedent(script), encoding="utf-8")
    program = subprocess.Popen(
        [sys.executable, str(path), str(folder)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while len(found := [*folder.glob("*.computes")]) < 2:
        assert program.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    return program, found


def ended(found: list[Path], seconds: float = 5) -> bool:
    """Whether the processes that wrote these files end within some seconds."""
    end = time.monotonic() + seconds
    while alive := [path for path in found if Path(f"/proc/{path.stem}").exists()]:
        if time.monotonic() > end:
            for path in alive:
                os.kill(int(path.stem), signal.SIGKILL)
            return False
        time.sleep(0.1)
    return True


def test_kernels_start_where_the_folder_for_temporary_files_has_a_long_path(tmp_path):
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(STARTS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n", done.stderr


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_kernels_end_with_their_program_whatever_they_compute(number, tmp_path):
    cells = [nbformat.v4.new_code_cell("word = 'a'", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(COMPUTES)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    for k in range(3):
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, tmp_path / f"{k}0-computes.ipynb")
    program, found = computing(SECTIONS, tmp_path)
    sockets = [Path(path.read_text()).parent for path in found]
    assert all(folder.exists() for folder in sockets)
    program.send_signal(number)
    program.communicate(timeout=30)
    assert ended(found)
    assert not any(folder.exists() for folder in sockets)
    assert len([*tmp_path.glob("*.computes")]) == 2  # the third was not begun


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("script", [MEASURES, JUDGES], ids=["measures", "judges"])
def test_measuring_processes_end_with_their_program(script, number, tmp_path):
    program, found = computing(script, tmp_path)
    if number == signal.SIGINT:  # as Ctrl-C tells a terminal's whole group
        os.killpg(program.pid, number)
    else:
        program.send_signal(number)
    _, said = program.communicate(timeout=30)
    assert ended(found)
    assert said.count("Traceback") == (number == signal.SIGINT)  # the program's own
