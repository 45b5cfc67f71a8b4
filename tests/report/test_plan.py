"""What a report takes, told before it is built."""

from dataclasses import replace

import pytest

from glo_core import data
from glo_core.runs.store import Store
from reports import plan as plan_module
from reports.plan import Plan, PlanError, plan
from reports.reading import read
from reports.study import ROOT, Study

CHEAP = Plan(10, 4, 5, 1000.0, 1e-3, (30.0, 20.0, 9.0), 1e9, 2e9, "")


def study_of(store, **changes):
    values = {"n": 60, "epochs": 1, "unseen": 60, "losses": ["l1"], "sigmas": [0, 1e-100, 0.1]}
    parameters = read(ROOT / "reports" / "quick.yaml", {"data": "mnist-5k", **values, **changes})
    return Study(parameters, data.load("mnist-5k", parameters.n), Store(store))


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """The plan of a study, with a step of 2 ms."""
    monkeypatch.setattr(plan_module, "step_seconds", lambda study: plan_module.USUAL_STEP)
    return lambda **changes: plan(study_of(tmp_path, **changes))


def test_it_counts_what_is_there_and_what_equals_others(planned, tmp_path):
    first = planned()
    assert first.found == 0
    # σ = 1e-100 is 0 in float32, and to generate in train mode changes nothing in training
    without = planned(sigmas=[0, 0.1])
    assert first.models == without.models + 1
    assert first.trained == without.trained
    assert list(tmp_path.iterdir()) == []  # nothing was trained


def test_what_the_store_has_is_not_planned_again(planned, tmp_path):
    before, study = planned(), study_of(tmp_path)
    study.alone(study.swept("l1", 0))
    after = planned()
    assert after.found == before.found + 1
    # The model of σ = 1e-100 need not be trained either, but is not in the store yet
    assert after.trained == before.trained - 1
    assert after.steps < before.steps
    assert after.minutes[0] < before.minutes[0]


def test_disk_is_what_a_model_takes(tmp_path):
    study = study_of(tmp_path)
    glo = study.alone(study.swept())
    (key,) = study.keys(glo.recipe)
    taken = sum(file.stat().st_size for file in (tmp_path / key).iterdir())
    assert plan_module._stored_bytes(glo.recipe, 60) == pytest.approx(taken, rel=0.1)


def test_disk_is_what_a_report_takes(quick):
    store, digits = Store(quick.root / "runs"), data.load("mnist-5k", 300).train
    recipes = [recipe for recipe, _ in store.recipes(digits)]
    files = [file for file in store.root.glob("l*/*") if file.is_file()]
    taken = sum(file.stat().st_size for file in files)
    planned = sum(plan_module._stored_bytes(recipe, 300) for recipe in recipes)
    planned += len(recipes) * 300 * plan_module.MEASURES_BYTES
    assert len(recipes) == 34
    assert planned == pytest.approx(taken, rel=0.1)
    documents = sum(file.stat().st_size for file in quick.build.rglob("*.*") if file.is_file())
    assert 2 * documents < plan_module.DOCUMENTS_BYTES


def test_time_grows_with_epochs_and_memory_with_images(planned):
    few, many = planned(), planned(epochs=10)
    assert many.steps == pytest.approx(10 * few.steps)
    assert planned(n=600).memory > few.memory


def test_of_more_images_than_are_measured_measuring_takes_no_longer(planned):
    few, enough, many = (planned(n=n).minutes[1] for n in (60, 2000, 3000))
    assert few < enough == many


def test_a_real_step_takes_some_time(tmp_path):
    assert 0 < plan_module.step_seconds(study_of(tmp_path)) < 1


def test_only_a_dear_plan_wants_a_yes():
    CHEAP.check(yes=False)
    for dear in (replace(CHEAP, minutes=(40.0, 20.0, 9.0)), replace(CHEAP, memory=21e9)):
        with pytest.raises(PlanError, match="YES=1"):
            dear.check(yes=False)
        dear.check(yes=True)


def test_many_images_call_for_the_sparse_adam(planned, monkeypatch):
    monkeypatch.setattr(plan_module, "MANY_IMAGES", 50)
    assert "CONTENT_ADAM=sparse" in planned().lines()[-1]
    assert not planned(content_adam="sparse").advice


def test_the_words_have_all_numbers():
    text = "\n".join(replace(CHEAP, advice="do less").lines())
    assert text.splitlines()[0] == "10 models: 4 found, 5 to train, 1 equal to others"
    assert "about 59 minutes, 1.0 GB of disk, 2.0 GB of memory" in text
    assert text.endswith("do less")


def test_words_that_cannot_be_used_are_an_error_in_words(caplog):
    assert plan_module.main(["reports/full.yaml", "SIGMAS"]) == 1
    assert "make plan: 'SIGMAS': expected NAME=VALUE" in caplog.text
