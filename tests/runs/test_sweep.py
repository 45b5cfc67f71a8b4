import json
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import torch
from conftest import remount

from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import Recipe, grid
from glo_core.runs import sweep as sweep_module
from glo_core.runs.files import DiskError
from glo_core.runs.progress import Progress
from glo_core.runs.store import Store, run_key
from glo_core.runs.sweep import (
    SweepError,
    groups_to_train,
    sweep,
    train_group,
    work,
)
from glo_core.runs.trainers import UNFELT, train
from glo_core.training import DeviceError


@pytest.fixture
def trained(monkeypatch):
    """The recipes that are really trained, group by group."""
    groups = []

    def counted(recipes, *rest):
        groups.append(recipes)
        return train(recipes, *rest)

    monkeypatch.setattr(sweep_module, "train", counted)
    return groups


def test_only_what_is_missing_is_trained_and_models_keep_their_order(
    recipes, digits, models, tmp_path, trained, caplog
):
    caplog.set_level("INFO")
    store = Store(tmp_path)
    store.save(models[1], digits)
    swept = sweep(recipes, digits, store)
    assert [model.recipe for model in swept] == recipes
    assert {recipe for group in trained for recipe in group} == {recipes[0], recipes[2]}
    assert "1 of 3 models found" in caplog.text
    before = len(trained)
    sweep(recipes, digits, store)
    assert len(trained) == before


def test_a_sweep_that_is_stopped_keeps_the_groups_it_finished(recipes, digits, tmp_path, trained):
    other = recipes[0].model_copy(update={"epochs": 2})

    def stop_at_the_second(group, *rest):
        if group == [other]:
            time.sleep(1)  # the other groups have ended
            raise KeyboardInterrupt
        return train(group, *rest)

    sweep_module.train = stop_at_the_second  # undone by the fixture's monkeypatch
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep([*recipes, other], digits, store)
    assert all(store.load(recipe, digits) for recipe in recipes)
    assert not (store.root / run_key(other, digits)).exists()


def test_a_sigma_that_changes_no_code_is_trained_once(digits, tmp_path, trained, caplog):
    caplog.set_level("INFO")
    recipes = grid(["l1"], [0, 1e-100, 1e-20, 1e-5], [0], epochs=1)
    zero, same, lost, other = sweep(recipes, digits, Store(tmp_path))
    assert sorted(recipe.sigma for group in trained for recipe in group) == [0, 1e-5]
    assert "2 models equal others to the last bit: trained once" in caplog.text
    assert [glo.recipe for glo in (zero, same, lost, other)] == recipes
    assert torch.equal(zero.content_table, same.content_table)
    assert torch.equal(zero.content_table, lost.content_table)


def test_noise_up_to_where_it_is_not_felt_changes_no_bit_of_a_model(digits):
    zero, unfelt, felt = train(grid(["l1"], [0, UNFELT, 1e-5], [0], epochs=20), digits)
    assert torch.equal(zero.content_table, unfelt.content_table)
    assert not torch.equal(zero.content_table, felt.content_table)


def test_a_model_that_equals_one_in_the_store_is_not_trained(digits, tmp_path, trained):
    zero, same = grid(["l1"], [0, 1e-100], [0], epochs=1)
    (first,) = sweep([zero], digits, Store(tmp_path))
    trained.clear()
    both = sweep([zero, same], digits, Store(tmp_path))
    assert trained == []
    assert torch.equal(both[1].content_table, first.content_table)


def test_the_longest_group_comes_first(digits):
    short = grid(["l1"], range(12), [0], epochs=1)
    long = grid(["l1"], [0], [0], epochs=40)
    groups = groups_to_train([[recipe] for recipe in [*short, *long]], digits, 2)
    assert groups[0] == [long]
    amounts = [sum(work(twins[0], digits) for twins in group) for group in groups]
    assert amounts == sorted(amounts, reverse=True)


class Bar:
    """A progress bar that keeps what it was told."""

    def __init__(self, total):
        self.total, self.n, self.refreshed, self.words = total, 0, 0, []

    def get_lock(self):
        return threading.Lock()

    def update(self, amount):
        self.n += amount

    def refresh(self):
        self.refreshed += 1

    def set_description(self, words):
        self.words.append(words)


def test_the_bar_names_what_is_trained_and_goes_on_when_nothing_is_told(monkeypatch):
    monkeypatch.setattr(sweep_module, "REFRESH", 0.01)
    bar = Bar(10)
    with Progress(bar, 4) as progress:
        progress.count(("l1 σ 0 ×3", 4))
        progress.count(("lord l1 σ 1 ×1", 9))  # told again after an error
        deadline = time.monotonic() + 5
        while not bar.refreshed and time.monotonic() < deadline:
            time.sleep(0.01)
        progress.finished("l1 σ 0 ×3", 3)
        progress.finished("lord l1 σ 1 ×1", 1)
    assert bar.refreshed
    assert bar.n == 10
    assert bar.words[1] == "trained 0/4 models: l1 σ 0 ×3, lord l1 σ 1 ×1"
    assert bar.words[-1] == "trained 4/4 models"


def test_all_work_is_told_however_models_are_trained(digits, tmp_path):
    told: list[tuple[str, float]] = []
    for recipe in (Recipe(epochs=3), LordRecipe(epochs=2, encoder_epochs=3), CvaeRecipe(epochs=2)):
        train_group([[recipe]], digits, Store(tmp_path), "cpu", told.append)
        assert sum(amount for _, amount in told) == pytest.approx(work(recipe, digits))
        told.clear()


