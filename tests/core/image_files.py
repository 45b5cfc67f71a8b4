"""Files of images as people have them, for the tests of what is read from disk."""

import gzip
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from glo_core.data import DataError, Digits, load

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

# Tells how many bytes of memory a process has, and lets the most of them count from now on.
MEMORY = """
import json, os, sys
from pathlib import Path
def bytes_of(field):
    (line,) = [x for x in open("/proc/self/status") if x.startswith(field)]
    return int(line.split()[1]) * 1024
def begin():
    Path("/proc/self/clear_refs").write_text("5")
    return bytes_of("VmRSS")
"""

# Refuses folders one after the other in a process of its own, and tells by how much it has grown.
REFUSE = f"""{MEMORY}
from glo_core.data import DataError, load
found = []
for folder in sys.argv[1:]:
    before = begin()
    try:
        load(folder, 1)
        message = "loaded"
    except DataError as error:
        message = str(error)
    found.append([message, bytes_of("VmHWM") - before])
print(json.dumps(found))
"""

# Reads files, each in a process of its own, and tells by how much each has grown at most.
READ = f"""{MEMORY}
from glo_core.files.image import DataError, seen
seen(Path(sys.argv[1]))  # loads what decoders need
for name in sys.argv[1:]:
    if pid := os.fork():
        assert os.waitpid(pid, 0)[1] == 0
        continue
    before = begin()
    try:
        message = "no image" if seen(Path(name)) is None else "read"
    except DataError as error:
        message = str(error)
    print(json.dumps([message, bytes_of("VmHWM") - before]), flush=True)
    os._exit(0)
"""


def idx(array: np.ndarray, magic: int | None = None) -> bytes:
    header = [0x0800 + array.ndim if magic is None else magic, *array.shape]
    return b"".join(h.to_bytes(4, "big") for h in header) + array.astype(np.uint8).tobytes()


def unique_images(count: int, first: int = 0) -> np.ndarray:
    """Images that carry their own number in their first two pixels."""
    images = np.zeros((count, 28, 28), np.uint8)
    number = np.arange(first, first + count)
    images[:, 0, 0], images[:, 0, 1] = number // 256, number % 256
    return images


def numbers(digits: Digits) -> list[int]:
    pixels = (digits.images[:, 0, :2] * 255).round().long()
    return (pixels[:, 0] * 256 + pixels[:, 1]).tolist()


def write_pair(
    folder: Path, names: tuple[str, str], count: int, first: int = 0, gz: bool = False
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(
        names, (unique_images(count, first), np.arange(count) % 10), strict=True
    ):
        content = idx(array)
        path = folder / (name + ".gz" if gz else name)
        path.write_bytes(gzip.compress(content) if gz else content)


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_image_folder(folder: Path, counts: dict[str, int]) -> None:
    first = 0
    for name, count in counts.items():
        for i, pixels in enumerate(unique_images(count, first)):
            write_png(folder / name / f"{i:03}.png", pixels)
        first += count


def strokes(count: int, seed: int = 0) -> np.ndarray:
    """Light strokes on a dark ground, (count, 28, 28), each another one."""
    random = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.uint8)
    for image in images:
        left, top = random.integers(5, 18, 2)
        image[top : top + 9, left : left + 3] = random.integers(200, 256)
        image[top : top + 3, left : left + 7] = 255
    return images


def write_classes(folder: Path, images: np.ndarray, names: tuple[str, ...] = ("a", "b")) -> None:
    """Images as PNG files in the folders of some classes, in turn."""
    for k, image in enumerate(images):
        write_png(folder / names[k % len(names)] / f"{k:03}.png", image)


def fails(name: str | Path, n: int = 10, **kwargs: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(str(name), n, **kwargs)
    return str(caught.value)


def refused(*folders: Path) -> list[tuple[str, int]]:
    """Why each folder is refused, and the most bytes of memory that this takes."""
    return [(message, grown) for message, grown in json.loads(_printed(REFUSE, folders)[-1])]


def read_in_memory(*files: Path) -> list[tuple[str, int]]:
    """What becomes of each image file, and the most bytes of memory that this takes."""
    return [(message, grown) for message, grown in map(json.loads, _printed(READ, files))]


def _printed(script: str, paths: Sequence[Path]) -> list[str]:
    """The lines that a script prints about some paths, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(
    size: tuple[int, int], rows: bytes = b"", bits: int = 8, kind: int = 6, extra: bytes = b""
) -> bytes:
    """A PNG file that claims a size, whatever its rows hold; kind 0 is grey, 2 RGB, 6 RGBA."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + png_chunk(b"IEND", b"")


def tiff_of(
    size: tuple[int, int],
    content: bytes,
    bits: int = 8,
    white: int = 1,
    tile: tuple[int, int] | None = None,
) -> bytes:
    """A grey TIFF file of packed rows, whose white is the largest value, or 0 if `white` is 0."""
    packed = zlib.compress(content)
    width, height = size
    tags = {256: width, 257: height, 258: bits, 259: 8, 262: white, 277: 1}
    if tile:
        tags |= {322: tile[0], 323: tile[1], 324: 8, 325: len(packed)}
    else:
        tags |= {273: 8, 278: height, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    header = b"II*\0" + struct.pack("<I", 8 + len(packed))
    return header + packed + struct.pack("<H", len(tags)) + entries + bytes(4)
