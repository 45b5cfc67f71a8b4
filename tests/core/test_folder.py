"""folder: which files of a folder are images of a class, and on which ground their ink lies."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from core.image_files import fails, refused, strokes, write_classes, write_image_folder, write_png
from PIL import Image

from glo_core.data import load
from glo_core.files import folder
from glo_core.files.folder import Images
from glo_core.measures.style import FEATURES, style

INK = strokes(12)
# `write_classes` deals images out in turn, and they are read class after class.
BY_CLASS = np.concatenate([INK[0::2], INK[1::2]])


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)


def read(path: Path) -> Images:
    return folder.read(path, path.parent / "kept")


def write_drawings(place: Path, ink: int, names: tuple[str, ...] = ("a", "b")) -> None:
    """The strokes as a drawing program saves them: one grey on nothing."""
    for k, image in enumerate(INK):
        (place / names[k % len(names)]).mkdir(parents=True, exist_ok=True)
        grey = Image.new("L", (28, 28), ink)
        drawing = Image.merge("LA", [grey, Image.fromarray(image)]).convert("RGBA")
        drawing.save(place / names[k % len(names)] / f"{k:03}.png")


# What file servers leave in the folders that they share.
OF_A_NAS = ("#recycle", "#snapshot", "@Recycle")


# --- what is left out -------------------------------------------------------------------------


def test_what_is_hidden_is_no_class_and_no_image(tmp_path: Path, caplog):
    write_classes(tmp_path, INK)
    expected = load(str(tmp_path), 6)
    write_classes(tmp_path, 255 - INK, (".ipynb_checkpoints", "__MACOSX", "@eaDir", *OF_A_NAS))
    for name in ("._000.png", "Thumbs.db", "desktop.ini", ".DS_Store", "Icon\r"):
        (tmp_path / "a" / name).write_bytes(b"whatever")
        (tmp_path / name).write_bytes(b"whatever")
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    write_png(tmp_path / "b" / ".ipynb_checkpoints" / "000-checkpoint.png", INK[0])
    caplog.clear()
    splits = load(str(tmp_path), 6)
    assert splits.train.class_names == ("a", "b")
    assert splits.train.fingerprint == expected.train.fingerprint
    (line,) = caplog.messages
    assert "left out what is hidden: #recycle, #snapshot, .DS_Store, " in line
    assert line.endswith("and 13 more")


def test_files_that_are_no_images_are_counted_and_named(tmp_path: Path, caplog):
    write_classes(tmp_path, INK)
    (tmp_path / "a" / "notes.txt").write_text("none")
    (tmp_path / "b" / "scan.heic").write_bytes(b"\0\0\0\x18ftypheic")
    os.mkfifo(tmp_path / "b" / "pipe")
    (tmp_path / "labels.csv").write_text("none")
    images = read(tmp_path)
    assert np.array_equal(images.pixels, BY_CLASS)
    assert images.labels.tolist() == [0] * 6 + [1] * 6
    named, beside = sorted(caplog.messages, key=len, reverse=True)
    assert named.endswith(
        "left out 3 of 15 files, which cannot be opened as images: a/notes.txt, b/pipe, b/scan.heic"
    )
    assert beside.endswith("left out what is in no class folder: labels.csv")


def test_images_of_every_format_are_read_beside_each_other(tmp_path: Path):
    write_classes(tmp_path, INK)
    for k, ending in enumerate(("gif", "bmp", "tif", "PNG", "webp")):
        image = Image.open(tmp_path / "a" / f"{2 * k:03}.png")
        options = {"lossless": True} if ending == "webp" else {}
        image.save(tmp_path / "a" / f"{2 * k:03}.{ending}", **options)
        if ending != "PNG":
            (tmp_path / "a" / f"{2 * k:03}.png").unlink()
    (tmp_path / "a" / "006.png").unlink()
    assert np.array_equal(read(tmp_path).pixels, BY_CLASS)


def test_a_class_of_which_nothing_can_be_read_is_named(tmp_path: Path):
    write_classes(tmp_path, INK)
    (tmp_path / "cat").mkdir()
    for name in ("1.heic", "2.heic"):
        (tmp_path / "cat" / name).write_bytes(b"\0\0\0\x18ftypheic")
    assert fails(tmp_path) == (
        f"{tmp_path / 'cat'}: expected images of this class that can be read, found 2 files "
        "that are none: 1.heic, 2.heic"
    )


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (b"caf\xe9", r"'caf\xe9': expected text on one line, found bytes that are not UTF-8"),
        (b"\xff\xfe", r"'\xff\xfe': expected text on one line, found bytes that are not UTF-8"),
        (b"two\nlines", r"'two\nlines': expected text on one line, found control characters"),
        (b"\x1b[31mred", r"'\x1b[31mred': expected text on one line, found control characters"),
        (b" ", "' ': expected 1 to 100 letters, found none that can be seen"),
        ("\u200b".encode(), r"'\u200b': expected 1 to 100 letters, found none that can be seen"),
        ("\ufeff \u3164".encode(), "expected 1 to 100 letters, found none that can be seen"),
        ("\u2800\ufe0f".encode(), "expected 1 to 100 letters, found none that can be seen"),
        ("b\u202egnp".encode(), r"'b\u202egnp': expected letters alone, found controls of the"),
        ("\u2067b".encode(), r"'\u2067b': expected letters alone, found controls of the"),
        (b"x" * 101, "expected 1 to 100 letters, found 101"),
    ],
)
def test_a_folder_that_no_class_can_be_called_is_refused_by_name(tmp_path, name, words):
    write_classes(tmp_path, INK)
    os.rename(os.fsencode(tmp_path / "b"), os.path.join(os.fsencode(tmp_path), name))
    message = fails(tmp_path)
    assert message.startswith(f"{tmp_path}: class name ")
    assert words in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "cafe\u0301"), ("a", "a "), ("a", "a\u200b"), ("a b", "a\u00a0b")],
)
def test_classes_whose_names_look_alike_are_refused(tmp_path: Path, one: str, other: str):
    write_classes(tmp_path, INK, ("c", one, other))
    message = fails(tmp_path)
    assert message.startswith(f"{tmp_path}: expected class names that look different, found ")
    assert ascii(one) in message
    assert ascii(other) in message


@pytest.mark.parametrize(
    "name", ["猫", "قط", "👩‍👩‍👧", "<b>x", "$5$", "c\\d", "é" * 100, "A", "ａ"]
)
def test_a_class_may_be_called_by_any_text(tmp_path: Path, name: str):
    write_classes(tmp_path, INK, ("a", name))
    assert set(load(str(tmp_path), 6).train.class_names) == {"a", name}


def test_files_may_be_called_by_any_bytes(tmp_path: Path, caplog):
    write_classes(tmp_path, INK)
    inside = os.fsencode(tmp_path / "a")
    os.rename(os.path.join(inside, b"010.png"), os.path.join(inside, b"\xff.png"))
    Path(os.fsdecode(os.path.join(inside, b"\xfe.txt"))).write_text("none")
    assert np.array_equal(read(tmp_path).pixels, BY_CLASS)
    assert r"a/\xfe.txt" in caplog.text


def test_the_path_of_a_folder_has_to_be_text(tmp_path: Path):
    place = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"\xff")))
    write_classes(place, INK)
    message = fails(place)
    assert r"\xff': expected text on one line, found bytes that are not UTF-8" in message
    assert message.isprintable()


# --- one folder too high ----------------------------------------------------------------------


def test_the_only_folder_in_a_folder_is_taken(tmp_path: Path, caplog):
    write_classes(tmp_path / "pets" / "pets", INK)
    write_classes(tmp_path / "__MACOSX", INK)
    assert np.array_equal(read(tmp_path).pixels, BY_CLASS)
    assert caplog.messages == [f"{tmp_path}: the images are those in {tmp_path / 'pets' / 'pets'}"]


@pytest.mark.parametrize("above", [".", "archive"])
def test_folders_for_training_and_testing_are_not_classes(tmp_path: Path, above: str):
    for part in ("Test", "Train", "valid"):
        write_image_folder(tmp_path / above / part, {"a": 2, "b": 2})
    message = fails(tmp_path)
    assert "directly in the class sub folders" in message
    assert "found folders in these: Test/a, Test/b, Train/a, Train/b, valid/a and 1 more" in message
    better = [tmp_path / above / part for part in ("Train", "Test", "valid")]
    assert message.endswith(f"; give one that holds class folders: {', '.join(map(str, better))}")


@pytest.mark.parametrize(
    "parts", [("test", "train"), ("Training", "Testing", "dev"), ("test_set", "train-set")]
)
def test_folders_of_splits_with_images_directly_in_them_are_not_classes(tmp_path: Path, parts):
    write_classes(tmp_path, INK, parts)
    message = fails(tmp_path)
    assert f"found folders of splits, {', '.join(sorted(parts))}, with none for class" in message
    assert message.endswith("put the images of each class into a folder of its name")


@pytest.mark.parametrize(
    ("better", "beside"),
    [
        (["images"], "code/glo"),
        (["JPEGImages"], "annotations/cat"),
        (["train_set", "test_set"], "labels/new"),
        (["images/train", "images/test"], "code/glo"),
    ],
)
def test_class_folders_beside_others_are_named(tmp_path: Path, better: list[str], beside: str):
    for place in better:
        write_classes(tmp_path / place, INK)
    (tmp_path / beside).mkdir(parents=True)
    (tmp_path / beside / "notes.xml").write_text("none")
    write_png(tmp_path / beside / "logo.png", INK[0])
    places = ", ".join(str(tmp_path / place) for place in better)
    assert fails(tmp_path).endswith(f"; give one that holds class folders: {places}")


def test_a_class_may_be_called_train(tmp_path: Path):
    write_classes(tmp_path, INK, ("plane", "train"))
    assert read(tmp_path).class_names == ("plane", "train")


def test_a_folder_in_a_class_folder_is_refused(tmp_path: Path):
    write_classes(tmp_path, INK)
    (tmp_path / "b" / "more").mkdir()
    assert fails(tmp_path) == (
        f"{tmp_path}: expected images directly in the class sub folders of one folder, found "
        "folders in these: b/more"
    )


# --- grounds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", [255, 210])
def test_dark_ink_on_light_paper_is_turned_over_and_said(tmp_path: Path, caplog, paper: int):
    write_classes(tmp_path, (paper - INK * (paper / 255)).astype(np.uint8))
    images = read(tmp_path)
    expected = 255 - (paper - BY_CLASS * (paper / 255)).astype(np.uint8)
    assert np.array_equal(images.pixels, expected)
    assert images.source.endswith(" (dark on light, turned over to light on dark)")
    assert [line for line in caplog.messages if line.endswith("turned over to light on dark")]


def test_style_is_that_of_the_ink_whatever_the_ground_was(tmp_path: Path):
    write_classes(tmp_path / "dark", INK)
    write_classes(tmp_path / "light", 255 - INK)
    write_drawings(tmp_path / "clear", 0)
    thick = {
        place: style(load(str(tmp_path / place), 12).train.images)[:, FEATURES.index("thickness")]
        for place in ("dark", "light", "clear")
    }
    assert 2 < thick["dark"].mean() < 4
    assert np.array_equal(thick["light"], thick["dark"])
    assert np.array_equal(thick["clear"], thick["dark"])


def test_light_ink_on_a_dark_ground_and_photographs_stay(tmp_path: Path, caplog):
    write_classes(tmp_path / "ink", INK)
    random = np.random.default_rng(0)
    photographs = random.integers(100, 256, (12, 28, 28), dtype=np.uint8)  # bright, and not plain
    write_classes(tmp_path / "photographs", photographs)
    images = read(tmp_path / "ink")
    assert np.array_equal(images.pixels, BY_CLASS)
    assert images.source.endswith(f"folders of {tmp_path / 'ink'}")
    expected = np.concatenate([photographs[0::2], photographs[1::2]])
    assert np.array_equal(read(tmp_path / "photographs").pixels, expected)
    assert caplog.messages == []


def test_two_grounds_in_one_folder_are_warned_of(tmp_path: Path, caplog):
    write_classes(tmp_path, np.concatenate([INK[:7], 255 - INK[7:]]))
    read(tmp_path)
    (line,) = caplog.messages
    assert "of 12 images, 5 are of dark ink on a lighter ground and 7 of light ink on a" in line
    assert "they are taken as they are" in line


def test_what_stays_on_another_ground_is_warned_of_where_most_are_turned_over(tmp_path, caplog):
    write_classes(tmp_path, np.concatenate([INK[:2], 255 - INK[2:]]))
    assert read(tmp_path).source.endswith("turned over to light on dark)")
    _, line = caplog.messages
    assert "of 12 images, 10 are of dark ink on a lighter ground and 2 of light ink on a" in line
    assert "all are turned over" in line


@pytest.mark.parametrize("ground", [0, 255])
def test_one_class_of_many_on_another_ground_is_warned_of_by_name(tmp_path, caplog, ground: int):
    classes = tuple("abcdefghijklmnopqrstuvwxyz")
    images = np.abs(ground - strokes(52).astype(int)).astype(np.uint8)
    images[10::26] = 255 - images[10::26]
    write_classes(tmp_path, images, classes)
    read(tmp_path)
    line = caplog.messages[-1]
    assert "2 are of" in line or "and 2 of" in line
    assert "(unlike the others: class 'k')" in line
    assert ("all are turned over" if ground else "they are taken as they are") in line


PAPERS = {
    "grey": 115 - INK * (100 / 255),
    "shaded": 15 + (np.linspace(110, 230, 28) - 15) * (1 - INK / 255),
    "without a margin": np.full((12, 28, 28), 255.0),
}
for number, image in enumerate(PAPERS["without a margin"]):  # crosses from side to side
    image[10 : 18 if number < 9 else 14] = image[:, 10 : 18 if number < 9 else 14] = number


@pytest.mark.parametrize(("kind", "plain"), [("grey", 0), ("shaded", 0), ("without a margin", 3)])
def test_dark_ink_on_paper_that_is_not_plain_and_light_is_warned_of_once(
    tmp_path: Path, caplog, kind: str, plain: int
):
    images = PAPERS[kind].astype(np.uint8)
    write_classes(tmp_path, images)
    assert np.array_equal(read(tmp_path).pixels, np.concatenate([images[0::2], images[1::2]]))
    (line,) = caplog.messages
    assert "12 of 12 images are darker within than at their borders" in line
    assert f"only {plain} of the borders are plain and light; they are taken as they are" in line
    assert "leave a margin of light, evenly lit paper" in line


def test_light_ink_on_a_light_ground_stays(tmp_path: Path, caplog):
    write_classes(tmp_path, np.maximum(INK, 140))
    assert np.array_equal(read(tmp_path).pixels, np.maximum(BY_CLASS, 140))
    assert caplog.messages == []


@pytest.mark.parametrize("ink", [0, 90])
def test_transparent_images_of_dark_ink_are_laid_on_white_and_turned_over(tmp_path, caplog, ink):
    write_drawings(tmp_path, ink)
    images = read(tmp_path)
    assert np.abs(images.pixels - BY_CLASS * ((255 - ink) / 255)).max() <= 1
    assert "12 images on transparent ground, which are dark in the mean, are laid on" in caplog.text
    assert "white, and turned over to light on dark" in caplog.text


def test_transparent_images_of_light_ink_are_laid_on_black(tmp_path: Path, caplog):
    write_drawings(tmp_path, 255)
    images = read(tmp_path)
    assert np.array_equal(images.pixels, BY_CLASS)
    assert (
        "12 images on transparent ground, which are light in the mean, are laid on" in caplog.text
    )
    assert "turned over" not in caplog.text


def test_light_shapes_on_nothing_are_laid_on_black_however_large_they_are(tmp_path: Path, caplog):
    opaque = np.zeros((28, 28), np.uint8)
    opaque[2:26, 2:26] = 255
    for k, ink in enumerate(INK):  # with dark ink in them
        shape = Image.fromarray((200 - ink // 2).astype(np.uint8))
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        image = Image.merge("LA", [shape, Image.fromarray(opaque)])
        image.save(tmp_path / "ab"[k % 2] / f"{k:03}.png")
    expected = np.where(opaque == 255, 200 - BY_CLASS // 2, 0)
    assert np.array_equal(read(tmp_path).pixels, expected)
    assert (
        "12 images on transparent ground, which are light in the mean, are laid on" in caplog.text
    )


@pytest.mark.parametrize("paper", [0, 255])
def test_one_transparent_class_becomes_like_the_others_on_paper(tmp_path: Path, paper: int):
    write_drawings(tmp_path, 0)
    for k in range(1, 12, 2):  # class b is opaque
        write_png(tmp_path / "b" / f"{k:03}.png", np.abs(paper - INK[k].astype(int)).astype("u1"))
    assert np.array_equal(read(tmp_path).pixels, BY_CLASS)


def write_with_round_corners(place: Path, images: np.ndarray) -> None:
    """Images as programs export them that make their four corners transparent."""
    opaque = np.full((28, 28), 255, np.uint8)
    opaque[[0, 0, -1, -1], [0, -1, 0, -1]] = 0
    for k, pixels in enumerate(images):
        image = Image.merge("LA", [Image.fromarray(pixels), Image.fromarray(opaque)])
        (place / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        image.save(place / "ab"[k % 2] / f"{k:03}.png")


@pytest.mark.parametrize("paper", [0, 255])
@pytest.mark.parametrize("opaque", [0, 4])
def test_ink_on_paper_with_round_corners_is_like_any_other(tmp_path, caplog, paper, opaque):
    images = np.abs(paper - INK.astype(int)).astype(np.uint8)
    write_with_round_corners(tmp_path, images)
    for k in range(opaque):  # some have all their corners
        write_png(tmp_path / "ab"[k % 2] / f"{k:03}.png", images[k])
    assert np.array_equal(read(tmp_path).pixels, BY_CLASS)
    said = [f"{tmp_path}: the images are dark on light, turned over to light on dark"]
    assert caplog.messages == (said if paper else [])


def test_photographs_with_round_corners_are_not_turned_over(tmp_path: Path):
    random = np.random.default_rng(0)
    photographs = random.integers(0, 200, (12, 28, 28), dtype=np.uint8)
    write_with_round_corners(tmp_path, photographs)
    found = load(str(tmp_path), 12).train.images[:, 1:-1]
    planted = {photograph[1:-1].tobytes() for photograph in photographs}
    assert {(image * 255).round().byte().numpy().tobytes() for image in found} == planted


# --- nothing to learn from --------------------------------------------------------------------


def test_constant_and_equal_images_are_warned_of_by_name(tmp_path: Path, caplog):
    write_classes(tmp_path, INK)
    write_png(tmp_path / "a" / "blank.png", np.full((28, 28), 9, np.uint8))
    write_png(tmp_path / "b" / "copy.png", INK[4])
    read(tmp_path)
    blank, equal = caplog.messages
    assert blank.endswith("1 of 14 images are of one grey all over: a/blank.png")
    assert equal.endswith("1 of 14 images are equal to others: b/copy.png = a/004.png")


def test_a_class_of_blank_images_and_equal_images_are_refused(tmp_path: Path):
    write_classes(tmp_path / "blank", INK)
    write_classes(tmp_path / "blank", np.zeros((3, 28, 28), np.uint8), ("c",))
    assert fails(tmp_path / "blank") == (
        f"{tmp_path / 'blank'}: each image of class 'c' is of one grey all over: c/000.png, "
        "c/001.png, c/002.png"
    )
    write_classes(tmp_path / "equal", INK[[0] * 12])
    assert fails(tmp_path / "equal") == (
        f"{tmp_path / 'equal'}: all 12 images are equal: a/000.png, a/002.png, a/004.png, "
        "a/006.png, a/008.png and 7 more"
    )


# --- many files -------------------------------------------------------------------------------

MANY = folder.KEPT_FROM + 2


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of so many images that their pixels are kept."""
    images = np.zeros((MANY, 28, 28), np.uint8)
    images[:, 5, 5], images[:, 5, 6], images[:, 9] = np.arange(MANY) // 256, np.arange(MANY), 200
    write_classes(tmp_path / "images", images)
    (tmp_path / "images" / "a" / "notes.txt").write_text("none")
    (tmp_path / "images" / "b" / "gone.png").symlink_to("nowhere")
    return tmp_path / "images"


