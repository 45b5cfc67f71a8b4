"""What befalls files: they are cut, changed, gone, or something else stands in their place."""

from pathlib import Path

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
