"""Files of images as people have them, for the tests of what is read from disk."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from glo_core.data import DataError, Digits, load

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

# Refuses folders one after the other in a process of its own, and tells by how much it has grown.
REFUSE = """
import json, resource, sys
from glo_core.data import DataError, load
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
found = []
for folder in sys.argv[1:]:
    before = peak()
    try:
        load(folder, 1)
        message = "loaded"
    except DataError as error:
        message = str(error)
    found.append([message, peak() - before])
print(json.dumps(found))
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
    """Why each folder is refused, and how many bytes more memory that took than all before."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSE, *map(str, folders)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [(message, grown) for message, grown in json.loads(done.stdout.splitlines()[-1])]
