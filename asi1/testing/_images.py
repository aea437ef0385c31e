"""The fake's replies to image calls, in each JSON format that the service has sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from .._models.image_data import media_type
from .._settings.validators import or_none
from ._checks import encodable, one_of, valid
from ._plan import Plan
from ._replies import json_plan
from ._request import Ask


__all__ = ["PIXEL", "ImageReply", "ImageShape"]

ImageShape: TypeAlias = Literal[
    "images.url", "images", "data.b64_json", "data.url", "image_url", "url"
]

# A GIF of one pixel.
PIXEL = (
    b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0"
    b"\2\1D\0;"
)
_BODIES: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    "images.url": lambda url, _: {
        "status": 1,
        "message": "Success",
        "created": 1_740_000_000_000,
        "images": [{"url": url}],
    },
    "images": lambda url, _: {"images": [url]},
    "data.b64_json": lambda _, encoded: {"data": [{"b64_json": encoded}]},
    "data.url": lambda url, _: {"created": 1_740_000_000, "data": [{"url": url}]},
    "image_url": lambda url, _: {"image_url": url},
    "url": lambda url, _: {"url": url},
}


def _image(value: Any) -> str | None:
    if isinstance(value, bytes):
        return None
    problem = encodable(value)
    return problem and f"{problem}, or bytes"


_shape = or_none(one_of(*_BODIES))


@frozen(kw_only=True)
class ImageReply:
    """
    A reply with one image.

    Attributes:
        image: The image as bytes, or a URL that is sent in place of the image.
        shape: The format of the reply's JSON; None for the format of the fake's
            generation.
    """

    image: bytes | str = field(default=PIXEL, validator=valid(_image, str))
    shape: str | None = field(default=None, validator=valid(_shape, str))

    def __attrs_post_init__(self) -> None:
        if isinstance(self.image, str) and self.shape == "data.b64_json":
            raise ValueError("shape: data.b64_json has no place for a URL")

    def __call__(self, context: Ask) -> Plan:
        """Return the steps that send the image."""
        image, encoded = self.image, ""
        body = _BODIES[self.shape or self._usual(context)]
        if isinstance(image, bytes):
            encoded = b64encode(image).decode()
            image = f"data:{media_type(image) or 'image/png'};base64,{encoded}"
        return json_plan(200, body(image, encoded))

    def _usual(self, context: Ask) -> str:
        if context.generation != "2026":
            return "images.url"
        return "data.url" if isinstance(self.image, str) else "data.b64_json"
