"""The store, on files that are really cut, flipped and deleted, and processes that really die."""

import json
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import fill, make_digits, remount
from damage import DAMAGES, flip, folder_instead

from glo_core import recorder, training
from glo_core.classifier import train_classifier
from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from glo_core.recipe import Recipe
from glo_core.runs import store as store_module
from glo_core.runs.files import DiskError
from glo_core.runs.store import COMMIT, HISTORY, WEIGHTS, Store, classifier_key, run_key
from glo_core.runs.sweep import sweep
from glo_core.runs.trainers import train


@pytest.fixture
def store(tmp_path, models, digits):
    store = Store(tmp_path / "runs")
    store.save(models[0], digits)
    return store


@pytest.fixture
def folder(store, models, digits):
    return store.root / run_key(models[0].recipe, digits)


def test_a_run_comes_back_as_it_was(store, models, digits):
    saved, loaded = models[0], store.load(models[0].recipe, digits)
    assert loaded.recipe == saved.recipe
    assert torch.equal(loaded.content_table, saved.content_table)
    assert torch.equal(loaded.history.panel, saved.history.panel)
    images = torch.arange(len(digits))
    assert torch.equal(loaded.reconstruct(images), saved.reconstruct(images))


def test_the_commit_point_says_what_the_run_is(folder, models, digits):
    run = json.loads((folder / COMMIT).read_text())
    assert Recipe(**run["recipe"]) == models[0].recipe
    assert run["digits"]["fingerprint"] == digits.fingerprint
    assert set(run["sha256"]) == {WEIGHTS, HISTORY}
    assert run["threads"] == torch.get_num_threads()
    assert run["moved"] == models[0].history.moved
    assert run["versions"] == {"core": training.VERSION, "recorder": recorder.VERSION}
    assert run["engine"].startswith(torch.__version__)


def test_another_recipe_digits_or_method_is_another_run(digits, models):
    recipe = models[0].recipe
    keys = {
        run_key(recipe, digits),
        run_key(recipe.model_copy(update={"sigma": 1e-100}), digits),
        run_key(recipe.model_copy(update={"seed": 1}), digits),
        run_key(recipe, digits.subset(range(39))),
        run_key(LordRecipe(**recipe.model_dump()), digits),
        run_key(CvaeRecipe(**recipe.model_dump()), digits),
    }
    assert len(keys) == 6


PLAIN, SWAP, LORD, VAE = Recipe(), Recipe(swap=0.1), LordRecipe(), CvaeRecipe()


@pytest.mark.parametrize(
    ("module", "moved"),
    [
        ("glo_core.training", {PLAIN, SWAP, LORD}),
        ("glo_core.recorder", {PLAIN, SWAP, LORD, VAE}),
        ("glo_core.classifier", {SWAP}),
        ("glo_core.peers.lord", {LORD}),
        ("glo_core.peers.cvae", {VAE}),
    ],
)
def test_a_new_version_of_a_part_moves_the_keys_of_the_recipes_that_use_it(
    module, moved, digits, monkeypatch
):
    before = {recipe: run_key(recipe, digits) for recipe in (PLAIN, SWAP, LORD, VAE)}
    judge = classifier_key(digits, 1)
    monkeypatch.setattr(f"{module}.VERSION", 1000)
    assert {recipe for recipe, key in before.items() if run_key(recipe, digits) != key} == moved
    assert (classifier_key(digits, 1) != judge) == (module == "glo_core.classifier")


def test_a_field_that_is_added_with_a_default_moves_no_key(digits, monkeypatch):
    """Only fields that differ from their defaults are hashed."""
    before = run_key(Recipe(sigma=3), digits)
    longer = Recipe.model_dump

    def with_a_new_field(self, **options):
        return longer(self, **options) | {"new": 0.0}

    monkeypatch.setattr(Recipe, "model_dump", with_a_new_field)
    assert run_key(Recipe(sigma=3), digits) == before


