"""How models are measured: in which order, and what the progress bar tells."""

import multiprocessing
import signal
import time

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
