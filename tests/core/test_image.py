"""image: what a viewer shows of a file is what is read, in every form that people have."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from glo_core.data import DataError
from glo_core.files.image import seen

RAMP = np.arange(784, dtype=np.uint8).reshape(28, 28) // 4 * 3
SHARP = np.zeros((28, 28), np.uint8)
SHARP[3:9, 5:25] = 255


def grounds(path: Path) -> np.ndarray:
    """An image on black and on white."""
    found = seen(path)
    assert found is not None
    return found


def shown(path: Path) -> np.ndarray:
    """An image on white, which has to be opaque."""
    black, white = grounds(path)
    assert np.array_equal(black, white)
    return white


@pytest.mark.parametrize(
    "ending", ["png", "gif", "bmp", "webp", "tif", "TIFF", "PNG", "pgm", "tga"]
)
def test_formats_without_loss_are_read_alike_whatever_their_case(tmp_path: Path, ending: str):
    path = tmp_path / f"x.{ending}"
    options = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(SHARP).save(path, **options)
    assert np.array_equal(shown(path), SHARP)


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "jfif", "jpe", "avif", "jp2"])
def test_formats_with_loss_are_read_nearly_alike(tmp_path: Path, ending: str):
    path = tmp_path / f"x.{ending}"
    Image.fromarray(RAMP).resize((280, 280)).save(path)
    assert np.abs(shown(path).astype(int) - RAMP)[1:-1, 1:-1].mean() < 6


def test_what_a_file_is_counts_and_not_what_it_is_called(tmp_path: Path):
    for name in ("scan", "scan.txt", "scan.jpg"):
        Image.fromarray(SHARP).save(tmp_path / name, format="PNG")
        assert np.array_equal(shown(tmp_path / name), SHARP)
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "image.svg").write_text("<svg/>")
    assert seen(tmp_path / "notes.txt") is None
    assert seen(tmp_path / "image.svg") is None
    (tmp_path / "image.Gif").write_text("none")
    with pytest.raises(DataError, match=r"image.Gif: expected a readable image, found no image"):
        seen(tmp_path / "image.Gif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_data_turn_an_image(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(SHARP)
    image.save(tmp_path / "x.png", exif=exif)
    undone: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: np.asarray,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).T,
        8: np.rot90,
    }
    assert np.array_equal(shown(tmp_path / "x.png"), undone[orientation](SHARP))


def test_damaged_exif_data_turn_nothing(tmp_path: Path):
    Image.fromarray(SHARP).save(tmp_path / "x.png", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert np.array_equal(shown(tmp_path / "x.png"), SHARP)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path):
    for name in ("x.png", "x.tif", "x.pgm"):
        Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / name)
        assert np.array_equal(shown(tmp_path / name), RAMP), name


def test_one_bit_is_black_and_white(tmp_path: Path):
    Image.fromarray(SHARP).convert("1").save(tmp_path / "x.png")
    assert np.array_equal(shown(tmp_path / "x.png"), SHARP)


def test_a_palette_is_looked_up(tmp_path: Path):
    image = Image.fromarray((RAMP > 90).astype(np.uint8), mode="P")
    image.putpalette([200, 200, 200, 30, 30, 30])
    image.save(tmp_path / "x.png")
    assert np.array_equal(shown(tmp_path / "x.png"), np.where(RAMP > 90, 30, 200))


def with_alpha(grey: np.ndarray, opaque: np.ndarray) -> Image.Image:
    return Image.merge("LA", [Image.fromarray(grey), Image.fromarray(opaque)])


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_images_are_laid_on_both_grounds(tmp_path: Path, mode: str):
    with_alpha(np.full_like(SHARP, 40), RAMP).convert(mode).save(tmp_path / "x.png")
    black, white = grounds(tmp_path / "x.png").astype(int)
    assert np.abs(black - 40 * (RAMP / 255)).max() <= 1
    assert np.abs(white - (255 - 215 * (RAMP / 255))).max() <= 1


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_colour_of_the_palette_may_be_transparent(tmp_path: Path, ending: str):
    image = Image.fromarray((SHARP > 0).astype(np.uint8), mode="P")
    image.putpalette([90, 90, 90, 10, 10, 10])
    image.save(tmp_path / f"x.{ending}", transparency=0)
    black, white = grounds(tmp_path / f"x.{ending}")
    assert np.array_equal(black, np.where(SHARP, 10, 0))
    assert np.array_equal(white, np.where(SHARP, 10, 255))


@pytest.mark.parametrize(("mode", "clear"), [("L", 0), ("RGB", (0, 0, 0))])
def test_a_grey_level_or_a_colour_may_be_transparent(tmp_path: Path, mode: str, clear: object):
    Image.fromarray(SHARP).convert(mode).save(tmp_path / "x.png", transparency=clear)
    black, white = grounds(tmp_path / "x.png")
    assert np.array_equal(black, SHARP)
    assert (white == 255).all()


def test_an_animation_is_its_first_frame(tmp_path: Path):
    frames = [Image.fromarray(each) for each in (SHARP, 255 - SHARP, SHARP.T)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(shown(tmp_path / "x.gif"), SHARP)


def test_cmyk_of_a_jpeg_is_what_it_was_made_of(tmp_path: Path):
    ink = Image.fromarray(255 - RAMP)
    blank = Image.new("L", ink.size)
    image = Image.merge("CMYK", [blank, blank, blank, ink]).resize((280, 280))
    image.save(tmp_path / "x.jpg", quality=95)
    assert np.abs(shown(tmp_path / "x.jpg").astype(int) - RAMP)[1:-1, 1:-1].mean() < 6


def test_a_profile_of_screens_or_a_damaged_one_changes_no_pixel(tmp_path: Path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"no profile", None):
        Image.fromarray(RAMP).convert("RGB").save(tmp_path / "x.png", icc_profile=profile)
        assert np.array_equal(shown(tmp_path / "x.png"), RAMP)


def linear_profile() -> bytes:
    """A profile of sRGB's primaries whose curves are straight lines: pixels are light itself."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    for entry in range(count):
        name, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        elif name == b"desc":
            place = data.index("sRGB".encode("utf-16-be"), offset)
            data[place : place + 8] = "mine".encode("utf-16-be")
    return bytes(data)