# What is no text, no JSON, or JSON of another shape.
SHAPES = [b"", b"\xff", b"[", b"[]", b"{}", b"3", b"null", b'"digest"', b'{"digest": {}}']
SHAPES += [b"[" * 100_000, b'{"digest": ' + b"[" * 900 + b"]" * 900 + b"}"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [WEIGHTS, HISTORY, COMMIT])
def test_a_damaged_run_is_set_aside_and_trained_again(
    name, damage, store, folder, models, digits, caplog
):
    damage(folder / name)
    recipe = models[0].recipe
    if name == COMMIT and damage is flip:  # JSON with its last brace turned into another sign
        assert (folder / name).read_text()[-1] != "}"
    assert store.load(recipe, digits) is None
    assert not folder.exists()
    assert "set aside" in caplog.text
    assert len(list((store.root / ".damaged").iterdir())) == 1
    (again,) = sweep([recipe], digits, store)
    torch.testing.assert_close(again.content_table, models[0].content_table, rtol=1e-3, atol=1e-3)
    assert store.load(recipe, digits) is not None


def test_saving_twice_keeps_the_first_and_leaves_nothing_behind(store, folder, models, digits):
    before = (folder / COMMIT).read_bytes()
    history = replace(models[0].history, seconds=1e6)
    store.save(replace(models[0], history=history), digits)
    assert (folder / COMMIT).read_bytes() == before
    assert [path.name for path in store.root.iterdir()] == [folder.name]


def test_many_that_save_the_same_run_at_once_leave_one(tmp_path, models, digits, monkeypatch):
    store, writers = Store(tmp_path), 4
    all_written = threading.Barrier(writers)
    real = os.replace

    def replace_together(source, target):
        if Path(target).name == run_key(models[0].recipe, digits):
            all_written.wait(timeout=60)  # nobody renames before everybody has written
        real(source, target)

    monkeypatch.setattr(os, "replace", replace_together)
    with ThreadPoolExecutor(writers) as pool:
        folders = set(pool.map(lambda _: store.save(models[0], digits), range(writers)))
    assert folders == set(store.root.iterdir())
    assert store.load(models[0].recipe, digits)


def test_what_was_computed_from_a_run_is_remembered(store, folder):
    assert store.recall(folder.name, "measures") is None
    store.remember(folder.name, "measures", {"share": [0.5, 0.4, 0.6]})
    assert store.recall(folder.name, "measures") == {"share": [0.5, 0.4, 0.6]}


@pytest.mark.parametrize("content", SHAPES)
def test_a_commit_point_of_another_shape_is_no_run(content, store, folder, models, digits, caplog):
    (folder / COMMIT).write_bytes(content)
    assert store.recipes(digits) == []
    assert store.recall(folder.name, "measures") is None
    assert store.load(models[0].recipe, digits) is None
    assert f"{folder.name} is damaged" in caplog.text
    store.save(models[0], digits)
    assert store.load(models[0].recipe, digits) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"gaussian"', '"normal"'),
        ('"moved": ', '"moved": 1'),
        ('"seconds": ', '"seconds": 9'),
        ('"threads": 1', '"threads": 2'),
        ('"seed": 0', '"seed": 1'),
        ('"images": 40', '"images": 41'),
        (f'"{WEIGHTS}"', '"else"'),
        ('"sha256": {', '"sha256": {}, "sha": {'),
    ],
)
def test_a_changed_number_or_name_of_a_run_is_noticed(
    old, new, store, folder, models, digits, caplog
):
    text = (folder / COMMIT).read_text()
    assert old in text
    (folder / COMMIT).write_text(text.replace(old, new))
    assert store.load(models[0].recipe, digits) is None
    assert f"{folder.name} is damaged (its digest is " in caplog.text


def test_a_run_under_the_name_of_another_is_noticed(store, folder, models, digits):
    """Its weights would fit, and nothing else would tell."""
    other = models[0].recipe.model_copy(update={"sigma": 7.0})
    shutil.copytree(folder, store.root / run_key(other, digits))
    assert store.load(other, digits) is None
    assert store.load(models[0].recipe, digits) is not None


@pytest.mark.parametrize("instead", ["a file", "a link to nowhere"])
def test_what_is_in_the_place_of_a_run_is_set_aside(instead, tmp_path, models, digits):
    store, place = Store(tmp_path), tmp_path / run_key(models[0].recipe, digits)
    place.touch() if instead == "a file" else place.symlink_to("nowhere")
    assert store.load(models[0].recipe, digits) is None
    store.save(models[0], digits)
    assert store.load(models[0].recipe, digits) is not None


MEASURE = {"share": [0.115, 0.4, float("nan")], "by": {1: 2.5}}


@pytest.fixture
def measure(store, folder):
    """The file of a measure."""
    store.remember(folder.name, "style", MEASURE)
    return folder / "style.json"


