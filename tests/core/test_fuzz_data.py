"""Data of any bytes: they are read, or refused by our own error."""

import contextlib
import gzip
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from core.image_files import TRAIN, idx, strokes, write_classes
from damage import FAULTS, damaged
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glo_core.data import DataError, load
from glo_core.files import cache
from glo_core.files.image import seen
from glo_core.files.labels import NAMES_FILE

pytestmark = pytest.mark.fuzz

INK = strokes(20)


@contextlib.contextmanager
def only_our_errors() -> Iterator[None]:
    """Fails at another error than DataError."""
    message = ""
    try:
        yield
    except DataError as error:
        message = str(error)
    assert message.isprintable()


def like(content: bytes) -> st.SearchStrategy[bytes]:
    """A file with up to six faults."""
    return st.lists(FAULTS, max_size=6).map(partial(damaged, content))


def saved(ending: str) -> bytes:
    """An image with transparency, or what comes nearest to it, as a file."""
    image = Image.fromarray(np.stack([INK[0], INK[1], INK[2], INK[3]], 2), "RGBA")
    file = io.BytesIO()
    kinds = {"jpg": "CMYK", "ppm": "RGB", "pcx": "RGB", "gif": "P"}
    image.convert(kinds.get(ending, "RGBA")).save(file, Image.EXTENSION[f".{ending}"])
    return file.getvalue()


Image.init()
ENDINGS = {*"png gif jpg bmp webp tif avif ico jp2 ppm qoi pcx tga".split()}
FILES = {ending: saved(ending) for ending in sorted(ENDINGS) if f".{ending}" in Image.EXTENSION}
IMAGES = st.sampled_from([*FILES]).flatmap(
    lambda ending: st.tuples(st.just(ending), like(FILES[ending]) | st.binary(max_size=60))
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@given(image=IMAGES)
def test_any_image_is_read_or_refused(place: Path, image: tuple[str, bytes]):
    ending, content = image
    path = place / f"x.{ending}"
    path.write_bytes(content)
    with only_our_errors():
        found = seen(path)
        assert found is None or (found.shape == (2, 28, 28) and found.dtype == np.uint8)


PAIR = {TRAIN[0]: idx(INK), TRAIN[1]: idx(np.arange(20) % 4)}


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gz"])
@given(data=st.data())
def test_any_idx_files_are_read_or_refused(
    place: Path, packed: Callable[[bytes], bytes], data: st.DataObject
):
    ending = "" if packed is bytes else ".gz"
    folder = place / f"idx{ending}"
    folder.mkdir(exist_ok=True)
    for name, content in PAIR.items():
        inside = data.draw(like(content) | st.just(content))
        written = packed(inside)
        written = data.draw(like(written) | st.just(written))
        (folder / f"{name}{ending}").write_bytes(written)
    with only_our_errors():
        splits = load(str(folder), 1)
        assert len(splits.train) == 1
        assert splits.train.labels.max() < len(splits.train.class_names)


@given(content=st.binary(max_size=200) | st.text().map(str.encode))
def test_any_list_of_names_is_taken_or_refused(place: Path, content: bytes):
    folder = place / "named"
    folder.mkdir(exist_ok=True)
    for name, array in PAIR.items():
        (folder / name).write_bytes(array)
    (folder / NAMES_FILE).write_bytes(content)
    with only_our_errors():
        names = load(str(folder), 1).train.class_names
        assert len({*names}) == 4
        assert all(name.strip() == name != "" for name in names)


NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..", b"ab")
)


@given(name=NAMES)
def test_a_folder_called_by_any_bytes_is_a_class_or_refused(place: Path, name: bytes):
    folder = place / "folders"
    if not folder.exists():
        write_classes(folder, INK, ("ab", "cd"))
    (last,) = [each for each in folder.iterdir() if each.name != "ab"]
    last.rename(folder / name.decode(errors="surrogateescape"))
    with only_our_errors():
        names = load(str(folder), 1).train.class_names
        assert {each.encode() for each in names} == {b"ab", name}


@given(data=st.data())
def test_any_kept_pixels_are_whole_or_not_used(place: Path, data: st.DataObject):
    file = place / "kept.safetensors"
    arrays = {"pixels": INK, "is_image": np.ones(20, np.uint8)}
    cache.keep(file, arrays)
    file.write_bytes(data.draw(like(file.read_bytes())))
    found = cache.recall(file)
    assert found is None or all(np.array_equal(found[name], arrays[name]) for name in arrays)
