"""How models are measured: in which order, and what the progress bar tells."""

import time

from reports import measuring
from reports.measuring import _followed, _tell


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
