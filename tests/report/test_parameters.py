from pathlib import Path

import pytest

from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from reports.methods import METHODS
from reports.parameters import MOST_A_PROCESSOR, Parameters, processors
from reports.reading import ParameterError, parse_override, read
from reports.traps import HANDED_IN, TrapRecipe

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
    # The sweep's; then, with 3 seeds each, traps, methods but for the exercise, and handed in at 3
    # more σ; then, of one seed, those of the frontier's higher rate, and 3 more β.
    assert len(full.recipes()) == len(set(full.recipes())) == 180 + 3 * (6 + 7 + 3) + 12 + 3


def test_threads_and_workers_are_bounded_by_what_the_machine_has():
    most = MOST_A_PROCESSOR * processors()
    assert read_with(f"THREADS={most}", f"WORKERS={most}").threads == most
    for name in ("threads", "workers"):
        with pytest.raises(ParameterError, match=f"{name} = {most + 1}: at most {most} on this"):
            read_with(f"{name}={most + 1}")


def test_recipes_have_sigma_rising_whatever_the_order():
    assert [r.sigma for r in read_with("SIGMAS=1,0.1,0", "LOSSES=l1").sweep()] == [0, 0.1, 1]


def test_every_recipe_comes_with_every_seed_and_only_once():
    found = read_with("SEEDS=3,4", "FRONTIER_SIGMAS=0.1,7", "TRAP_SIGMA=0.1")
    recipes = found.recipes()
    assert {recipe.seed for recipe in recipes} == {3, 4}
    assert len(set(recipes)) == len(recipes)
    parts = [*found.traps().values(), *found.methods().values()]
    parts += found.curves()["handed-in"].values()
    every_seed = set(found.sweep()) | {e for one in parts for e in found.over_seeds(one)}
    of_first = {*found.frontier(), *found.curves()["cvae"].values()}
    assert every_seed | of_first == set(recipes)
    assert {recipe.seed for recipe in of_first} == {3}
    assert found.traps()[""] == found.recipe("l1", 0.1)
    assert {recipe.latent_rate for recipe in found.frontier()} == {1e-3, 1e-2}
    assert found.methods()["exercise"] == found.recipe("l1", 0.1)


# --- methods and curves --------------------------------------------------------------------------


def test_methods_are_those_that_are_listed_in_order():
    assert [method.key for method in METHODS] == [
        "handed-in",
        "exercise",
        "ours",
        "no-swap",
        "random-start",
        "no-class",
        "lord",
        "cvae",
    ]
    assert len({method.name for method in METHODS}) == len(METHODS)
    assert all(method.words for method in METHODS)


def test_the_exercise_as_handed_in_differs_by_its_mistakes_alone():
    methods = read_with().methods()
    corrected, handed_in = methods["exercise"], methods["handed-in"]
    assert handed_in == TrapRecipe(**corrected.model_dump(), traps=HANDED_IN)


def test_our_recipe_differs_from_those_beside_it_by_what_their_names_say():
    methods = {key: each.model_dump() for key, each in read_with().methods().items()}
    ours, start, corrected = (methods[key] for key in ("ours", "random-start", "exercise"))
    assert methods["no-swap"] == ours | {"swap": 0.0}
    assert (ours["content_start"], ours["content_whitening"]) == ("whitened", True)
    of_codes = {name for name in ours if name.startswith("content_")}
    assert {name: start[name] for name in of_codes} == {name: corrected[name] for name in of_codes}
    assert ours["swap"] == start["swap"] > 0 == corrected["swap"]


def test_lord_has_its_authors_budget_and_its_encoder_the_studys():
    found = read_with("EPOCHS=7").methods()
    assert {each.epochs for key, each in found.items() if key != "lord"} == {7}
    lord = found["lord"]
    assert isinstance(lord, LordRecipe)
    assert (lord.epochs, lord.encoder_epochs) == (28, 7)
    full = read(REPORTS / "full.yaml").methods()["lord"]
    assert isinstance(full, LordRecipe)
    assert (full.epochs, full.encoder_epochs) == (200, 50)


def test_curves_vary_one_number_of_a_method():
    found = read_with("HANDED_IN_SIGMAS=1,0.1", "BETAS=4,0.5,1", "SEEDS=3,4")
    methods, curves = found.methods(), found.curves()
    assert [*curves] == ["handed-in", "cvae"]
    assert [*curves["handed-in"]] == [0.1, 1]
    assert [*curves["cvae"]] == [0.5, 1, 4]
    assert curves["handed-in"][0.1] == methods["handed-in"]
    assert curves["cvae"][1.0] == methods["cvae"]
    for key, name in (("handed-in", "sigma"), ("cvae", "beta")):
        for value, recipe in curves[key].items():
            assert recipe == methods[key].model_copy(update={name: value})
            assert type(recipe)(**recipe.model_dump()) == recipe  # it is a valid one


def test_handed_in_is_trained_with_every_seed_at_every_sigma_and_betas_with_the_first():
    recipes = read_with("HANDED_IN_SIGMAS=0,3", "BETAS=2,5", "SEEDS=3,4").recipes()
    handed_in = [
        (each.sigma, each.seed) for each in recipes if getattr(each, "traps", ()) == HANDED_IN
    ]
    assert sorted(handed_in) == [(s, seed) for s in (0, 0.1, 3) for seed in (3, 4)]
    betas = [(each.beta, each.seed) for each in recipes if isinstance(each, CvaeRecipe)]
    assert sorted(betas) == [(1, 3), (1, 4), (2, 3), (5, 3)]


# --- errors --------------------------------------------------------------------------------------


def test_both_files_name_every_parameter():
    for path in REPORTS.glob("*.yaml"):
        assert read(path)
