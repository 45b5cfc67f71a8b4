"""Files that hold anything: parameters, runs, measures, notebooks, results and shared models.

Each is a good file, damaged: cut, with other bytes, or with values of another kind. What reads it
says so in an error of its own, or takes it as not there; it needs no more memory than the file.
"""

import copy
import json
import tracemalloc
from contextlib import contextmanager, suppress

import nbformat
import pytest
import torch
import yaml
from conftest import ROOT
from damage import FAULTS, WHERE, damaged
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from glo_core import ModelFileError, open_model, save_model
from glo_core.model import Glo
from glo_core.runs.files import sealed, sha256
from glo_core.runs.sharing import ABOUT, WEIGHTS, _digest
from glo_core.runs.store import COMMIT, Store, run_key
from reports import sections
from reports.bind.outputs import ExecutedSection, Outputs, read_outputs
from reports.bind.pandoc import DocumentError
from reports.finished import is_up_to_date
from reports.notebooks import NotebookError, check_parameters, code_cells
from reports.parameters import Parameters
from reports.reading import ParameterError, parse_override, read
from reports.schema import Figure, Finding, Numbers, Verdict

pytestmark = pytest.mark.fuzz

QUICK = ROOT / "reports" / "quick.yaml"
# Files that have ended a reader before, or that others' readers are known to fail at.
KNOWN = [
    b"",
    b"\xff\xfe\x00",
    b"[]",
    b"{}",
    b"null",
    b"NaN",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"9" * 5_000,
]
# YAML's own: names that stand for ten times the one before, tags that would run code, odd keys.
LAUGHS = "\n".join(
    [
        "a0: &a0 [lol, lol]",
        *(f"a{k}: &a{k} [{', '.join(10 * [f'*a{k - 1}'])}]" for k in range(1, 7)),
        "data: *a6",
    ]
)
KNOWN_YAML = [
    *(each[:1000] for each in KNOWN),
    LAUGHS.encode(),
    b"data: !!python/object/apply:os.system [exit]",
    b"? [a, b]\n: 1",
    b"1: 2",
    b"data: 2001-99-99",
    b"data: !!int x",
    b"data: &a [*a]",
    b"a: &a {<<: *a}",
    b"n: 1\nn: 2",
    b"data: \x00",
    b"data: 1:99:99999999999999999999",
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**300, 10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["x" * 10_000, "<script>", "../..", "\ud800", "nan", "1e999"]),
    st.recursive(
        st.integers(-1, 2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=5,
    ),
)


GONE = object()
VALUES = st.tuples(WHERE, ODD | st.just(GONE))
# What befalls a file: it is another one, has some other bytes, or some other values.
BEFALLS = st.one_of(
    st.sampled_from(KNOWN),
    st.lists(FAULTS, min_size=1, max_size=3),
    st.lists(VALUES, min_size=1, max_size=3).map(tuple),
)


def reshaped(tree, faults):
    """A tree of JSON with some values replaced, or taken out."""
    tree = copy.deepcopy(tree)
    for where, value in faults:
        if places := [*_places(tree)]:
            holder, name = places[where % len(places)]
            if value is GONE:
                del holder[name]
            else:
                holder[name] = value
    return tree


def _places(tree):
    names = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for name in names:
        yield tree, name
        yield from _places(tree[name])


def faulty(tree, faults, write=json.dumps):
    """The bytes of a file that held this tree."""
    if isinstance(faults, bytes):
        return faults
    if isinstance(faults, list):
        return damaged(write(tree).encode(), faults)
    return write(reshaped(tree, faults)).encode(errors="surrogatepass")


def holds(content, tree):
    """Whether the bytes of a file still hold this tree."""
    try:
        found = json.loads(content.decode())
        return json.dumps(found, sort_keys=True) == json.dumps(tree, sort_keys=True)
    except (ValueError, RecursionError):
        return False


