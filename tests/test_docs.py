"""The documents beside README: names that exist, words that we use, forms that are right."""

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import ROOT

import glo_core
from glo_core.runs import store
from reports.finished import REPORT
from reports.parameters import Parameters
from reports.reading import read

CHANGELOG, ARCHITECTURE, GLOSSARY, PYTHON, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/glossary.md",
        "docs/python.md",
        "CONTRIBUTING.md",
    )
)
TEXTS = {
    "docs/architecture.md": ARCHITECTURE,
    "docs/glossary.md": GLOSSARY,
    "docs/python.md": PYTHON,
    "CONTRIBUTING.md": CONTRIBUTING,
}


# --- names ---------------------------------------------------------------------------------------

INLINE = {
    name: re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    for name, text in TEXTS.items()
}
NAMED = sorted(
    {word for words in INLINE.values() for word in words if re.match(r"[\w.*/-]+/", word)}
)
# What a command makes when it is needed.
MADE = ("runs/", "reports/build/", "sections/", "animations/", ".venv/")


@cache
def defined(file: Path) -> set[str]:
    """What a module defines: functions, classes and constants, and what classes do."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found |= {f"{node.name}.{method.name}" for method in methods}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return found


@pytest.mark.parametrize("word", [word for word in NAMED if not word.startswith(MADE)])
def test_a_file_that_is_named_is_there_and_defines_what_is_named_with_it(word):
    path, _, name = word.partition(":")
    assert any(ROOT.glob(path)), f"{path} is not there"
    assert not name or name in defined(ROOT / path)


def test_names_are_looked_for():
    assert len(NAMED) > 40
    assert "Group.step" in defined(ROOT / "glo_core" / "group.py")
    assert "Group.stop" not in defined(ROOT / "glo_core" / "training.py")


def test_the_files_of_runs_and_builds_are_those_that_the_code_writes():
    assert {store.WEIGHTS, store.HISTORY, store.COMMIT} <= {*INLINE["docs/architecture.md"]}
    assert {*REPORT} <= {*INLINE["docs/architecture.md"]}


def test_what_says_only_where_things_are_computed_is_listed():
    everything = Parameters.model_fields.keys()
    counts = read(ROOT / "reports" / "quick.yaml").content().keys()
    (listed,) = re.findall(r"things are computed\s+\((.*?)\)", ARCHITECTURE)
    assert {*re.findall(r"`(\w+)`", listed)} == everything - counts


@pytest.mark.parametrize("name", [*TEXTS, "CHANGELOG.md"])
def test_links_lead_to_files_and_headings(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, heading = target.partition("#")
        if file.startswith("https://"):
            continue
        linked = ((ROOT / name).parent / file).read_text(encoding="utf-8")
        headings = [
            each.lower().replace(" ", "-") for each in re.findall(r"^#+ (.+)$", linked, re.M)
        ]
        assert not heading or heading in headings, target


def test_the_drawing_has_the_rules_for_imports_as_its_lines():
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = rules["tool"]["importlinter"]["contracts"]
    layers = {
        contract["containers"][0]: [{*layer.split(" | ")} for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
    }
    for package in ("glo_core", "reports"):
        (box,) = re.findall(rf"^\+-- {package} -+\+\n((?:\|.*\n)+)", ARCHITECTURE, re.M)
        lines = [{*line.strip("| ").split(", ")} for line in box.splitlines()]
        assert lines == layers[package]


# --- words ---------------------------------------------------------------------------------------

WORDS = re.findall(r"^\| (\*\*.+?) \| (.+) \|$", GLOSSARY, re.M)


def test_each_word_is_explained_once_in_one_sentence():
    words = [word for names, _ in WORDS for word in re.findall(r"\*\*(.+?)\*\*", names)]
    assert len(words) == len({*words}) > 40
    for names, meaning in WORDS:
        assert re.fullmatch(r"[^.]+(\.\w[^.]*)*\.", meaning), names


def test_each_word_is_one_that_we_use():
    used = " ".join(" ".join(path.read_text(encoding="utf-8").lower().split()) for path in texts())
    for names, _ in WORDS:
        for name in re.findall(r"\*\*(.+?)\*\*", names):
            assert name.lower() in used, name


# Words of our own that we have given up, and what to write for them.
GIVEN_UP = {
    r"redr[ae]w\w*": "reconstruct, or convert",
    r"(models?|networks?|generators?|decoders?) (draws?|drew)": "generate",
    r"drawings|(an?|the|this|each|every|one|real) drawing": "image",
    r"reads? as": "classified as",
    r"unread": "not classified",
    r"(the|an?|its|their) shares?|shares? of": "proportion",
    r"(same|the|an?|its|their|whose|of) hands?|hand[ _]kept": "style",
    r"(or|and|each|is|are) apart": "separately",
}
# Where such a word means what it says.
ALLOWED = {
    "drawings improve epoch by epoch": "a claim in the old report's own words",
    "A drawing of the generator's layers": "it is one",
    "Values are read as YAML reads them": "a program reads them",
    "in the same hand": "what the first sentence promises, and a section measures",
}


def texts() -> list[Path]:
    """All files in which we write to readers."""
    kinds = (".py", ".md", ".ipynb", ".js", ".css", ".html", ".typst", ".j2", ".yaml")
    folders = ("glo_core", "reports", "notebooks", "docs")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    of_ours = [path for path in found if path.suffix in kinds and "build" not in path.parts]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *of_ours]


def given_up(text: str) -> list[str]:
    """The given-up words in a text, with what stands around them."""
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return re.findall(rf".{{0,20}}\b(?:{'|'.join(GIVEN_UP)})\b.{{0,20}}", text, re.I)


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_that_was_given_up_comes_back(path):
    found = given_up(path.read_text(encoding="utf-8"))
    assert found == [], f"write otherwise: {GIVEN_UP}"


def test_the_library_knows_images_and_no_pictures():
    for path in (ROOT / "glo_core").rglob("*.py"):
        assert not re.search(r"\bpictures?\b", path.read_text(encoding="utf-8"), re.I), path


@pytest.mark.parametrize(
    "text",
    [
        "the share of conversions",
        "a 4 in another hand, of which the hand is kept",
        "`hand_kept`",
        "how it redraws an image",
        "the model draws a digit",
        "each drawing of a class",
        "it reads as a 3",
        "linear: of the difference, or apart",
    ],
)
def test_a_given_up_word_is_found(text):
    assert given_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "images of one code share a style",
        "labels at hand",
        "codes are drawn from N(0, 1)",
        "Drawing the code from the Gaussian",
        "noise levels that can be told apart",
        "read from `noise.md`",
        *ALLOWED,
    ],
)
def test_a_word_of_everyday_use_is_none_of_them(text):
    assert not given_up(text)


def test_every_exception_is_needed():
    everything = " ".join(path.read_text(encoding="utf-8") for path in texts())
    assert [phrase for phrase in ALLOWED if phrase not in everything] == []


# --- forms ---------------------------------------------------------------------------------------


def test_the_changelog_begins_with_what_is_to_come_and_ends_with_the_first_version():
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.M)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", each) for each in headings[1:])
    assert headings[1].startswith(f"[{glo_core.__version__}]")
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {*re.findall(r"^### (.+)$", CHANGELOG, re.M)} <= kinds


(HOOKS,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


SLOW = pytest.mark.slow


def files_of(hook, folder):
    """Files of a copy of the project that are of the kinds that a hook is for."""
    for name in ("glo_core", "reports", "notebooks"):
        ignore = shutil.ignore_patterns("build", "__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    kinds = {*hook.get("types", []), *hook.get("types_or", [])}
    ends = {"python": ".py", "jupyter": ".ipynb"}
    return [path for kind in sorted(kinds) for path in sorted(folder.rglob(f"*{ends[kind]}"))]


def run(hook, folder, files):
    """Runs a hook's command, of the project's .venv, on files in another folder."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    command, *options = shlex.split(hook["entry"])
    assert command.startswith(".venv/")
    if not (ROOT / command).exists():
        pytest.skip(f"{command} is not installed; `make check` installs it")
    return subprocess.run(
        [ROOT / command, *options, *files], cwd=folder, capture_output=True, text=True, check=False
    )