def test_light_that_is_not_encoded_for_a_screen_looks_brighter(tmp_path: Path):
    middle = np.full((28, 28), 55, np.uint8)  # 21.6 % of the light is half of sRGB's range
    Image.fromarray(middle).convert("RGB").save(tmp_path / "x.png", icc_profile=linear_profile())
    assert np.abs(shown(tmp_path / "x.png").astype(int) - 128).max() <= 2


def test_the_gamma_of_a_png_is_followed(tmp_path: Path):
    middle = np.full((28, 28), 55, np.uint8)
    for gamma, expected in ((1.0, 127), (1 / 2.2, 55)):
        info = PngInfo()
        info.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
        Image.fromarray(middle).save(tmp_path / "x.png", pnginfo=info)
        assert np.abs(shown(tmp_path / "x.png").astype(int) - expected).max() <= 1


def test_proportions_are_kept_and_the_border_s_grey_fills_the_rest(tmp_path: Path):
    wide = np.full((28, 56), 200, np.uint8)
    wide[8:20, 22:34] = 0  # a square of 12 x 12, so 6 x 6 when it is half as wide
    for name, image in (("wide", wide), ("tall", wide.T)):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    seen_wide = shown(tmp_path / "wide.png")
    ink = seen_wide < 100
    assert (ink.any(0).sum(), ink.any(1).sum()) == (6, 6)
    assert (seen_wide[:7] == 200).all()
    assert (seen_wide[21:] == 200).all()
    assert np.array_equal(shown(tmp_path / "tall.png"), seen_wide.T)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (27, 28), (3, 2)])
def test_any_proportions_can_be_read(tmp_path: Path, size: tuple[int, int]):
    Image.new("L", size, 77).save(tmp_path / "x.png")
    assert (shown(tmp_path / "x.png") == 77).all()


def test_a_large_photograph_is_read(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    large = Image.fromarray(noise).resize((5040, 5040), Image.Resampling.NEAREST)
    large.save(tmp_path / "x.jpg")
    expected = np.asarray(large.resize((28, 28), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(shown(tmp_path / "x.jpg") - expected).mean() < 3


def png_of(width: int, height: int, content: bytes = b"") -> bytes:
    """A PNG file that claims a size, whatever it holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(content))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(5000, 5000), (12_000, 12_000), (2**31 - 1, 2**30)])
def test_a_small_file_that_claims_to_be_large_is_refused_before_it_is_decoded(
    tmp_path: Path, width: int, height: int
):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(width, height))
    with pytest.raises(DataError, match=r"bomb.png: expected a readable image, found: .*pixels"):
        seen(path)


def test_a_progressive_jpeg_is_measured_before_it_is_decoded(tmp_path: Path):
    Image.new("L", (4100, 4000)).save(tmp_path / "x.jpg", quality=1, progressive=True)
    with pytest.raises(DataError, match=r"found: 4100x4000 pixels in a file of"):
        seen(tmp_path / "x.jpg")


def test_a_pointer_of_git_lfs_says_what_fetches_the_file(tmp_path: Path):
    path = tmp_path / "x.png"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 340\n")
    with pytest.raises(DataError, match=r"x.png: this is a Git LFS pointer.*`git lfs pull`"):
        seen(path)


def test_a_file_that_cannot_be_opened(tmp_path: Path):
    os.symlink(tmp_path / "gone.png", tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x.png: expected a readable image, found: .*No such file"):
        seen(tmp_path / "x.png")
