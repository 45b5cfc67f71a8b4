"""docs/trust.md and what stands behind it: every row names tests that are there and are run.

And what is trusted: no code of the project executes what it reads, or asks the network.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

TRUST = ROOT / "docs" / "trust.md"
ROWS = {*range(1, 18)}


# --- the tables ----------------------------------------------------------------------------------


def tables(text: str) -> list[list[tuple[int, list[tuple[str, str]]]]]:
    """Each table with a first column `#`: its rows' numbers, and the tests that each names."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        header, _, *rows = block.splitlines()
        if header.split("|")[1].strip() == "#":
            numbers = [int(row.split("|")[1].strip(" AB")) for row in rows]
            tests = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in rows]
            found.append(list(zip(numbers, tests, strict=True)))
    return found


def fault_of(file: Path, name: str) -> str | None:
    """Why a test that is named proves nothing: it is not there, or never run."""
    if not file.is_file():
        return "no such file"
    module = ast.parse(file.read_text(encoding="utf-8"))
    functions = [each for each in module.body if isinstance(each, ast.FunctionDef)]
    named = [each for each in functions if each.name == name and name.startswith("test_")]
    if not named:
        return "no such test"
    marks = [ast.unparse(mark) for mark in named[0].decorator_list]
    marks += [
        ast.unparse(each.value)
        for each in module.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "pytestmark"
    ]
    calls = [ast.unparse(each) for each in [*module.body, *named[0].body]]
    if any(re.search(r"mark\.(skip|xfail)\b(?!if)", mark) for mark in marks):
        return "marked as skipped, or as failing"
    if any(call.startswith(("pytest.skip(", "pytest.xfail(")) for call in calls):
        return "always skipped"
    return None


@pytest.fixture(scope="module")
def written() -> list[list[tuple[int, list[tuple[str, str]]]]]:
    return tables(TRUST.read_text(encoding="utf-8"))


def test_both_tables_have_every_row_once_and_a_test_behind_each(written):
    assert len(written) == 2
    for table in written:
        assert [number for number, _ in table] == sorted(ROWS)
        assert [number for number, tests in table if not tests] == []


def test_every_test_that_is_named_is_there_and_is_run(written):
    named = {test for table in written for _, tests in table for test in tests}
    faults = {f"{file}::{name}": fault_of(ROOT / file, name) for file, name in sorted(named)}
    assert {test: fault for test, fault in faults.items() if fault} == {}


def test_tables_are_read_with_all_rows_and_names():
    text = """
| # | input | right | test |
| - | --- | --- | --- |
| 1 | a | b | `tests/a.py::test_a`, `tests/b/c.py::test_d` |
| A2 | a `tests/a.py` | b | none |

| other | table |
| - | - |
| 1 | `tests/a.py::test_a` |
"""
    first = (1, [("tests/a.py", "test_a"), ("tests/b/c.py", "test_d")])
    assert tables(text) == [[first, (2, [])]]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("def test_a(): ...", None),
        ("@pytest.mark.skipif(there(), reason='')\ndef test_a(): ...", None),
        ("def test_a():\n if not there():\n  pytest.skip('none')", None),
        ("def test_b(): ...", "no such test"),
        ("def f():\n def test_a(): ...", "no such test"),
        ("@pytest.mark.skip\ndef test_a(): ...", "marked as skipped, or as failing"),
        ("@pytest.mark.xfail(strict=True)\ndef test_a(): ...", "marked as skipped, or as failing"),
        (
            "pytestmark = pytest.mark.skip('')\ndef test_a(): ...",
            "marked as skipped, or as failing",
        ),
        ("def test_a():\n pytest.skip('later')", "always skipped"),
        ("pytest.skip('later', allow_module_level=True)\ndef test_a(): ...", "always skipped"),
    ],
)
def test_a_test_that_proves_nothing_is_noticed(code, fault, tmp_path):
    (tmp_path / "test_planted.py").write_text(code, encoding="utf-8")
    assert fault_of(tmp_path / "test_planted.py", "test_a") == fault
    assert fault_of(tmp_path / "test_other.py", "test_a") == "no such file"


# --- what the code may do ------------------------------------------------------------------------

# Calls that execute what they are given, and modules that do, or that speak with other machines.
CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "torch.load", "np.load"}
CALLS |= {f"yaml.{name}" for name in ("load", "full_load", "unsafe_load", "load_all")}
OPTIONS = {"shell=True", "allow_pickle=True", "weights_only=False"}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "webbrowser"}
MODULES |= {"urllib.request", "http", "http.client", "requests", "ftplib", "smtplib", "socket"}
# To its own processes, in a folder that only they can read; with a loader that is a SafeLoader.
ALLOWED = {("reports/measuring.py", "pickle"), ("reports/reading.py", "yaml.load")}


def risks(code: str) -> set[str]:
    """What a module does of this."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= ({str(node.module)} & MODULES) | (names & (MODULES | CALLS))
        elif isinstance(node, ast.Call):
            found |= {ast.unparse(node.func)} & CALLS
            found |= {f"{each.arg}={ast.unparse(each.value)}" for each in node.keywords} & OPTIONS
    return found


def test_no_code_executes_what_it_reads_or_asks_the_network():
    files = [path for name in ("glo_core", "reports") for path in (ROOT / name).rglob("*.py")]
    found = {
        (str(path.relative_to(ROOT)), risk)
        for path in files
        for risk in risks(path.read_text(encoding="utf-8"))
    }
    assert len(files) > 100
    assert found == ALLOWED


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_no_notebook_executes_what_it_reads_or_asks_the_network(path):
    cells = nbformat.read(path, as_version=4).cells
    for cell in cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            assert risks(cell.source) == set()


@pytest.mark.parametrize(
    ("code", "risk"),
    [
        ("import pickle", {"pickle"}),
        ("from pickle import loads as read", {"pickle"}),
        ("from urllib import request", {"urllib.request"}),
        ("from urllib.parse import quote; quote(a)", set()),
        ("from torch import load", {"torch.load"}),
        ("torch.load(path)", {"torch.load"}),
        ("yaml.safe_load(text)", set()),
        ("yaml.load(text, yaml.Loader)", {"yaml.load"}),
        ("network.eval()", set()),
        ("eval(text)", {"eval"}),
        ("subprocess.run(line, shell=True)", {"shell=True"}),
    ],
)
def test_a_risk_is_noticed(code, risk):
    assert risks(code) == risk
