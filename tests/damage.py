"""What befalls files: they are cut, changed, gone, or something else stands in their place."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def gone(path: Path) -> None:
    path.unlink()


def link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = (cut, flip, gone, link_to_nowhere, folder_instead)

# What may stand in a file of JSON, or a notebook, though it is none, or one of another shape.
SHAPES: list[Any] = [[], {}, None, 3, "glo", {"metadata": []}, {"metadata": {"glo": "a"}}]
SHAPES += [{"metadata": {"glo": {"stamp": "a"}}}, {"metadata": {"glo": {"stamp": "a"}}, "cells": 3}]
CONTENTS = [b"", b"\xff", b"[", b"[" * 100_000, *(json.dumps(each).encode() for each in SHAPES)]

# Where a fault is, as a number of which the remainder counts; other bytes; and how they come in.
WHERE = st.integers(0, 2**32)
FAULTS = st.tuples(WHERE, st.binary(max_size=8), st.sampled_from(["insert", "replace", "cut"]))


def damaged(content: bytes, faults: list[tuple[int, bytes, str]]) -> bytes:
    """The bytes of a file with some inserted, replaced or cut off."""
    for where, other, how in faults:
        at = where % (len(content) + 1)
        rest = {"insert": at, "replace": at + len(other), "cut": len(content)}[how]
        content = content[:at] + other + content[rest:]
    return content
