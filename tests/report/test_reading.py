"""What people write is read as they mean it, or refused by name."""

from pathlib import Path

import pytest

from reports.parameters import Parameters
from reports.reading import ParameterError, parse_override, parse_overrides, read

REPORTS = Path(__file__).parents[2] / "reports"
QUICK = REPORTS / "quick.yaml"


def read_with(*assignments: str) -> Parameters:
    return read(QUICK, dict(map(parse_override, assignments)))


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


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("SIGMA=1", "unknown name 'sigma': did you mean 'sigmas'"),
        ("EPOCH=1", "did you mean 'epochs'"),
        ("PARAM=1", "did you mean PARAMS=FILE, in capitals?"),
        ("params=quick.yaml", "did you mean PARAMS=FILE, in capitals?"),
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