def no_measure(store, key, name, caplog):
    """Whether a measure was noticed to be damaged, and can be taken again."""
    assert (store.root / key / f"{name}.json").exists()
    found = store.recall(key, name)
    said = f"{key}/{name}.json is damaged" in caplog.text
    set_aside = [*(store.root / ".damaged").glob(f"*/{key}/{name}.json")]
    store.remember(key, name, MEASURE)
    again = repr(store.recall(key, name)) == repr(json.loads(json.dumps(MEASURE)))
    return found is None and said and len(set_aside) == 1 and again


@pytest.mark.parametrize("new", ["0.99", "NaN", "0.1150000000000001", '"0.115"'])
def test_a_measure_that_was_changed_is_taken_again(new, store, folder, measure, caplog):
    text = measure.read_text()
    assert "0.115" in text
    measure.write_text(text.replace("0.115", new))
    assert no_measure(store, folder.name, "style", caplog)


@pytest.mark.parametrize("content", [*SHAPES, json.dumps(MEASURE).encode()])
def test_a_measure_of_another_shape_is_taken_again(content, store, folder, measure, caplog):
    measure.write_bytes(content)
    assert no_measure(store, folder.name, "style", caplog)


def test_a_folder_in_the_place_of_a_measure_is_set_aside(store, folder, measure, caplog):
    folder_instead(measure)
    (measure / "notes.txt").touch()
    assert no_measure(store, folder.name, "style", caplog)


def test_a_measure_of_another_run_name_or_weights_is_taken_again(
    store, folder, measure, models, digits, caplog
):
    other = store.save(models[1], digits)
    shutil.copy(measure, folder / "leakage.json")
    shutil.copy(measure, other / "style.json")
    assert no_measure(store, folder.name, "leakage", caplog)
    assert no_measure(store, other.name, "style", caplog)
    shutil.rmtree(folder)  # the same run, trained anew on another machine
    store.save(replace(models[0], content_table=models[0].content_table + 1e-7), digits)
    shutil.copy(other / "style.json", folder / "style.json")
    assert no_measure(store, folder.name, "style", caplog)


def test_a_full_disk_keeps_what_is_there_and_is_one_sentence(disk, models, digits, monkeypatch):
    store = Store(disk / "runs")
    folder = store.save(models[0], digits)
    store.remember(folder.name, "style", {"share": 1})
    fill(disk, 10_000)
    monkeypatch.setattr(store_module, "train_classifier", partial(train_classifier, steps=1))
    for write in (
        lambda: store.save(models[1], digits),
        lambda: store.remember(folder.name, "style", {"share": [2] * 9999}),
        lambda: store.classifier(digits),
    ):
        with pytest.raises(DiskError, match=r"No space left on device\): make space there"):
            write()
    assert {path.name for path in store.root.iterdir()} == {folder.name, ".locks"}
    assert store.load(models[0].recipe, digits) is not None
    assert store.recall(folder.name, "style") == {"share": 1}


def test_a_read_only_store_gives_what_it_has(disk, models, digits):
    store = Store(disk)
    folder = store.save(models[0], digits)
    store.remember(folder.name, "style", {"share": 1})
    remount(disk, "ro")
    assert store.load(models[0].recipe, digits) is not None
    assert store.recall(folder.name, "style") == {"share": 1}
    for write in (
        lambda: store.save(models[1], digits),
        lambda: store.remember(folder.name, "style", {"share": 2}),
    ):
        with pytest.raises(DiskError, match=r"Read-only file system\): allow writing there"):
            write()


HOLD = """
    import logging, sys, time
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message).7s")
    from glo_core.runs.store import Store
    with Store(sys.argv[1]).locked(["a", "b"]):
        print("held", flush=True)
        time.sleep(60)
"""


@pytest.mark.slow
def test_a_lock_keeps_others_out_and_dies_with_its_process(tmp_path):
    store = Store(tmp_path)
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        waiter = subprocess.Popen([*command], stdout=subprocess.PIPE, text=True)
        try:
            assert waiter.stdout.readline() == "waiting\n"
            holder.kill()  # SIGKILL: no chance to clean up
            assert waiter.stdout.readline() == "held\n"
        finally:
            waiter.kill()
            waiter.communicate()
    with store.locked(["b", "c"]):
        pass


