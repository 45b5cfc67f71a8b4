"""A GPU trains what a processor trains, but for rounding. Skipped where there is none."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from core.kinds import KINDS

SCRIPT = """
    import json, sys
    from pathlib import Path
    import torch
    if not torch.cuda.is_available():
        sys.exit(print("null"))
    torch.cuda.init()  # conftest hides GPUs from what has not found them yet
    sys.path.insert(0, {tests!r})
    from conftest import make_digits
    from core.kinds import KINDS, TOO_MUCH
    from glo_core.recipe import grid
    from glo_core.runs.store import Store
    from glo_core.runs.sweep import sweep
    from glo_core.runs.trainers import train
    digits, found = make_digits(), {{}}
    for name, of in KINDS.items():
        models = [train([of(0.1)], digits, device=device)[0] for device in ("cpu", "cuda")]
        found[name] = [float(glo.history.losses[-1]) for glo in models]
    diverging = train([KINDS["l1"](sigma) for sigma in (0.1, TOO_MUCH)], digits, device="cuda")
    found["diverged"] = [glo.history.diverged for glo in diverging]
    torch.set_num_threads(4)
    recipes = [of(sigma) for of in KINDS.values() for sigma in (0, 0.5)]
    found["swept"] = len(sweep(recipes, digits, Store(Path({store!r})), device="cuda"))
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def on_gpu(tmp_path_factory):
    """What a process that sees GPUs, unlike those of all other tests, has found."""
    tests = Path(__file__).parents[1]
    script = SCRIPT.format(tests=str(tests), store=str(tmp_path_factory.mktemp("runs")))
    seeing = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=seeing,
        cwd=tests.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    if found is None:
        pytest.skip("PyTorch finds no GPU here")
    return found


def test_losses_are_those_of_a_processor(on_gpu):
    for name in KINDS:
        on_processor, on_gpu_too = on_gpu[name]
        assert on_gpu_too == pytest.approx(on_processor, rel=1e-2), name


def test_what_diverges_is_noticed_there_too(on_gpu):
    assert on_gpu["diverged"] == [None, 1]


def test_groups_of_all_kinds_are_trained_one_after_the_other(on_gpu):
    assert on_gpu["swept"] == 2 * len(KINDS)
