from pathlib import Path

import pytest

from glo_core.peers.cvae import CvaeRecipe
from glo_core.peers.lord import LordRecipe
from reports.methods import METHODS
from reports.parameters import MOST_A_PROCESSOR, Parameters, processors
from reports.reading import ParameterError, parse_override, parse_overrides, read
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


def test_the_command_line_replaces_what_the_file_says():
    found = read_with("SIGMAS=0,0.1,1e-3", "losses=l1", "EPOCHS=20", "N=50", "DATA=a/b,c=d")
    assert found.sigmas == (0, 0.1, 1e-3)
    assert found.losses == ("l1",)
    assert (found.epochs, found.n, found.data) == (20, 50, "a/b,c=d")
    assert read_with("SIGMAS=0.1").sigmas == (0.1,)
    assert read_with("SIGMAS=[0, 0.1]").sigmas == (0, 0.1)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("EPOCHS=010", 10),
        ("EPOCHS=1_000", 1000),
        ("EPOCHS=1e3", 1000),
        ("EPOCHS= +3 ", 3),
        ("EPOCHS=3.0", 3),
        ("EPOCHS=3 # few", 3),
        ("SEEDS=007,1e2", (7, 100)),
        ("SIGMAS=00.1,.5,1E-3", (0.1, 0.5, 1e-3)),
        ("DATA=010", "010"),
        ("SCHEDULER=", ""),
    ],
)
def test_a_value_is_what_people_mean(assignment, value):
    (name,) = dict([parse_override(assignment)])
    assert getattr(read_with(assignment), name) == value


def test_a_file_says_numbers_as_the_command_line_does(tmp_path):
    path = tmp_path / "mine.yaml"
    text = QUICK.read_text(encoding="utf-8").replace("epochs: 15", "epochs: 010")
    path.write_text(text.replace("[0, 0.1, 1, 1000]", "[0, 1e-1, 1e3]"), encoding="utf-8")
    found = read(path)
    assert (found.epochs, found.sigmas) == (10, (0, 0.1, 1000))


def test_what_stands_in_the_environment_is_told(monkeypatch, caplog):
    monkeypatch.setenv("EPOCHS", "3")
    monkeypatch.setenv("N", "60")  # make hands on what stands behind it
    assert parse_overrides(["N=60", "YES=1"]) == {"n": 60, "yes": 1}
    (told,) = caplog.messages
    assert told.startswith("EPOCHS=3 stands in the environment, which is not used")


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
        ("SIGMAS=0.1,nan", r"sigmas\[1\] = 'nan'"),
        ("SIGMAS=0.1,abc", r"sigmas\[1\] = 'abc'"),
        ("HANDED_IN_SIGMAS=1,-1", r"handed_in_sigmas\[1\] = -1"),
        ("HANDED_IN_SIGMAS=[]", r"handed_in_sigmas = \[\]"),
        ("BETAS=1,0", r"betas\[1\] = 0: Input should be greater than 0"),
        ("BETAS=many", r"betas\[0\] = 'many'"),
        ("BETAS=[]", r"betas = \[\]"),
        ("LOSSES=l1,l3", r"losses\[1\] = 'l3'"),
        ("SIGMAS=0,1", "chosen_sigma = 0.1 is none of the values"),
        ("LOSSES=l2", "chosen_loss = 'l1' is none of the values"),
        ("LOSSES=l1,l1", r"losses = \['l1', 'l1'\]: l1 is given more than once"),
        ("SIGMAS=0.1,.1", r"0\.1 is given more than once"),
        ("EPOCHS", "expected NAME=VALUE"),
        ("EPOCHS=", "'EPOCHS=' has no value"),
        ("SIGMAS=0,", "comma without a value"),
        ("SIGMAS=,0", "comma without a value"),
        ("SIGMAS=0,,0.1", "comma without a value"),
        ("EPOCHS=0x10", "epochs = '0x10': Input should be a valid integer"),
        ("EPOCHS=1:30", "epochs = '1:30'"),
        ("EPOCHS=1,000", "epochs = '1,000'"),
        ("EPOCHS=3.5", "epochs = 3.5"),
        ("EPOCHS=yes", "epochs = 'yes'"),
        ("DEVICE=on", "device = 'on'"),
        ("EPOCHS=99999999999999999999", "99999999999999999999: .* less than or equal to 1000000"),
        ("N=1e9", "n = 1000000000"),
        ("THREADS=100000", "threads = 100000: at most"),
        ("SIGMAS=1e400", r"sigmas\[0\] = inf"),
        (f"SEEDS={','.join(map(str, range(5000)))}", "make 70000 models: .* at most 10000"),
        pytest.param(f"EPOCHS={'9' * 5000}", "cannot read the value", id="many digits"),
        pytest.param(f"EPOCHS={'[' * 3000}", "cannot read the value", id="many brackets"),
        ("EPOCHS=!!bool maybe", "cannot read the value"),
        ("EPOCHS=!!float ''", "cannot read the value"),
        ("EPOCHS=!!map [1]", "cannot read the value"),
        ("EPOCHS=!!timestamp x", "cannot read the value"),
    ],
)
def test_what_cannot_be_used_is_named(assignment, words):
    with pytest.raises(ParameterError, match=words):
        read_with(assignment)


def test_a_name_that_is_given_twice_is_an_error():
    with pytest.raises(ParameterError, match="epochs is given twice"):
        parse_overrides(["EPOCHS=3", "epochs=4"])


def test_a_message_is_short_however_large_the_value():
    bomb = "&a [1, 1, 1, 1, 1, 1, 1, 1]"
    for name in "bcdefghijkl":  # each a list of eight of the one before
        bomb = f"&{name} [{bomb}, {', '.join(7 * [f'*{chr(ord(name) - 1)}'])}]"
    with pytest.raises(ParameterError) as caught:
        read_with(f"EPOCHS={bomb}")
    assert len(str(caught.value)) < 1000


def test_all_errors_come_at_once():
    with pytest.raises(ParameterError) as caught:
        read_with("EPOCHS=0", "LOSSES=l3", "SIGMA=1")
    assert all(name in str(caught.value) for name in ("epochs", "losses", "'sigma'"))


@pytest.mark.parametrize(
    "text",
    [
        b"epochs: 3",
        b"- a\n- b",
        b"a: [",
        b"",
        b"null",
        b"\xff\xfe",
        b"n: \x07",
        b"1: 2",
        b"[1]: 2",
        b"[" * 3000,
    ],
    ids=lambda text: repr(text[:9]),
)
def test_a_file_that_is_no_parameter_file_is_an_error(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(text)
    with pytest.raises(ParameterError, match=r"mine\.yaml"):
        read(path)
    with pytest.raises(ParameterError, match=r"none\.yaml"):
        read(tmp_path / "none.yaml")


def test_a_name_that_a_file_has_twice_or_in_capitals_is_an_error(tmp_path):
    path = tmp_path / "mine.yaml"
    for line, words in (("epochs: 3", "epochs is given twice"), ("EPOCHS: 3", "mean 'epochs'")):
        path.write_text(f"{QUICK.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
        with pytest.raises(ParameterError, match=words):
            read(path)


def test_both_files_name_every_parameter():
    for path in REPORTS.glob("*.yaml"):
        assert read(path)
