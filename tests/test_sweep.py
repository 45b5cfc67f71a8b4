import pytest
import torch

from glo_core import sweep as sweep_module
from glo_core.store import Store, run_key
from glo_core.sweep import sweep
from glo_core.training import train


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
    assert trained == [[recipes[0], recipes[2]]]
    assert "1 of 3 models found" in caplog.text
    sweep(recipes, digits, store)
    assert len(trained) == 1


def test_a_sweep_that_is_stopped_keeps_the_groups_it_finished(recipes, digits, tmp_path, trained):
    other = recipes[0].model_copy(update={"epochs": 2})

    def stop_at_the_second(group, *rest):
        if group == [other]:
            raise KeyboardInterrupt
        return train(group, *rest)

    sweep_module.train = stop_at_the_second  # undone by the fixture's monkeypatch
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep([*recipes, other], digits, store)
    assert all(store.load(recipe, digits) for recipe in recipes)
    assert not (store.root / run_key(other, digits)).exists()


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
