"""What README names is there, and its commands and snippets run.

The commands run in a short form: `make report` as the quick report (see `test_report`), `make
bench` as `reports.bench --short` (see `test_bench`), `make check` and `make test` as the tests
themselves, which only `--dry-run` can do from within; of `make lab`, Jupyter's options are checked.
"""

import re
import runpy
import shlex
import subprocess
import sys
import types

import distributed
import pytest
from conftest import ROOT, dry_run

from glo_core.files.labels import NAMES_FILE
from reports.reading import parse_override, read

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
INLINE = re.findall(r"`([^`]+)`", PROSE)
LINES = [
    line.partition("#")[0].strip()
    for kind, text in BLOCKS
    if not kind
    for line in text.splitlines()
]
COMMANDS = sorted({line for line in (*LINES, *INLINE) if re.match(r"make |\S*python ", line)})
SETTINGS = sorted(
    {
        word for word in INLINE if re.fullmatch(r"(?!YES)[A-Z_]+=\S*[^=…]", word)
    }  # YES is no parameter
)
SNIPPETS = [text for kind, text in BLOCKS if kind == "python"]


# --- commands ------------------------------------------------------------------------------------

# What each command is to run, last.
PROGRAMS = {
    "report": ["-m", "reports"],
    "plan": ["-m", "reports.plan"],
    "check": ["-m", "pytest"],
    "test": ["-m", "pytest"],
    "fuzz": ["-m", "pytest"],
    "bench": ["-m", "reports.bench"],
    "lab": ["-m", "jupyterlab"],
}


def test_every_target_of_make_is_named():
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^make (\w+)", done.stdout, re.M))
    assert {
        command.split()[1] for command in COMMANDS if command.startswith("make ")
    } == PROGRAMS.keys()
    assert targets == PROGRAMS.keys() | {"help", "clean"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs_a_program_with_values_that_it_takes(command):
    program, *words = shlex.split(command)
    if program != "make":
        assert words == ["-m", "reports.bench", "--short"]  # see test_bench
        return
    target, *assignments = words
    *_, last = dry_run(*words).splitlines()
    assert shlex.split(last)[1:3] == PROGRAMS[target]
    given = dict(word.split("=", 1) for word in assignments)
    assert parameters(given.pop("PARAMS", "reports/full.yaml"), given)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_is_a_parameter_with_a_value_that_it_takes(setting):
    assert parameters("reports/full.yaml", dict([setting.split("=", 1)]))


def parameters(file, given):
    return read(
        ROOT / file, dict(parse_override(f"{name}={value}") for name, value in given.items())
    )


def test_jupyter_knows_the_labs_options():
    from jupyter_server.serverapp import ServerApp
    from jupyterlab.labapp import LabApp

    words = shlex.split(dry_run("lab"))
    options = dict(word[2:].split("=") for word in words if "=" in word)
    for option in options:
        name, trait = option.split(".")
        assert trait in {"LabApp": LabApp, "ServerApp": ServerApp}[name].class_trait_names()
    assert (ROOT / words[-1]).exists()


# --- snippets ------------------------------------------------------------------------------------


def run(snippet, folder, monkeypatch):
    """Runs a snippet in a folder of its own and returns its names."""
    monkeypatch.chdir(folder)
    path = folder / "snippet.py"
    path.write_text(snippet, encoding="utf-8")
    return runpy.run_path(str(path))


def only(word):
    (snippet,) = [each for each in SNIPPETS if word in each]
    return snippet


@pytest.mark.slow
def test_the_shortest_use_converts_fours(tmp_path, monkeypatch):
    names = run(only("model.convert"), tmp_path, monkeypatch)
    threes = names["threes"]
    assert threes.shape == (len(names["fours"]), 28, 28)
    assert 0 <= threes.min() < 0.1 < 0.9 < threes.max() <= 1


def test_a_sweep_returns_a_model_for_each_recipe(tmp_path, monkeypatch):
    names = run(only("import sweep").replace("500", "60"), tmp_path, monkeypatch)
    assert [model.recipe for model in names["models"]] == names["recipes"]
    assert len(list((tmp_path / "runs").glob("l*/run.json"))) == len(names["recipes"]) == 6


def test_a_clusters_address_is_a_parameter_of_the_report(tmp_path, monkeypatch):
    """dask_jobqueue is not installed: what stands in for it has what all Dask clusters have."""

    class SLURMCluster:
        scheduler_address = "tcp://10.0.0.1:8786"

        def __init__(self, cores: int, memory: str, walltime: str):
            self.workers = 0

        def scale(self, workers: int) -> None:
            self.workers = workers

    assert all(hasattr(distributed.SpecCluster, name) for name in ("scale", "scheduler_address"))
    stand_in = types.SimpleNamespace(SLURMCluster=SLURMCluster)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", stand_in)
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", asked.append)
    names = run(only("SLURMCluster"), tmp_path, monkeypatch)
    assert names["cluster"].workers == 32
    (command,) = asked
    assert shlex.split(command)[:2] == ["make", "report"]
    name, value = parse_override(shlex.split(command)[2])
    assert read(ROOT / "reports" / "full.yaml", {name: value}).scheduler == value


def test_every_snippet_is_run():
    assert sorted(SNIPPETS) == sorted([only("model.convert"), only("import sweep"), only("SLURM")])


# --- tables and links ----------------------------------------------------------------------------


def table(package):
    """The names in the first column of the table of a package's modules."""
    start = README.index(f"| module of `{package}` |")
    rows = README[start:].partition("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("package", ["glo_core", "glo_core.measures", "reports"])
def test_the_table_of_a_package_has_every_module_once(package):
    folder = ROOT.joinpath(*package.split("."))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    assert sorted(table(package)) == sorted(modules | packages)


def test_files_that_are_linked_or_named_exist():
    links = re.findall(r"\]\(([^)]+)\)", README)
    files = {
        name for name in INLINE if re.fullmatch(r"[\w./-]+\.(yaml|txt|cff|ipynb)|LICENSE", name)
    }
    places = [ROOT, ROOT / "notebooks"]
    missing = {
        name for name in (*links, *files) if not any((place / name).exists() for place in places)
    }
    assert missing == {NAMES_FILE}  # which a reader may write


def test_the_number_of_models_is_that_of_the_full_report():
    recipes = parameters("reports/full.yaml", {}).recipes()
    seeds = {recipe.seed for recipe in recipes}
    (sentence,) = re.findall(r"[^.]*\bmodels\b[^.]*three seeds[^.]*\.", README)
    assert f"{len(recipes)} models" in " ".join(sentence.split())
    assert len(seeds) == 3
