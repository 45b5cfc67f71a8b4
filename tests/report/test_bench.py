"""`make bench`: its arithmetic on planted times, and its short form for real."""

import json
import sys

import pytest

from reports import bench
from reports.bench import Bench, BenchError, fresh, measured, table
from reports.timings import TIMINGS, sweep_recipes

SMALL = Bench(turns=3, images=40, models=(1, 2, 60), epochs=(1, 5), many=(40, 80), threads=(1, 2))


class Planted:
    """Takes timings that are known. Every second one of a kind is disturbed by another program."""

    def __init__(self):
        self.taken = []

    def __call__(self, timing):
        self.taken.append(timing)
        disturbed = 100 if self.taken.count(timing) == 2 else 1
        if timing[0] == "memory":
            return {"mebibytes": 123.0}
        if timing[0] == "bare":
            return {"dense": 0.002 * disturbed, "sparse": 0.001 * disturbed}
        seconds = {"plain": 0.03, "swept": 0.01, "peak": 1e-10}[timing[0]]
        return {"seconds": seconds * disturbed, "stepping": 0.75}


def test_numbers_are_ratios_of_medians():
    result = measured(SMALL, Planted())
    assert result["ratio_vs_plain"] == pytest.approx(3)
    assert result["plain_ms_a_step"] == pytest.approx(30)
    assert result["overhead_fraction"] == 0.25
    assert result["peak_memory_mb"] == 123
    assert result["machine"]["gigaflops"] == pytest.approx(20)
    assert result["scaling"]["images"] == [
        {"images": n, "dense_ms_a_step": 2.0, "sparse_ms_a_step": 1.0} for n in (40, 80)
    ]
    assert [row["epochs"] for row in result["scaling"]["epochs"]] == [1, 5]


def test_what_is_compared_takes_turns_and_is_measured_once_a_turn():
    planted = Planted()
    measured(SMALL, planted)
    memory, *turns = planted.taken
    assert memory[0] == "memory"  # before any other process
    assert turns == 3 * SMALL.timings
    assert len({*SMALL.timings}) == len(SMALL.timings)
    assert {name for name, *_ in planted.taken} == TIMINGS.keys()


def test_the_table_has_a_line_for_every_number():
    lines = table(measured(SMALL, Planted())).splitlines()
    assert "3.0 times" in lines[0]
    assert "60 models side by side" in lines[3]
    assert sum(line.startswith("  a step with") for line in lines) == 3 + 2 + 2 + 2
    assert "  a step with     80 images   dense 2.00 ms  sparse 1.00 ms" in lines


def test_the_recipes_are_those_of_the_sweep_which_are_of_one_shape():
    recipes = sweep_recipes(60, 5)
    assert len({*recipes}) == 60
    assert len({recipe.shape for recipe in recipes}) == 1
    assert {recipe.epochs for recipe in recipes} == {5}


@pytest.mark.slow
def test_a_fresh_process_returns_what_it_measures():
    assert 0 < fresh(("peak", 1))["seconds"] < 1e-6


def test_what_a_failing_process_says_is_shown(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho some output; echo planted words >&2; exit 3\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(BenchError, match=r"reports\.timings peak 1` failed:\nplanted words"):
        fresh(("peak", 1))


def test_the_short_form_measures_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    (tmp_path / "reports").mkdir()
    bench.main(["--short"])
    written = (tmp_path / "reports" / "build" / "bench.json").read_text(encoding="utf-8")
    result = json.loads(written)
    assert result["scaling"].keys() == {"models", "epochs", "images", "threads"}
    rows = [row for rows in result["scaling"].values() for row in rows]
    assert all(number > 0 for row in rows for number in row.values())
    assert 0 < result["overhead_fraction"] < 1
    assert capsys.readouterr().out.splitlines()[:-1] == table(result).splitlines()
