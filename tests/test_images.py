from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lisa import load
from lisa.errors import BadImage
from lisa.images import open_image

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(picture: PIL.Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + body + struct.pack(">I", zlib.crc32(b"IHDR" + body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def test_every_kind_of_source_gives_the_same_pixels(tmp_path):
    picture = PIL.Image.fromarray(PIXELS)
    path = tmp_path / "ä b.png"
    picture.save(path)
    for source in (path, str(path), path.read_bytes(), picture, PIXELS, PIXELS / 255.0):
        image = open_image(source)
        assert image.dtype == np.uint8 and image.flags.c_contiguous
        np.testing.assert_array_equal(image, PIXELS)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "WEBP", "GIF", "JPEG", "JPEG2000", "AVIF"])
def test_other_formats(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    flat = PIL.Image.new("RGB", (9, 6), (200, 60, 20))
    image = open_image(encoded(flat, kind, **options))
    assert image.shape == (6, 9, 3)
    assert np.abs(image.astype(int) - (200, 60, 20)).max() <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    picture = PIL.Image.fromarray(PIXELS)
    exif = picture.getexif()
    exif[0x0112] = orientation
    upright = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: PIXELS.transpose(1, 0, 2)[:, ::-1],
        7: PIXELS.transpose(1, 0, 2)[::-1, ::-1],
        8: PIXELS.transpose(1, 0, 2)[::-1],
    }[orientation]
    np.testing.assert_array_equal(open_image(encoded(picture, exif=exif)), upright)


def test_transparency_lies_over_white():
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = 0, 128, 255
    for source in (rgba, encoded(PIL.Image.fromarray(rgba))):
        np.testing.assert_allclose(open_image(source)[0, :, 0].astype(int), [255, 127, 0], atol=1)
    gray = PIL.Image.fromarray(rgba[:, :, [0, 3]], "LA")
    np.testing.assert_allclose(open_image(encoded(gray))[0, :, 0].astype(int), [255, 127, 0], atol=1)
    palette = PIL.Image.new("P", (2, 1), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    image = open_image(encoded(palette, transparency=0))
    assert image.tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_palette_one_bit_and_cmyk():
    bits = PIL.Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert open_image(encoded(bits)).tolist() == [[[0] * 3, [255] * 3]]
    image = open_image(encoded(PIL.Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert image[0, 0, 0] > 240 and image[0, 0, 1:].max() < 15


def test_deep_gray():
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    for source in (encoded(PIL.Image.fromarray(values)), encoded(PIL.Image.fromarray(values), "TIFF"), values):
        assert open_image(source)[0, :, 0].tolist() == [0, 1, 128, 255]
    whole = PIL.Image.fromarray(np.array([[0, 65535]], np.int32))
    assert open_image(encoded(whole, "TIFF"))[0, :, 0].tolist() == [0, 255]
    for top in (1.0, 255.0, 65535.0):
        floats = PIL.Image.fromarray(np.array([[0, top / 2, top]], np.float32))
        assert open_image(encoded(floats, "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    below = PIL.Image.fromarray(np.array([[-5, 5]], np.float32))
    assert open_image(below)[0, :, 0].tolist() == [0, 255]
    with pytest.raises(BadImage, match="NaN"):
        open_image(PIL.Image.fromarray(np.array([[np.nan, 1]], np.float32)))


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([None, 1, 3, 4]), st.sampled_from("?BHfd"))
def test_arrays_of_all_kinds(height, width, channels, kind):
    shape = (height, width) if channels is None else (height, width, channels)
    raw = np.random.default_rng(1).random(shape)
    array = (raw * {"B": 255, "H": 65535, "?": 2}.get(kind, 1)).astype(kind)
    before = array.copy()
    image = open_image(array)
    assert image.shape == (height, width, 3) and image.dtype == np.uint8
    image[:] = 0
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "hint"),
    [
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), 7.0), "0 to 1"),
        (np.full((2, 2), -0.5), "0 to 1"),
        (np.zeros((2, 2), np.int64), "astype"),
        (np.zeros((3, 20, 20), np.uint8), "transpose"),
        (np.zeros((1, 20, 20, 3), np.uint8), r"image\[0\]"),
        (np.zeros((4,), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (np.zeros((2, 2), "U3"), "type"),
        (np.zeros((2, 2), complex), "type"),
    ],
)
def test_arrays_that_are_no_pictures(array, hint):
    with pytest.raises(BadImage, match=hint):
        open_image(array)


def test_thin_pictures():
    assert open_image(np.zeros((1, 1), np.uint8)).shape == (1, 1, 3)
    assert open_image(encoded(PIL.Image.new("L", (20_000, 1)))).shape == (1, 20_000, 3)


def test_size_limit_is_checked_in_the_header_and_can_be_raised():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadImage, match="--max-pixels"):
            open_image(png_header(60_000, 60_000))
        with pytest.raises(BadImage, match="--max-pixels"):
            open_image(PIXELS, max_pixels=10)
        # above Pillow's own limit, under ours
        big = encoded(PIL.Image.new("1", (10_000, 9_500)))
        assert open_image(big).shape == (9_500, 10_000, 3)
    assert PIL.Image.MAX_IMAGE_PIXELS is not None


def test_every_way_to_ask_takes_a_size_limit():
    model = load("tiny", device="cpu")
    for ask in (
        lambda: model.encode(PIXELS, max_pixels=10),
        lambda: model.segment(PIXELS, "x", max_pixels=10),
        lambda: model.segment_batch([PIXELS], ["x"], max_pixels=10),
        lambda: model.chat(PIXELS, max_pixels=10),
    ):
        with pytest.raises(BadImage, match="max_pixels="):
            ask()


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("missing.png", None, "no file"),
        ("empty.png", b"", "empty"),
        ("text.png", b"this is no picture at all", "no picture"),
        ("zip.jpg", b"PK\x03\x04" + bytes(100), "no picture"),
        ("cut.png", encoded(PIL.Image.fromarray(RNG.integers(0, 256, (50, 50, 3), dtype=np.uint8)))[:3000], "cut off"),
        (
            "cut.jpg",
            encoded(PIL.Image.fromarray(RNG.integers(0, 256, (90, 90, 3), dtype=np.uint8)), "JPEG")[:2000],
            "cut",
        ),
        ("head.png", b"\x89PNG\r\n\x1a\n", "no picture"),
    ],
)
def test_bad_files(tmp_path, name, content, hint):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImage, match=hint) as caught:
        open_image(path)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_renamed_pictures_open(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(PIL.Image.fromarray(PIXELS)))
    np.testing.assert_array_equal(open_image(path), PIXELS)


@pytest.mark.parametrize("source", ["", "  ", "a\0b", "https://example.org/a.png", "s3://a/b.png", None, 7, [1, 2]])
def test_sources_that_are_none(source):
    with pytest.raises(BadImage):
        open_image(source)


def test_folders_pipes_and_giant_files(tmp_path):
    with pytest.raises(BadImage, match="folder"):
        open_image(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadImage, match="pipe"):
        open_image(tmp_path / "pipe.png")
    with (tmp_path / "giant.png").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(BadImage, match="bytes"):
        open_image(tmp_path / "giant.png")
    with pytest.raises(BadImage):
        open_image(Path("/dev/zero"))
    with pytest.raises(BadImage):
        open_image("x" * 5000)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_damage_is_a_bad_image_or_a_picture(junk, place):
    whole = encoded(PIL.Image.fromarray(PIXELS))
    damaged = whole[:place] + junk + whole[place + len(junk) :]
    try:
        assert open_image(damaged, max_pixels=1_000_000).shape[2] == 3
    except BadImage as error:
        assert "\n" not in str(error)
