"""`make bench`: its arithmetic on planted times, and its short form for real."""

import json
import sys

import pytest

from glo_core.runs.sweep import equal_models
from reports import bench
from reports.bench import Bench, fresh, measured, table
from reports.chain import BenchError
from reports.timings import TIMINGS, sweep_recipes

SMALL = Bench(
    turns=3,
    images=40,
    models=(1, 2, 60),
    epochs=(1, 5),
    many=(40, 80),
    threads=(1, 2),
    reports=("quick", "full"),
    lab=True,
)
PARTS = {"start": 1.0, "train": 5.0, "measure": 4.0}


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
        if timing[0] == "lab":
            return {"seconds": 6.0}
        if timing[0] == "report":
            return {**PARTS, "second_build": 3.0}
        if timing[0] == "ensembled":  # with two threads it is slower
            return {"seconds": 0.015 * timing[-1] * disturbed}
        seconds = {"plain": 0.03, "swept": 0.01, "peak": 1e-10}[timing[0]]
        return {"seconds": seconds * disturbed, "stepping": 0.75}


def test_numbers_are_ratios_of_medians():
    result = measured(SMALL, Planted())
    assert result["ratio_vs_plain"] == pytest.approx(3)
    assert result["ensemble_ratio_vs_plain"] == pytest.approx(2)
    assert result["plain_ms_a_step"] == pytest.approx(30)
    assert result["ensemble_ms_a_step"] == pytest.approx(15)
    assert result["overhead_fraction"] == 0.25
    assert result["peak_memory_mb"] == 123
    assert result["machine"]["gigaflops"] == pytest.approx(20)
    assert result["scaling"]["images"] == [
        {"images": n, "dense_ms_a_step": 2.0, "sparse_ms_a_step": 1.0} for n in (40, 80)
    ]
    assert [row["epochs"] for row in result["scaling"]["epochs"]] == [1, 5]


def test_the_proportion_of_the_peak_is_in_the_multiplications_that_the_engine_needs(monkeypatch):
    monkeypatch.setattr(bench, "MULTIPLICATIONS", 100_000)
    result = measured(SMALL, Planted())
    # 32 images, and backward twice what forward takes: 9.6 million multiplications, 0.96 ms
    assert result["peak_fraction"] == pytest.approx(0.096)
    assert result["ensemble_peak_fraction"] == pytest.approx(0.064)
    assert result["plain_peak_fraction"] == pytest.approx(0.032)


def test_the_chain_is_in_seconds_and_in_steps_of_the_plain_loop():
    chain = measured(SMALL, Planted())["chain"]
    assert chain["lab"] == {"seconds": 6, "plain_steps": pytest.approx(200)}
    assert chain["full"] == chain["quick"]
    report = chain["quick"]
    assert (report["seconds"], report["plain_steps"]) == (10, pytest.approx(10 / 0.03))
    assert report["second_build"] == {"seconds": 3, "plain_steps": pytest.approx(100)}
    proportions = {part: times["proportion"] for part, times in report["parts"].items()}
    assert proportions == {"start": 0.1, "train": 0.5, "measure": 0.4}
    assert report["parts"]["train"]["plain_steps"] == pytest.approx(5 / 0.03)


def test_what_is_compared_takes_turns_and_is_measured_once_a_turn():
    planted = Planted()
    measured(SMALL, planted)
    memory, *turns = planted.taken
    assert memory[0] == "memory"  # before any other process
    assert turns == [*3 * SMALL.timings, ("lab",), ("report", "quick"), ("report", "full")]
    assert len({*SMALL.timings}) == len(SMALL.timings)
    assert {name for name, *_ in planted.taken} == TIMINGS.keys()


def test_the_table_has_a_line_for_every_number():
    lines = table(measured(SMALL, Planted())).splitlines()
    assert "3.0 times" in lines[0]
    assert "2.0 times" in lines[1]
    assert "60 models side by side" in lines[7]
    assert sum(line.startswith("  a step with") for line in lines) == 3 + 2 + 2 + 2
    assert "  a step with     80 images   dense 2.00 ms  sparse 1.00 ms" in lines
    report = ["  start", "  train", "  measure", "  again, with other words in a notebook"]
    assert [line.split("   ")[0] for line in lines[-11:]] == [
        "first pictures in the lab, from nothing",
        "the quick report, from nothing",
        *report,
        "the full report, from nothing",
        *report,
    ]
    assert lines[-3].split()[1:] == "5.0 s 50 % 167 steps of the plain loop".split()


def test_the_recipes_are_of_one_shape_and_no_two_models_are_equal():
    recipes = sweep_recipes(60, 5)
    assert len(equal_models(recipes)) == len(recipes) == 60
    assert len({recipe.shape for recipe in recipes}) == 1
    assert {recipe.epochs for recipe in recipes} == {5}


def test_the_full_report_is_built_only_if_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    (tmp_path / "reports").mkdir()
    for arguments, reports in ([], ["quick"]), (["--full"], ["quick", "full"]):
        planted = Planted()
        monkeypatch.setattr(bench, "fresh", planted)
        bench.main(arguments)
        assert [name for kind, *name in planted.taken if kind == "report"] == [[r] for r in reports]
        assert ("lab",) in planted.taken


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
    assert result["ensemble_ratio_vs_plain"] > 0
    assert result["chain"] == {}
    assert capsys.readouterr().out.splitlines()[:-1] == table(result).splitlines()
