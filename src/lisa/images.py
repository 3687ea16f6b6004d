"""Pictures in: any source a person has → an upright RGB array. Every failure is a `BadImage`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from lisa.errors import BadImage, shown
from lisa.files import expanded
from lisa.types import Image

MAX_PIXELS = 100_000_000
"""The default limit; `max_pixels=` or `--max-pixels` raises it."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF")
"""Formats that are opened. Others that Pillow knows start programs or match almost any file."""

ImageSource = str | os.PathLike[str] | bytes | PIL.Image.Image | NDArray[np.generic]

_URL = re.compile(r"(?i)([a-z][a-z0-9+.\-]+://|data:image/)")
_MIN_FILE_LIMIT = 1 << 30


def open_image(source: ImageSource, *, max_pixels: int = MAX_PIXELS) -> Image:
    """A picture as RGB `[H, W, 3]` uint8, contiguous and upright.

    EXIF orientation is applied, transparency is laid over white, palettes, CMYK and 1-bit pictures are converted,
    16-bit and float pictures are scaled to 0–255, and of an animation the first frame is taken.

    Args:
        source: a path, the bytes of a file, a PIL image, or an array `[H, W]`, `[H, W, 1]`, `[H, W, 3]`, `[H, W, 4]`
            (bool, uint8, uint16, or floats from 0 to 1; a fourth channel is alpha).
        max_pixels: the largest H × W, checked before anything is decoded.

    Raises:
        BadImage: it cannot be read, is no picture, or is larger than `max_pixels`.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, PIL.Image.Image):
        return _decode(source, "the picture", max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _read(io.BytesIO(source), "these bytes", max_pixels)
    if isinstance(source, str | os.PathLike):
        return _from_path(source, max_pixels)
    raise BadImage(f"a picture cannot be a {type(source).__name__}: give a path, bytes, a PIL image or an array")


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture file as `open_image` gives it, read from its header. Raises BadImage."""
    name = shown(path)
    try:
        with path.open("rb") as file, _as_bad_image(name):
            picture = _identify(file, name)
            turned = _orientation(picture) in (5, 6, 7, 8)  # lying on its side
    except OSError as error:
        raise BadImage(f"{name} cannot be read ({error.strerror or error}): check the path and its rights") from error
    return (picture.width, picture.height) if turned else (picture.height, picture.width)


def _from_path(source: str | os.PathLike[str], max_pixels: int) -> Image:
    text = os.fsdecode(source)
    name = shown(text)
    if _URL.match(text):
        raise BadImage(f"{name} is a web address: download the picture first and give the path of the file")
    if not text.strip() or "\0" in text:
        raise BadImage(f"the picture's path {name} is no file name: give the path of a PNG or JPEG file")
    path = expanded(text)
    try:
        about = path.stat()
        _check_file(about, name, max_pixels)
        with path.open("rb") as file:
            return _read(file, name, max_pixels)
    except FileNotFoundError as error:
        raise BadImage(f"there is no file {name}: check the path, it is read from {shown(Path.cwd())}") from error
    except OSError as error:
        raise BadImage(f"{name} cannot be read ({error.strerror or error}): check the path and its rights") from error


def _check_file(about: os.stat_result, name: str, max_pixels: int) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise BadImage(f"{name} is a folder: give the path of one picture in it")
    if not stat.S_ISREG(about.st_mode):
        raise BadImage(f"{name} is a device or pipe, not a file: save the picture to a file first")
    if about.st_size == 0:
        raise BadImage(f"{name} is empty (0 bytes): copy or download it again")
    limit = max(_MIN_FILE_LIMIT, 16 * max_pixels)
    if about.st_size > limit:
        raise BadImage(f"{name} has {about.st_size:,} bytes, over {limit:,}: give a smaller picture")


def _read(file: BinaryIO, name: str, max_pixels: int) -> Image:
    with _as_bad_image(name):
        picture = _identify(file, name)
    return _decode(picture, name, max_pixels)


def _identify(file: BinaryIO, name: str) -> PIL.Image.Image:
    """Pillow's reader of the file, header only.

    The readers are asked one by one instead of through `PIL.Image.open`, whose own pixel limit is a global.
    """
    PIL.Image.init()
    prefix = file.read(16)
    if not prefix:
        raise BadImage(f"{name} is empty (0 bytes): copy or download it again")
    for format_name in FORMATS:
        factory, accept = PIL.Image.OPEN.get(format_name, (None, None))
        answer = True if accept is None else accept(prefix)
        # an answer in words means: known, but this Pillow was built without it
        if factory is None or not answer or isinstance(answer, str):
            continue
        file.seek(0)
        with contextlib.suppress(Exception):
            return factory(file, "")
    raise BadImage(f"{name} is no picture that can be read, or is damaged: save it as PNG or JPEG and try again")