@contextmanager
def little_memory(content):
    """Fails if more is taken than 20 times the content, and what the libraries need themselves."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 20 * len(content) + 8_000_000, f"{peak} bytes for a file of {len(content)}"


# --- parameters ----------------------------------------------------------------------------------


@given(st.sampled_from(KNOWN_YAML) | BEFALLS)
def test_a_parameter_file_gives_parameters_or_a_parameter_error(tmp_path, faults):
    path = tmp_path / "any.yaml"
    if isinstance(faults, bytes):
        faults = faults[:1000]  # PyYAML takes a minute for 50,000 brackets
    content = faulty(yaml.safe_load(QUICK.read_text("utf-8")), faults, yaml.safe_dump)
    path.write_bytes(content)
    said = ""
    with little_memory(content):
        try:
            read(path)
        except ParameterError as error:
            said = str(error)
    assert len(said) < 20 * len(content) + 10_000


@given(
    st.sampled_from([*Parameters.model_fields, "yes", "any"]),
    st.text(max_size=30)
    | ODD.map(lambda value: json.dumps(value))
    | st.sampled_from([each.decode(errors="replace") for each in KNOWN_YAML]),
)
def test_an_assignment_gives_parameters_or_a_parameter_error(name, value):
    with little_memory(value), suppress(ParameterError):
        name, read_value = parse_override(f"{name}={value}")
        assert isinstance(read(QUICK, {name: read_value}), Parameters)


@given(st.text(max_size=30))
def test_any_word_is_an_assignment_or_a_parameter_error(word):
    with suppress(ParameterError):
        name, _ = parse_override(word)
        assert name == name.lower()


# --- runs and measures ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(models, digits, tmp_path_factory):
    """A store with one run, and what its `run.json` holds."""
    store = Store(tmp_path_factory.mktemp("fuzz") / "runs")
    folder = store.save(models[0], digits)
    return store, folder, (folder / COMMIT).read_bytes()


@given(BEFALLS)
def test_a_run_with_any_run_json_is_used_or_set_aside(run, models, digits, faults):
    store, folder, good = run
    content = faulty(json.loads(good), faults)
    if not folder.exists():
        store.save(models[0], digits)
    (folder / COMMIT).write_bytes(content)
    assert isinstance(store.recipes(digits), list)
    with little_memory(content):
        found = store.load(models[0].recipe, digits)
    assert isinstance(found, Glo) == folder.exists()


MEASURE = {"leak": {"images": [0.1, 0.9], "chance": 0.1}, "style": {"slant": {"sums": [[1, 2]]}}}


@given(BEFALLS)
@example([])
def test_a_measure_with_anything_in_it_is_recalled_or_none(run, models, digits, faults):
    store, folder, good = run
    if not folder.exists():
        store.save(models[0], digits)
    (folder / COMMIT).write_bytes(good)
    key = run_key(models[0].recipe, digits)
    store.remember(key, "planted", MEASURE)
    kept = json.loads((folder / "planted.json").read_text("utf-8"))
    content = faulty(kept, faults)
    (folder / "planted.json").write_bytes(content)
    with little_memory(content):
        found = store.recall(key, "planted")
    assert found == (MEASURE if holds(content, kept) else None)


# --- notebooks and results -----------------------------------------------------------------------

STAMP = "a stamp"


def executed():
    """A small section that was run, with one output of each kind."""
    figure = Figure(kind="figure", label="fig-a", caption="A", alt="a", runs=("l1-sigma0",))
    finding = Finding(
        id=1, claim="c", figure="fig-a", verdicts={"m": Verdict(holds=1, evidence="")}
    )
    shown = [
        ({"image/svg+xml": "<svg/>"}, figure),
        ({}, finding),
        ({}, Numbers(numbers={"a": [1.0, 2.0]})),
    ]
    new = nbformat.v4
    outputs = [
        new.new_output("display_data", data, metadata=published.metadata())
        for data, published in shown
    ]
    cells = [
        new.new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
        new.new_code_cell("show(a)", outputs=[*outputs, new.new_output("stream", text="said")]),
        new.new_markdown_cell("# A"),
    ]
    return new.new_notebook(cells=cells, metadata={"glo": {"stamp": STAMP}})


@given(BEFALLS)
def test_a_section_with_anything_in_it_is_used_run_again_or_a_document_error(
    tmp_path, monkeypatch, faults
):
    content = faulty(executed(), faults)
    source, kept = tmp_path / "20-noise.ipynb", tmp_path / "executed.ipynb"
    nbformat.write(executed(), source)
    kept.write_bytes(content)
    monkeypatch.setattr(sections, "_execute", lambda *_: executed())  # a kernel takes seconds
    with little_memory(content):
        notebook = sections.up_to_date(source, kept, STAMP, {"a": 1})
        with suppress(DocumentError):
            assert isinstance(read_outputs([ExecutedSection("20-noise", notebook)]), Outputs)


@given(BEFALLS)
def test_a_notebook_of_the_project_with_anything_in_it_is_read_or_a_notebook_error(
    tmp_path, faults
):
    content = faulty(executed(), faults)
    source = tmp_path / "20-noise.ipynb"
    source.write_bytes(content)
    with suppress(NotebookError):
        code_cells(source)  # libraries load what they need for this, for good
    with little_memory(content):
        for read_it in (code_cells, lambda path: check_parameters(path, ["a"])):
            with suppress(NotebookError):
                read_it(source)


PAGE = b"<html>"
RESULTS = {
    "figures": [{"label": "fig-a", "kind": "figure"}, {"label": "fig-b", "kind": "animation"}],
    "provenance": {"stamp": STAMP},
    "sha256": {"report.html": sha256(PAGE)},
}


@given(BEFALLS)
@example([])
def test_results_with_anything_in_them_are_up_to_date_or_not(tmp_path, faults):
    (tmp_path / "report.html").write_bytes(PAGE)
    good = {**sealed(RESULTS), "timing": {"total_seconds": 1}}
    content = faulty(good, faults)
    (tmp_path / "results.json").write_bytes(content)
    with little_memory(content):
        found = is_up_to_date(tmp_path, STAMP)
    untimed = b""
    with suppress(ValueError, RecursionError, TypeError, KeyError):
        timed = json.loads(content.decode())
        del timed["timing"]  # it may be anything, but has to be there
        untimed = json.dumps(timed).encode()
    assert found == holds(untimed, sealed(RESULTS))


# --- shared models -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["model.safetensors", "model"])
def shared_model(request, models, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / request.param
    save_model(models[0], "abcd", path)
    return path, {
        file: file.read_bytes() for file in ([path] if path.is_file() else path.iterdir())
    }


@pytest.fixture(scope="module")
def described_model(models, tmp_path_factory):
    """A model's folder, and what describes it, but for its digest."""
    path = tmp_path_factory.mktemp("fuzz") / "model"
    save_model(models[0], "abcd", path)
    about = json.loads((path / ABOUT).read_text("utf-8"))
    del about["sha256"]
    return path, about, load_file(path / WEIGHTS)


