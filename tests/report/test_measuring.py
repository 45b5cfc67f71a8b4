"""How models are measured: in which order, and what the progress bar tells."""

import multiprocessing
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from reports import measuring
from reports.measuring import MeasuringError, _finished, _followed, _tell


def test_the_bar_moves_and_names_what_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "LOOK", 0.01)

    def shown(bar, count, postfix):
        """Whether the bar comes to show this, within a few seconds."""
        for _ in range(500):
            if (bar.n, bar.postfix) == (count, postfix):
                return True
            time.sleep(0.01)
        return False

    done = tmp_path / "done"
    with _followed(done, 10) as bar:
        _tell(done, 0, "leaks")
        _tell(done, 0, "style")
        assert shown(bar, 0, "leaks, style")
        _tell(done, 4, "leaks")
        assert shown(bar, 4, "style")
        _tell(done, 6, "style")
    assert (bar.n, bar.postfix) == (10, "")  # what was told last is counted


def test_rounding_takes_the_bar_no_further_than_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "LOOK", 0.01)
    with _followed(tmp_path / "done", 0.3) as bar:
        for _ in range(3):
            _tell(tmp_path / "done", 0, "style")
            _tell(tmp_path / "done", 0.1, "style")
    assert bar.n == bar.total


def test_a_process_that_is_killed_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(measuring, "_measured", signal.raise_signal)
    with pytest.raises(MeasuringError, match="ended, perhaps for want of memory"):
        list(_finished([(signal.SIGKILL,)] * 3, 2))


def test_who_asks_for_no_more_does_not_wait_for_the_others(monkeypatch):
    monkeypatch.setattr(measuring, "_measured", time.sleep)
    finished = _finished([(0,), (600,), (600,)], 2)
    next(finished)
    finished.close()
    for process in multiprocessing.active_children():
        process.join(10)
    assert multiprocessing.active_children() == []


STUDY = """
    import sys
    sys.path[:0] = {paths!r}
    from functools import partial
    from conftest import make_digits
    from glo_core.classifier import train_classifier
    from glo_core.recipe import grid
    from glo_core.runs import store, sweep
    from reports import measuring

    def told(word, real):
        def call(*arguments):
            models = arguments[0] if word == "trains" else [arguments[1].recipe]
            print(*(f"{{word}} {{recipe.sigma:g}}" for recipe in models), sep="\\n", flush=True)
            return real(*arguments)
        return call

    store.train_classifier = partial(train_classifier, steps=50)
    sweep.train = told("trains", sweep.train)
    measuring._measured = told("measures", measuring._measured)
    print("begins", flush=True)
    sigmas = [float(word) for word in sys.stdin.readline().split()]
    kept, digits, unseen = store.Store(sys.argv[1]), make_digits(200), make_digits(200, seed=1)
    recipes = grid(["l1"], sigmas, [0], epochs=2)
    models = dict(zip(recipes, sweep.sweep(recipes, digits, kept)))
    judge = kept.classifier(unseen)
    weights = kept.weights_hash(store.classifier_key(unseen, 0))
    measured = measuring.Measuring(kept, digits, unseen, judge, weights, unseen)
    found = measuring.measure_all(measured, models, dict.fromkeys(recipes, "model"), 1)
    print("has", sorted(recipe.sigma for recipe, measures in found.items() if measures))
"""


@pytest.mark.slow
def test_two_studies_that_begin_with_nothing_train_and_measure_what_they_share_once(tmp_path):
    paths = [str(Path(__file__).parents[1]), *sys.path]
    command = [sys.executable, "-c", textwrap.dedent(STUDY.format(paths=paths)), str(tmp_path)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "begins\n"
    for process, sigmas in zip(both, ("0 1", "1 2"), strict=True):  # at once
        process.stdin.write(f"{sigmas}\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0].splitlines() for process in both]
    assert [words.pop() for words in said] == ["has [0.0, 1.0]", "has [1.0, 2.0]"]
    done = [f"{word} {sigma}" for word in ("trains", "measures") for sigma in (0, 1, 2)]
    assert Counter(said[0] + said[1]) == Counter(done)
    assert not [*tmp_path.glob(".new-*")]
