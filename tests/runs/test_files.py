"""Files on real disks that are full or read-only, and JSON that is really changed."""

import json
import os

import pytest
from conftest import fill, remount

from glo_core.runs.files import (
    DamageError,
    DiskError,
    check_disk,
    digest,
    made,
    read_json,
    sealed,
    set_aside,
    unsealed,
    write_text,
)

CONTENT = {"share": [0.115, float("nan")], "names": ("é", "\ud800"), "of": {1: None, 10: True}}


def test_what_was_sealed_is_read_as_it_was(tmp_path):
    write_text(tmp_path / "a.json", json.dumps(sealed(CONTENT, "run", "name")))
    found = unsealed(read_json(tmp_path / "a.json"), "run", "name")
    assert repr(found) == repr(json.loads(json.dumps(CONTENT)))


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.115", "0.99"), ("0.115", "NaN"), ("NaN", "0.5"), ("null", "0"), ('"of"', '"off"')],
)
def test_a_change_is_noticed(old, new):
    text = json.dumps(sealed(CONTENT))
    assert old in text
    with pytest.raises(DamageError, match=r"its digest is .*…, expected .*…"):
        unsealed(json.loads(text.replace(old, new)))


def test_a_file_that_was_copied_from_elsewhere_is_noticed():
    with pytest.raises(DamageError):
        unsealed(sealed(CONTENT, "run"), "another run")


@pytest.mark.parametrize("content", [[], {}, None, "digest", 3, {"digest": {}}, {"digest": None}])
def test_what_was_never_sealed_is_noticed(content):
    with pytest.raises(DamageError):
        unsealed(content)


def test_what_nests_too_deeply_is_no_json_of_ours(tmp_path):
    for depth in (500, 100_000):  # Python's reader stops at one, or the digest does
        (tmp_path / "a.json").write_text('{"digest": ' + "[" * depth + "]" * depth + "}")
        with pytest.raises(DamageError):
            unsealed(read_json(tmp_path / "a.json"))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"\0" * 9, b"1" * 5000, b"[" * 9])
def test_what_is_no_json_is_named(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamageError, match=r"a\.json is no JSON"):
        read_json(tmp_path / "a.json")


def test_the_order_of_names_changes_no_digest():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_full_disk_is_one_sentence_and_the_last_file_stays(disk):
    write_text(disk / "a", "the last")
    fill(disk)
    with pytest.raises(DiskError, match=rf"cannot write in {disk} \(No space left.*make space"):
        write_text(disk / "a", "the next " * 10_000)
    assert (disk / "a").read_text() == "the last"
    assert {path.name for path in disk.iterdir()} == {"a", "filling"}


def test_a_read_only_disk_is_one_sentence(disk):
    remount(disk, "ro")
    for refused in (
        lambda: write_text(disk / "a", ""),
        lambda: made(disk / "folder"),
        lambda: check_disk({disk: 0}),
        lambda: check_disk({disk / "folder": 0}),
        lambda: set_aside(disk / "a", disk, ValueError("planted")),
    ):
        with pytest.raises(DiskError, match=r"\(Read-only file system\): allow writing there"):
            refused()


def test_a_file_where_a_folder_is_to_be_is_one_sentence(tmp_path):
    (tmp_path / "runs").write_text("in the way")
    for folder in (tmp_path / "runs", tmp_path / "runs" / "deeper"):
        with pytest.raises(DiskError, match="move what is in the way"):
            made(folder)


def test_folders_on_one_disk_need_their_sum(disk, tmp_path):
    runs, build = disk / "runs", disk / "build"
    check_disk({runs: 9e5, tmp_path: 9e5})
    with pytest.raises(DiskError, match=rf"{runs} has 1 MB free, and about 2 MB are needed"):
        check_disk({runs: 9e5, build: 9e5})
    fill(disk)
    with pytest.raises(DiskError, match="No space left"):
        check_disk({runs: 0})


def test_what_is_damaged_is_moved_with_its_place_and_said(tmp_path, caplog):
    for _ in range(2):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "a.json").write_text("[]")
        set_aside(tmp_path / "run" / "a.json", tmp_path, ValueError("planted"))
    kept = [*(tmp_path / ".damaged").glob("*/run/a.json")]
    assert len(kept) == 2
    assert not [*(tmp_path / "run").iterdir()]
    assert "run/a.json is damaged (planted): set aside as" in caplog.text
    set_aside(tmp_path / "run", tmp_path, ValueError("planted"))
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    set_aside(tmp_path / "link", tmp_path, ValueError("planted"))
    assert [path.name for path in tmp_path.iterdir()] == [".damaged"]
