"""
Turns images into URLs for a request: a file or bytes become a ``data:`` URL.

The media type is found from the first bytes of an image, not from its file name.
"""

from __future__ import annotations

import os
import re

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from .._files import FilePath, read_file
from .base_types import JSON
from .errors import ArgumentError


__all__ = [
    "Image",
    "Parts",
    "image_urls",
    "media_type",
    "size_without_images",
    "with_images",
]

# A path, the bytes of an image, or a URL: a str that begins with https:, http: or data:
Image: TypeAlias = FilePath | bytes | bytearray | memoryview
# The content of a message, as the API expects it.
_Content: TypeAlias = str | Sequence[Mapping[str, JSON]]
# The type of the function `with_images`.
Parts: TypeAlias = Callable[[_Content, Iterable[str]], _Content]

# Maximum bytes of one image. ASI-1 documents no limit; a larger image is probably a
# mistake, and its request would be refused only after a long upload.
_MOST = 20 * 1024 * 1024
_URL = re.compile(r"(?:https?|data):", re.IGNORECASE)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_EMBEDDED = re.compile(rb"data:image/[^;\"]{1,40};base64,([A-Za-z0-9+/=]+)")


def media_type(data: bytes) -> str | None:
    """Return the media type of an image, from its first bytes; None if unknown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def image_urls(images: Iterable[Image]) -> tuple[str, ...]:
    """
    Return the URL of each image; files are read.

    Raises:
        ArgumentError: An image is invalid; its ``argument`` names it: ``images[0]``.
    """
    if isinstance(images, str | bytes | bytearray | memoryview | os.PathLike):
        raise ArgumentError(
            "images: must be a list, also for one image", argument="images"
        )
    try:
        listed = list(images)
    except TypeError:
        problem = f"images: must be a list (it is {type(images).__name__})"
        raise ArgumentError(problem, argument="images") from None
    return tuple(_url(f"images[{at}]", image) for at, image in enumerate(listed))


def _url(argument: str, image: object) -> str:
    if isinstance(image, str) and _URL.match(image):
        return image
    data = _data(argument, image)
    if not data:
        raise ArgumentError(f"{argument}: is empty", argument=argument)
    if len(data) > _MOST:
        size = f"has {len(data):,} bytes" if not _is_path(image) else "is too large"
        raise ArgumentError(
            f"{argument}: {size}; an image may have at most {_MOST:,} bytes (20 MiB)",
            argument=argument,
        )
    kind = media_type(data)
    if kind is None:
        raise ArgumentError(
            f"{argument}: is not a PNG, JPEG, GIF or WebP image; pass any other format"
            " as a data: URL",
            argument=argument,
        )
    return f"data:{kind};base64,{b64encode(data).decode()}"


def _data(argument: str, image: object) -> bytes:
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if not isinstance(image, str | os.PathLike):
        raise ArgumentError(
            f"{argument}: must be a path, bytes or a URL (it is"
            f" {type(image).__name__})",
            argument=argument,
        )
    if not image:
        raise ArgumentError(f"{argument}: is an empty path", argument=argument)
    try:
        return read_file(image, _MOST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(
            f"{argument}: cannot be read from {os.fspath(image)!r:.200} ({reason})",
            argument=argument,
        ) from None


def _is_path(image: object) -> bool:
    return isinstance(image, str | os.PathLike)


def with_images(content: _Content, urls: Iterable[str]) -> _Content:
    """Return *content* as a list of parts, followed by one part for each image URL."""
    text = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*text, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]


def size_without_images(body: bytes) -> int:
    """Return the size of *body* in bytes, not counting the images in ``data:`` URLs."""
    return len(body) - sum(len(found[1]) for found in _EMBEDDED.finditer(body))
