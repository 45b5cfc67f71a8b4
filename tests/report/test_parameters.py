from pathlib import Path

import pytest

from reports.parameters import ParameterError, Parameters, parse_override, read

REPORTS = Path(__file__).parents[2] / "reports"
QUICK = REPORTS / "quick.yaml"


def read_with(*assignments: str) -> Parameters:
    return read(QUICK, dict(map(parse_override, assignments)))


def test_the_full_report_is_the_exercises():
    full = read(REPORTS / "full.yaml")
    assert len(full.sigmas) == 20
    assert full.sigmas[1] == 1e-100
    assert full.losses == ("l1", "l2", "l1+l2")
    assert (full.n, full.epochs, full.batch_size, full.learning_rate) == (2000, 50, 32, 1e-3)
    assert (full.chosen_loss, full.chosen_sigma) == ("l1", 0.1)
    assert full.seeds == (0, 1, 2)
    assert len(full.sweep()) == 180
    assert len(full.recipes()) == len(set(full.recipes())) == 249


def test_the_command_line_replaces_what_the_file_says():
    found = read_with("SIGMAS=0,0.1,1e-3", "losses=l1", "EPOCHS=20", "N=50", "DATA=a/b,c=d")
    assert found.sigmas == (0, 0.1, 1e-3)
    assert found.losses == ("l1",)
    assert (found.epochs, found.n, found.data) == (20, 50, "a/b,c=d")
    assert read_with("SIGMAS=0.1").sigmas == (0.1,)
    assert read_with("SIGMAS=[0, 0.1]").sigmas == (0, 0.1)


def test_recipes_have_sigma_rising_whatever_the_order():
    assert [r.sigma for r in read_with("SIGMAS=1,0.1,0", "LOSSES=l1").sweep()] == [0, 0.1, 1]


def test_every_recipe_comes_with_every_seed_and_only_once():
    found = read_with("SEEDS=3,4", "FRONTIER_SIGMAS=0.1,7", "TRAP_SIGMA=0.1")
    recipes = found.recipes()
    assert {recipe.seed for recipe in recipes} == {3, 4}
    assert len(set(recipes)) == len(recipes)
    parts = [*found.frontier(), *found.traps().values(), *found.methods().values()]
    assert set(found.sweep()) | {e for one in parts for e in found.over_seeds(one)} == set(recipes)
    assert found.traps()[""] == found.recipe("l1", 0.1)
    assert {recipe.latent_rate for recipe in found.frontier()} == {1e-3, 1e-2}
    assert found.methods()["exercise"] == found.recipe("l1", 0.1)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("SIGMA=1", "unknown name 'sigma': did you mean 'sigmas'"),
        ("EPOCH=1", "did you mean 'epochs'"),
        ("PARAM=1", "did you mean 'params'"),
        ("XYZ=1", "there are data, n, sigmas"),
        ("EPOCHS={", "cannot read the value"),
        ("DATA=", "data = ''"),
        ("EPOCHS=many", "epochs = 'many'"),
        ("EPOCHS=true", "epochs = True"),
        ("EPOCHS=0", "epochs = 0: Input should be greater than or equal to 1"),
        ("SIGMAS=0.1,-1", r"sigmas\[1\] = -1"),
        ("SIGMAS=0.1,nan", r"sigmas\[1\] = nan"),
        ("SIGMAS=0.1,abc", r"sigmas\[1\] = 'abc'"),
        ("LOSSES=l1,l3", r"losses\[1\] = 'l3'"),
        ("SIGMAS=0,1", "chosen_sigma = 0.1 is none of the values"),
        ("LOSSES=l2", "chosen_loss = 'l1' is none of the values"),
        ("LOSSES=l1,l1", "more than once"),
        ("EPOCHS", "expected NAME=VALUE"),
    ],
)
def test_what_cannot_be_used_is_named(assignment, words):
    with pytest.raises(ParameterError, match=words):
        read_with(assignment)


def test_all_errors_come_at_once():
    with pytest.raises(ParameterError) as caught:
        read_with("EPOCHS=0", "LOSSES=l3", "SIGMA=1")
    assert all(name in str(caught.value) for name in ("epochs", "losses", "'sigma'"))


@pytest.mark.parametrize("text", ["epochs: 3", "- a\n- b", "a: [", ""])
def test_a_file_that_is_no_parameter_file_is_an_error(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"mine\.yaml"):
        read(path)
    with pytest.raises(ParameterError, match=r"none\.yaml"):
        read(tmp_path / "none.yaml")


def test_both_files_name_every_parameter():
    for path in REPORTS.glob("*.yaml"):
        assert read(path)
