"""image: what a viewer shows of a file is what is read, in every form that people have."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from core.image_files import png_chunk, png_of, read_in_memory, tiff_of
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


@pytest.mark.parametrize(
    "note", ["BMW pictures", "P1 is the first", "P6 people", "qoif", "\0\0\1\0"]
)
def test_notes_that_begin_as_an_image_does_are_none(tmp_path: Path, note: str):
    for name in ("README.txt", "notes", "x.png"):
        (tmp_path / name).write_text(f"{note} of my class")
    assert seen(tmp_path / "README.txt") is None
    assert seen(tmp_path / "notes") is None
    with pytest.raises(DataError, match=r"x.png: expected a readable image, found"):
        seen(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file; copy or download it again"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC image, .*; save it as PNG or JPEG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC image"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF image, which is damaged or .*; save it as PNG"),
        (b"\n <!DOCTYPE HTML><p>Not found", "a web page; download the image itself"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (b"%PDF-1.7", "a PDF document; save its pages as PNG"),
        (b"<?xml", r"bytes that begin with b'<\?xml'; replace or remove the file"),
    ],
)
def test_what_is_called_an_image_and_is_none_is_told(tmp_path: Path, content: bytes, words: str):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(DataError, match=f"x.jpg: expected .* found no image data but {words}"):
        seen(tmp_path / "x.jpg")


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


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("white", [0, 1])
def test_grey_of_a_tiff_goes_from_black_to_white_however_it_is_stored(
    tmp_path: Path, bits: int, white: int
):
    levels = RAMP.astype(int) * (2**bits - 1) // 255
    stored = levels if white else 2**bits - 1 - levels
    if bits == 12:  # two pixels are 3 bytes
        left, right = stored.reshape(-1, 2).T
        packed = np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], 1)
        content = packed.astype(np.uint8).tobytes()
    else:
        content = stored.astype(f"<u{bits // 8}").tobytes()
    (tmp_path / "x.tif").write_bytes(tiff_of((28, 28), content, bits, white))
    if (bits, white) == (12, 0):
        with pytest.raises(DataError, match="no image data"):
            seen(tmp_path / "x.tif")
    else:
        assert np.abs(shown(tmp_path / "x.tif").astype(int) - RAMP).max() <= (bits == 12)


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


@pytest.mark.parametrize(("bits", "kind"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2)])
def test_a_clear_level_is_one_of_those_that_the_png_has(tmp_path: Path, bits: int, kind: int):
    channels = 3 if kind == 2 else 1
    levels = 2**bits - 1
    extra = png_chunk(b"tRNS", struct.pack(">H", levels) * channels)  # white is clear
    row = b"\0" + bytes(channels * bits) + b"\xff" * channels * bits  # 8 pixels of each
    (tmp_path / "x.png").write_bytes(png_of((16, 16), row * 16, bits, kind, extra))
    black, white = grounds(tmp_path / "x.png")
    assert (black == 0).all()
    assert (white[:, :13] == 0).all()
    assert (white[:, 15:] == 255).all()


def test_a_clear_level_of_16_bits_is_no_other_of_the_same_8_bits(tmp_path: Path):
    pixels = np.full((28, 28), 0x40FF, np.uint16)
    pixels[:14] = 0x4000
    Image.fromarray(pixels).save(tmp_path / "x.png", transparency=0x4000)
    black, white = grounds(tmp_path / "x.png")
    assert (black[:14] == 0).all()
    assert (white[:14] == 255).all()
    assert (black[14:] == 65).all()
    assert (white[14:] == 65).all()


def test_a_clear_colour_of_16_bits_is_found_in_the_8_that_are_left_of_it(tmp_path: Path):
    extra = png_chunk(b"tRNS", b"\x40\x00" * 3)
    row = b"\0" + b"\x40\x00" * 3 * 4 + b"\x80\x00" * 3 * 4  # 4 pixels of each
    (tmp_path / "x.png").write_bytes(png_of((8, 8), row * 8, 16, 2, extra))
    _, white = grounds(tmp_path / "x.png")
    assert (white[:, :12] == 255).all()
    assert (white[:, 17:] == 128).all()


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


def linear_profile(grey: bool, name: str) -> bytes:
    """A profile, for grey or of sRGB's primaries, whose curves are straight lines: light itself."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    for entry in range(count):
        tag, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * entry)
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            data[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        elif tag == b"desc":
            place = data.index("sRGB".encode("utf-16-be"), offset)
            data[place : place + 8] = name.encode("utf-16-be")
        if grey and tag == b"rTRC":
            data[132 + 12 * entry : 136 + 12 * entry] = b"kTRC"
    if grey:
        data[16:20] = b"GRAY"
    return bytes(data)


MIDDLE = np.full((28, 28), 55, np.uint8)  # 21.6 % of the light is half of sRGB's range
DEEP = MIDDLE.astype(np.uint16) * 257


# Many linear profiles have sRGB in their names: `GIMP built-in Linear sRGB`.
@pytest.mark.parametrize("name", ["mine", "sRGB"])
@pytest.mark.parametrize(
    ("pixels", "ending"),
    [(MIDDLE, "png"), (DEEP, "png"), (DEEP, "tif"), (np.stack([MIDDLE] * 3, 2), "png")],
    ids=["8 bits", "16 bits", "16 bits of TIFF", "colours"],
)
def test_light_that_is_not_encoded_for_a_screen_looks_brighter(
    tmp_path: Path, pixels: np.ndarray, ending: str, name: str
):
    path = tmp_path / f"x.{ending}"
    Image.fromarray(pixels).save(path, icc_profile=linear_profile(pixels.ndim == 2, name))
    assert np.abs(shown(path).astype(int) - 128).max() <= 2


@pytest.mark.parametrize("pixels", [MIDDLE, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize(("gamma", "expected"), [(1.0, 127), (1 / 2.2, 55)])
def test_the_gamma_of_a_png_is_followed(tmp_path, pixels: np.ndarray, gamma: float, expected: int):
    info = PngInfo()
    info.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
    Image.fromarray(pixels).save(tmp_path / "x.png", pnginfo=info)
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


@pytest.mark.parametrize(("width", "height"), [(5000, 5000), (12_000, 12_000), (2**31 - 1, 2**30)])
def test_a_small_file_that_claims_to_be_large_is_refused_before_it_is_decoded(
    tmp_path: Path, width: int, height: int
):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of((width, height)))
    with pytest.raises(DataError, match=r"bomb.png: expected a readable image, found: .*pixels"):
        seen(path)


def test_a_progressive_jpeg_is_measured_before_it_is_decoded(tmp_path: Path):
    Image.new("L", (4100, 4000)).save(tmp_path / "x.jpg", quality=1, progressive=True)
    with pytest.raises(DataError, match=r"found: 4100x4000 pixels in a file of"):
        seen(tmp_path / "x.jpg")


def test_a_side_is_measured_before_an_image_is_decoded(tmp_path: Path):
    for size in ((1, 65_536), (65_536, 1)):
        (tmp_path / "x.png").write_bytes(png_of(size))
        with pytest.raises(DataError, match=r"found: .* a side may have 1 to 65,535"):
            seen(tmp_path / "x.png")


# --- memory -----------------------------------------------------------------------------------

# What docs/trust.md says that a small file may take: with most formats, and with those whose
# decoders hold several copies.
MOST, SEVERAL = 140_000_000, 400_000_000
LARGE = (4000, 4000)
TURNED = Image.Exif()
TURNED[0x0112] = 6
COPIES = {
    "rgba.webp": ("RGBA", {"lossless": True, "method": 0}),
    "rgba.avif": ("RGBA", {"speed": 10}),
    "rgba.jp2": ("RGBA", {}),
    "progressive.jpg": ("CMYK", {"progressive": True}),
}
PLAIN = {
    "16.png": ("I;16", {}),
    "clear.png": ("RGB", {"transparency": (0, 0, 0)}),
    "turned.png": ("RGBA", {"exif": TURNED}),
    "cmyk.jpg": ("CMYK", {}),
    "palette.gif": ("P", {}),
    "rgba.tif": ("RGBA", {"compression": "tiff_deflate"}),
}


def icon(image: bytes) -> bytes:
    """An icon that claims to be of 16 x 16."""
    place = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(image), 22)
    return b"\0\0\1\0\1\0" + place + image


@pytest.mark.slow
def test_an_image_takes_20_times_its_file_or_what_a_small_one_may_take(tmp_path: Path):
    most = {}
    for limit, files in ((MOST, PLAIN), (SEVERAL, COPIES)):
        for name, (mode, options) in files.items():
            Image.new(mode, LARGE).save(tmp_path / name, **options)
            most[name] = limit
    made = {
        "white0.tif": tiff_of(LARGE, bytes(32_000_000), 16, 0),
        "12.tif": tiff_of(LARGE, bytes(24_000_000), 12),
        "16.pgm": b"P5 4000 4000 65535\n" + bytes(32_000_000),
        "wide.png": png_of((65_535, 244), bytes(244 * (4 * 65_535 + 1))),
    }
    refused = {
        "tile.tif": tiff_of((16, 16), bytes(10_000 * 10_000), tile=(10_000, 10_000)),
        "line.png": png_of((16_000_000, 1), bytes(16_000_001), kind=0),
        "bomb.png": png_of((8000, 8000), bytes(8000 * 8001), kind=0),
    }
    for name, content in (made | refused).items():
        (tmp_path / name).write_bytes(content)
        most[name] = MOST
    (tmp_path / "bomb.ico").write_bytes(icon(png_of((8000, 8000), bytes(8000 * 8001), kind=0)))
    most["bomb.ico"] = SEVERAL
    found = read_in_memory(*(tmp_path / name for name in most))
    for (message, grown), (name, limit) in zip(found, most.items(), strict=True):
        if name in refused or name == "bomb.ico":
            assert "pixels" in message, name
        else:
            assert message == "read", name
        assert grown <= max(limit, 20 * (tmp_path / name).stat().st_size), name


def test_a_pointer_of_git_lfs_says_what_fetches_the_file(tmp_path: Path):
    path = tmp_path / "x.png"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 340\n")
    with pytest.raises(DataError, match=r"x.png: this is a Git LFS pointer.*`git lfs pull`"):
        seen(path)


def test_a_file_that_cannot_be_opened(tmp_path: Path):
    os.symlink(tmp_path / "gone.png", tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x.png: expected a readable image, found: .*No such file"):
        seen(tmp_path / "x.png")