@given(st.integers(0, 1), st.sampled_from(KNOWN) | st.lists(FAULTS, min_size=1, max_size=3))
def test_a_shared_model_with_any_bytes_opens_or_is_a_model_file_error(shared_model, k, faults):
    path, good = shared_model
    file = sorted(good)[k % len(good)]
    content = faults if isinstance(faults, bytes) else damaged(good[file], faults)
    file.write_bytes(content)
    with little_memory(content), suppress(ModelFileError):
        open_model(path)
    file.write_bytes(good[file])


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_shared_model_with_any_description_opens_or_is_a_model_file_error(
    described_model, faults
):
    """With a digest that fits, as someone else's version, or someone who means ill, writes it."""
    path, about, tensors = described_model
    changed = reshaped(about, faults)
    with suppress(UnicodeEncodeError):
        changed["sha256"] = _digest(changed, tensors)
        (path / ABOUT).write_text(json.dumps(changed), "utf-8")
    content = b"".join(file.read_bytes() for file in path.iterdir())
    with little_memory(content), suppress(ModelFileError):
        open_model(path)


def test_a_shared_model_that_asks_for_a_huge_network_is_refused_before_it_is_made(described_model):
    """With 2,000,000,000 numbers in each code of no image: its weights would take 670 GB."""
    path, about, tensors = described_model
    wide = about | {"recipe": about["recipe"] | {"content_dim": 2 * 10**9}}
    codes = {"content_table": torch.zeros(0, 2 * 10**9), "labels": tensors["labels"][:0]}
    wide["sha256"] = _digest(wide, tensors | codes)
    save_file(tensors | codes, path / WEIGHTS)
    (path / ABOUT).write_text(json.dumps(wide), "utf-8")
    with pytest.raises(ModelFileError, match=r"weights, network\.0\.weight is \(84, 50\)"):
        open_model(path)
    save_file(tensors, path / WEIGHTS)