def test_a_run_with_an_encoder_comes_back_with_it(tmp_path, digits):
    store = Store(tmp_path)
    for kind in (LordRecipe, CvaeRecipe):
        recipe = kind(epochs=1)
        (saved,) = sweep([recipe], digits, store)
        loaded = store.load(recipe, digits)
        for a, b in zip(saved.encoder.parameters(), loaded.encoder.parameters(), strict=True):
            assert torch.equal(a, b)
        assert torch.equal(
            loaded.decode(digits.labels, loaded.content_table),
            saved.decode(digits.labels, saved.content_table),
        )
        assert loaded.prior == saved.prior == ("normal" if kind is CvaeRecipe else "gaussian")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_classifier_is_set_aside_and_trained_again(
    damage, tmp_path, digits, caplog, monkeypatch
):
    monkeypatch.setattr(
        store_module,
        "train_classifier",
        lambda digits, seed: train_classifier(digits, seed, steps=5),
    )
    store = Store(tmp_path)
    first = store.classifier(digits)
    (folder,) = tmp_path.glob("classifier-*")
    damage(folder / WEIGHTS)
    again = store.classifier(digits)
    assert "set aside" in caplog.text
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_all_recipes_of_some_digits_are_listed(store, models, digits):
    def keep(recipe, images):
        (glo,) = train([recipe], images)
        store.save(glo, images)
        return recipe

    whole = {models[0].recipe, keep(CvaeRecipe(epochs=1), digits), keep(Recipe(epochs=1), digits)}
    fewer = keep(Recipe(epochs=1), digits.subset(range(12)))
    foreign = make_digits(seed=1)
    other = keep(Recipe(epochs=1), foreign)
    assert len(store.recipes(digits)) == 4
    assert {*store.recipes(digits)} == {(each, 40) for each in whole} | {(fewer, 12)}
    assert store.recipes(foreign) == [(other, 40)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digits": {}}', '{"digits": 3, "recipe": {}}'])
def test_what_is_no_run_is_not_listed(store, models, digits, text):
    for name in ("strange", run_key(Recipe(epochs=7), digits)):
        (store.root / name).mkdir()
        (store.root / name / COMMIT).write_text(text)
    assert store.recipes(digits) == [(models[0].recipe, 40)]


def test_a_run_of_another_version_is_not_listed(store, folder, digits):
    folder.rename(folder.with_name("l1-sigma0-seed0-0123456789abcdef"))
    assert store.recipes(digits) == []


JUDGE = """
    import logging, sys
    sys.path.insert(0, {tests!r})
    from functools import partial
    from conftest import make_digits
    from glo_core.classifier import train_classifier
    from glo_core.recipe import Recipe
    from glo_core.runs import store
    from glo_core.runs.sweep import sweep

    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    store.train_classifier = partial(train_classifier, steps=50)
    print("begins", flush=True)
    sys.stdin.readline()
    kept, digits = store.Store(sys.argv[1]), make_digits()
    kept.classifier(digits)
    sweep([Recipe(epochs=9)], digits, kept)
    print(kept.load(Recipe(epochs=9), digits).history.seconds)
"""


@pytest.mark.slow
def test_two_processes_that_begin_with_nothing_train_the_judge_and_each_run_once(tmp_path):
    text = textwrap.dedent(JUDGE.format(tests=str(Path(__file__).parents[1])))
    command, pipe = [sys.executable, "-c", text, str(tmp_path)], subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "begins\n"
    for process in both:  # at once
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(said).count("training classifier-seed0-") == 1
    assert len({words.splitlines()[-1] for words in said}) == 1  # the one run's time
    assert len([*tmp_path.glob("*/run.json")]) == 2
    assert not [*tmp_path.glob(".new-*")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root mounts")
def test_a_disk_that_fills_while_the_judge_is_saved_leaves_nothing_half(
    tmp_path, digits, monkeypatch
):
    judge = partial(train_classifier, steps=5)
    monkeypatch.setattr(store_module, "train_classifier", judge)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(Exception, match="No space left"):
            Store(tmp_path).classifier(digits)
        assert [path.name for path in tmp_path.iterdir()] == [".locks"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_run_that_the_system_cannot_read_is_no_damage(models, digits, tmp_path):
    """As with too many open files, which a limit of this process makes real."""
    store = Store(tmp_path / "runs")
    folder = store.save(models[0], digits)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most[1]))
    try:
        with pytest.raises(DiskError, match=r"cannot read .*Too many open files"):
            store.load(models[0].recipe, digits)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert folder.exists()
    assert store.load(models[0].recipe, digits) is not None