@contextlib.contextmanager
def _as_bad_image(name: str) -> Iterator[None]:
    """Decoders raise nearly any exception on hostile files; here each becomes one sentence."""
    try:
        yield
    except BadImage:
        raise
    except MemoryError as error:
        raise BadImage(f"{name} does not fit in the memory: give a smaller picture") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise BadImage(f"{name} is damaged or cut off ({reason}): copy it again or save it as PNG") from error


def _decode(picture: PIL.Image.Image, name: str, max_pixels: int) -> Image:
    with _as_bad_image(name):
        width, height = picture.size
        _check_size(height, width, name, max_pixels)
        picture.load()
        _check_size(picture.height, picture.width, name, max_pixels)
        return np.ascontiguousarray(_to_rgb(_upright(picture), name))


def _check_size(height: int, width: int, name: str, max_pixels: int) -> None:
    if height < 1 or width < 1:
        raise BadImage(f"{name} has no pixels ({width} × {height}): give another picture")
    if height * width > max_pixels:
        raise BadImage(
            f"{name} has {width:,} × {height:,} pixels, over the limit of {max_pixels:,}: "
            f"make it smaller, or raise --max-pixels (max_pixels=) if the memory allows"
        )


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        return picture.getexif().get(0x0112, 1)
    except Exception:  # as below
        return 1


def _upright(picture: PIL.Image.Image) -> PIL.Image.Image:
    try:
        return PIL.ImageOps.exif_transpose(picture)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return picture


def _to_rgb(picture: PIL.Image.Image, name: str) -> Image:
    if picture.mode.startswith(("I", "F")):
        gray = _scale_depth(np.asarray(picture), picture.mode, name)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return np.asarray(PIL.Image.alpha_composite(white, picture).convert("RGB"))
    return np.asarray(picture.convert("RGB"))


def _scale_depth(values: NDArray[np.generic], mode: str, name: str) -> NDArray[np.uint8]:
    """Gray levels deeper than 8 bit → 0–255.

    16-bit files span 0–65535. Of 32-bit integers and floats the file does not say the range: it is taken as 0–1
    (floats), 0–255 or 0–65535, whichever is the first to hold all values, else as from the least to the largest.
    """
    if mode.startswith("I;16"):
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise BadImage(f"{name} holds values that are not numbers (NaN or infinite): save it as 8-bit PNG")
    low, high = float(numbers.min()), float(numbers.max())
    tops = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    top = next((t for t in tops if low >= 0 and high <= t), None)
    if top is None:
        low, top = low, max(high - low, 1e-12)
        numbers = numbers - low
    return np.rint(numbers * (255.0 / top)).clip(0, 255).astype(np.uint8)


def _from_array(array: NDArray[np.generic], max_pixels: int) -> Image:
    name = f"the array {list(array.shape)} {array.dtype}"
    _check_array_shape(array, name)
    _check_size(array.shape[0], array.shape[1], name, max_pixels)
    values = _array_to_uint8(array, name)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    if values.shape[2] == 4:
        alpha = values[:, :, 3:].astype(np.uint32)
        over_white = values[:, :, :3] * alpha + 255 * (255 - alpha)
        values = ((over_white + 127) // 255).astype(np.uint8)
    # a copy, so that a later change of the caller's array changes no result
    return np.array(values, dtype=np.uint8, order="C", copy=True)


def _check_array_shape(array: NDArray[np.generic], name: str) -> None:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        return
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        raise BadImage(f"{name} has its channels first: give image.transpose(1, 2, 0)")
    if array.ndim == 4 and array.shape[0] == 1:
        raise BadImage(f"{name} is a batch of one: give image[0]")
    raise BadImage(f"{name} is no picture: its shape must be [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")


def _array_to_uint8(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise BadImage(f"{name} has a type that pictures do not have: give uint8, as from image.astype(np.uint8)")
    values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise BadImage(f"{name} holds NaN or infinite values: replace them, as with np.nan_to_num(image)")
    if values.min() < 0 or values.max() > 1:
        raise BadImage(f"{name} has values from {values.min():g} to {values.max():g}: floats go from 0 to 1, so divide")
    return np.rint(values * 255).astype(np.uint8)