def test_what_another_process_trained_meanwhile_is_used(
    recipes, digits, models, tmp_path, trained, monkeypatch
):
    store = Store(tmp_path)
    real = store.locked

    def locked(keys):
        for model in models:  # the other process, which held the locks just before
            store.save(model, digits)
        return real(keys)

    monkeypatch.setattr(store, "locked", locked)
    swept = sweep(recipes, digits, store)
    assert trained == []
    assert torch.equal(swept[0].content_table, models[0].content_table)


def test_a_group_that_always_fails_is_named_and_the_others_finish(
    recipes, digits, tmp_path, trained
):
    other = recipes[0].model_copy(update={"epochs": 2})

    def fail(group, *rest):
        if group == [other]:
            raise ValueError("a planted failure")
        return train(group, *rest)

    sweep_module.train = fail  # undone by the fixture's monkeypatch
    store = Store(tmp_path)
    with pytest.raises(SweepError) as caught:
        sweep([other, *recipes], digits, store)
    assert f"{run_key(other, digits)}: ValueError: a planted failure" in str(caught.value)
    assert "1 of 4 models could not be trained" in str(caught.value)
    assert all(store.load(recipe, digits) for recipe in recipes)


def test_a_disk_that_fills_ends_the_sweep_at_the_first_model_that_it_cannot_take(
    digits, disk, trained
):
    recipes = [Recipe(epochs=epochs) for epochs in range(1, 9)]
    with pytest.raises(DiskError, match=rf"cannot write in {disk} \(No space left"):
        sweep(recipes, digits, Store(disk))
    assert 1 < len(trained) < len(recipes) - 1  # one more may have begun
    saved = [group[0] for group in trained if Store(disk).load(group[0], digits)]
    assert saved == [group[0] for group in trained[: len(saved)]]
    assert len(saved) >= len(trained) - 2
    assert not [*disk.glob(".new-*")]


def test_a_read_only_store_is_known_before_training(recipes, digits, models, disk, trained):
    Store(disk).save(models[0], digits)
    remount(disk, "ro")
    assert sweep(recipes[:1], digits, Store(disk))[0].recipe == recipes[0]
    with pytest.raises(DiskError, match=rf"cannot write in {disk} \(Read-only file system"):
        sweep(recipes, digits, Store(disk))
    assert trained == []


@pytest.mark.parametrize("at_once", [1, 3])
def test_results_do_not_depend_on_how_the_work_was_cut(
    at_once, recipes, digits, models, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: at_once)
    for found, expected in zip(sweep(recipes, digits, Store(tmp_path)), models, strict=True):
        torch.testing.assert_close(
            found.content_table, expected.content_table, rtol=1e-3, atol=1e-3
        )


def test_groups_are_trained_by_one_thread_each_and_the_callers_number_stays(
    recipes, digits, tmp_path
):
    before = torch.get_num_threads()
    (model, *_) = sweep(recipes, digits, Store(tmp_path))
    assert model.history.threads == 1
    assert torch.get_num_threads() == before


def test_a_gpu_that_is_not_there_is_an_error_at_once(recipes, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="finds no GPU here; use 'auto' or 'cpu'"):
        sweep(recipes, digits, Store(tmp_path), device="cuda")


SWEEP = """
    import resource, sys
    sys.path.insert(0, {tests!r})
    from conftest import make_digits
    from glo_core.recipe import grid
    from glo_core.runs.store import Store
    from glo_core.runs.sweep import sweep

    class Pausing(Store):
        def save(self, glo, digits):
            folder = super().save(glo, digits)
            print("saved", flush=True)
            sys.stdin.read()  # until the test closes it, or kills this process
            return folder

    store, how = sys.argv[1:]
    if how == "small files":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    recipes = [r for epochs in (1, 2, 3) for r in grid(["l1"], [0, 1], [0], epochs=epochs)]
    sweep(recipes, make_digits(), (Pausing if how == "pausing" else Store)(store))
"""


def command(store, how):
    text = textwrap.dedent(SWEEP.format(tests=str(Path(__file__).parents[1])))
    return [sys.executable, "-c", text, str(store.root), how]


@pytest.mark.slow
def test_what_a_killed_driver_finished_stays_finished(tmp_path):
    store, pipe = Store(tmp_path), subprocess.PIPE
    with subprocess.Popen(
        command(store, "pausing"), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        assert driver.stdout.readline() == "saved\n"
        driver.kill()  # SIGKILL: no chance to clean up
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("l1-*/run.json")}
    assert 0 < len(kept) < 6
    subprocess.run(command(store, "as usual"), check=True, capture_output=True)
    assert len(list(tmp_path.glob("l1-*/run.json"))) == 6
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


@pytest.mark.slow
def test_a_run_that_cannot_be_written_leaves_nothing_and_says_why(tmp_path):
    done = subprocess.run(
        command(Store(tmp_path), "small files"), capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert f"DiskError: cannot write in {tmp_path}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]


def test_a_model_that_has_diverged_is_kept_and_told_of_and_not_trained_again(
    digits, tmp_path, trained, caplog
):
    caplog.set_level("INFO")
    store, recipes = Store(tmp_path), grid(["l1"], [0.1, 1e38], [0], epochs=2)
    first = sweep(recipes, digits, store)
    again = sweep(recipes, digits, store)
    assert trained == [recipes]  # once, side by side
    assert [glo.history.diverged for glo in first] == [None, 1]
    assert [glo.history.diverged for glo in again] == [None, 1]
    assert again[1].history.losses.isnan().all()
    assert caplog.messages.count("l1 σ 1e+38 seed 0 diverged at step 1") == 2
    about = [
        json.loads((tmp_path / run_key(each, digits) / "run.json").read_text()) for each in recipes
    ]
    assert [each["diverged"] for each in about] == [None, 1]