def test_hooks_use_the_projects_own_programs():
    assert HOOKS["repo"] == "local"  # so nothing is fetched
    assert all(hook["language"] == "system" for hook in HOOKS["hooks"])
    assert all({"id", "name", "entry"} <= hook.keys() for hook in HOOKS["hooks"])


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(hook, id=hook["id"], marks=SLOW if "nbconvert" in hook["entry"] else ())
        for hook in HOOKS["hooks"]
    ],
)
def test_a_hook_takes_the_project_as_it_is_and_mends_or_refuses_what_is_wrong(hook, tmp_path):
    files = files_of(hook, tmp_path)
    before = [path.read_bytes() for path in files]
    cell = nbformat.v4.new_code_cell("import  os", execution_count=1)  # of no use, and crooked
    cell.outputs.append(nbformat.v4.new_output("stream", text="planted"))
    path = tmp_path / "planted.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    done = run(hook, tmp_path, [*files, path])
    assert [path for path, old in zip(files, before, strict=True) if path.read_bytes() != old] == []
    (cell,) = nbformat.read(path, as_version=4).cells
    if hook["id"] == "layout":
        assert cell.source == "import os"
    elif hook["id"] == "lint":
        assert {*re.findall(r"[\w-]+\.(?:py|ipynb)", done.stdout)} == {"planted.ipynb"}
        assert "F401" in done.stdout
    else:
        assert (cell.outputs, cell.execution_count) == ([], None)


def test_the_form_for_data_asks_for_command_words_and_files():
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / "data-that-fails.yml"
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    kinds = {"markdown", "input", "textarea", "dropdown", "checkboxes"}
    assert all(part["type"] in kinds for part in form["body"])
    questions = {part["id"]: part for part in form["body"] if part["type"] != "markdown"}
    assert all(part["attributes"]["label"] for part in questions.values())
    required = {
        name for name, part in questions.items() if part.get("validations", {}).get("required")
    }
    assert {"command", "said", "files"} <= required