def test_the_pixels_of_many_files_are_kept_until_a_file_changes(many: Path, caplog):
    kept = many.parent / "data" / "cache"
    first = load(str(many), 100, many.parent / "data")
    (file,) = kept.iterdir()
    written, whole = file.stat().st_mtime_ns, file.read_bytes()
    (kept / f".{file.name}.1.part").write_bytes(whole[:9])
    caplog.clear()
    again = load(str(many), 100, many.parent / "data")
    assert again.train.fingerprint == first.train.fingerprint
    assert "a/notes.txt, b/gone.png" in caplog.text
    assert file.stat().st_mtime_ns == written
    # A damaged file is made again
    for damage in (whole[:-9], flipped(whole)):
        file.write_bytes(damage)
        again = load(str(many), 100, many.parent / "data")
        assert again.train.fingerprint == first.train.fingerprint
        assert file.read_bytes() == whole
    # So it is if an image changes, under another name
    write_png(many / "a" / "000.png", 255 - INK[0])
    every = load(str(many), MANY, many.parent / "data").train
    assert any(np.array_equal((x * 255).round().byte(), 255 - INK[0]) for x in every.images)
    # What was kept before goes, with what was half written
    (remade,) = kept.iterdir()
    assert remade.name != file.name


def flipped(content: bytes) -> bytes:
    """A file with one bit turned over, in the middle."""
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    return bytes(changed)


def test_where_nothing_can_be_kept_images_are_read_all_the_same(many: Path, caplog):
    (many.parent / "data").write_text("in the way")
    assert len(load(str(many), 100, many.parent / "data").train) == 100
    assert "images are not kept for the next time" in caplog.text


@pytest.mark.slow
def test_a_refused_image_takes_little_memory(tmp_path: Path):
    places = []
    for name, size in (("png", (4000, 4000)), ("bmp", (3000, 3000))):
        write_classes(tmp_path / name, INK)
        bad = tmp_path / name / "a" / f"000.{name}"
        Image.new("RGBA" if name == "png" else "RGB", size).save(bad)
        os.truncate(bad, bad.stat().st_size // 2)
        places.append(tmp_path / name)
    for (message, grown), place in zip(refused(*places), places, strict=True):
        assert f"{place / 'a' / f'000.{place.name}'}: expected a readable image" in message
        assert grown < 140e6
