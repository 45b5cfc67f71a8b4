"""What `make` installs: locked within the ranges, under known licences, and audited."""

import json
import os
import re
import tomllib

import audit
import licences
import pytest
from conftest import ROOT
from packaging.requirements import Requirement

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
RANGES = tomllib.loads(PROJECT)
DIRECT = {
    "requirements.txt": RANGES["project"]["dependencies"],
    "tests/requirements.txt": RANGES["dependency-groups"]["tests"],
}
FREE = re.compile(
    r"MIT|BSD|Apache|MPL|Mozilla|ISC|PSF|Python Software Foundation|CC0|Zlib|BSL", re.I
)
LOCKED = re.compile(
    r"^([\w.-]+)==([^\s;]+)(.*)\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M
)


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", DIRECT)
def test_a_lock_names_each_package_with_its_hashes_and_nothing_else(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) == sum(1 + found[3].count("\n") for found in LOCKED.findall(text))


@pytest.mark.parametrize("lock", DIRECT)
def test_a_lock_is_within_the_ranges_which_begin_with_what_is_locked(lock):
    versions = {name: v for name, v, *_ in LOCKED.findall((ROOT / lock).read_text("utf-8"))}
    for requirement in map(Requirement, DIRECT[lock]):
        version = versions[plain(requirement.name)]
        assert requirement.specifier.contains(version), requirement
        assert "<" in str(requirement.specifier), f"{requirement} has no end"


def test_both_locks_have_the_same_version_of_what_both_have():
    project, tests = (
        {(name, version) for name, version, *_ in LOCKED.findall((ROOT / lock).read_text("utf-8"))}
        for lock in DIRECT
    )
    both = {name for name, _ in project} & {name for name, _ in tests}
    assert len(both) > 20
    assert {each for each in tests if each[0] in both} <= project


def test_each_dependency_says_why_it_is_there():
    lines = [line for line in PROJECT.splitlines() if re.match(r'    "[\w-]+>=', line)]
    assert len(lines) == sum(map(len, DIRECT.values()))
    assert [line for line in lines if not re.search(r",  # \w+.{8,}", line)] == []


# --- licences ------------------------------------------------------------------------------------


def test_the_licence_of_each_locked_package_is_listed_as_the_package_says_it():
    listed = licences.listed()
    assert [*listed] == licences.locked()
    said = {name: licences.licence(name) for name in listed}
    assert {name: each for name, each in said.items() if each not in (None, listed[name])} == {}
    assert len([each for each in said.values() if each]) > 180  # of what is installed here


@pytest.mark.parametrize("name", licences.locked())
def test_a_licence_goes_with_ours(name):
    licence = licences.listed()[name]
    if name.startswith(("nvidia-", "cuda-")):
        assert re.search("NVIDIA|Proprietary|Apache", licence)
    else:
        assert FREE.search(licence), licence
        assert "GPL" not in licence or name == "pypandoc-binary"  # a program, run as such


# --- known vulnerabilities -----------------------------------------------------------------------

CLEAN = {"name": "einops", "version": "0.8.2", "vulns": []}
HURT = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [
        {"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": [], "description": ""},
        {"id": "PYSEC-0", "fix_versions": [], "aliases": [], "description": ""},
    ],
}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "status", "words"),
    [
        ([CLEAN, UNKNOWN], 0, "1 of 2 locked packages audited, 0 warnings"),
        ([CLEAN, HURT], 1, "audit: jinja2 2.4.1: PYSEC-2014-8, fixed in 2.7.2\n"),
        ([HURT], 1, "PYSEC-0, fixed in no version yet\n"),
        ([UNKNOWN], 0, "no database of known vulnerabilities was reached"),
    ],
)
def test_an_audit_is_told_in_words_and_fails_for_a_vulnerability_alone(packages, status, words):
    found = audit.verdict(json.dumps({"dependencies": packages, "fixes": []}))
    assert found[0] == status
    assert words in found[1]


@pytest.mark.slow
def test_where_nothing_is_reached_the_audit_says_so_and_does_not_fail(monkeypatch):
    pytest.importorskip("pip_audit", reason="pip-audit is not installed")
    for name in ("HTTPS_PROXY", "https_proxy"):  # where nobody listens
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    monkeypatch.chdir(ROOT)
    status, words = audit.verdict(audit.answer())
    assert status == 0
    assert words.count("\n") == 0
    assert "nothing is audited" in words
