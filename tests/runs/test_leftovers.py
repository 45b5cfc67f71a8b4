import os
import subprocess
import time

from glo_core.runs.leftovers import LONGEST, clear, mine


def test_what_the_dead_were_writing_goes_and_all_else_stays(tmp_path):
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = f"{mine().rpartition('-')[0]}-{process.pid}"
    elsewhere = f"another.host-{process.pid}"
    gone = {f".new-{dead}-x_1", f".a.json.{dead}.part", f".new-{elsewhere}-old"}
    stays = {f".new-{mine()}-x_1", f".a.json.{mine()}.part", f".new-{elsewhere}-x", "a.json"}
    for name in gone | stays:
        path = tmp_path / name
        if "new-" in name:
            path.mkdir()
            (path / "weights").touch()
        else:
            path.touch()
    for name in (f".new-{elsewhere}-old", "a.json"):
        os.utime(tmp_path / name, (time.time() - 2 * LONGEST,) * 2)
    clear(tmp_path, tmp_path / "none")
    assert {path.name for path in tmp_path.iterdir()} == stays
