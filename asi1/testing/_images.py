"""The fake's replies to image calls, in each JSON format that the service has sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import in_

from .._models.image_data import media_type
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


@frozen(kw_only=True)
class ImageReply:
    """
    A reply with one image.

    Attributes:
        image: The image as bytes, or a URL that is sent in place of the image.
        shape: The shape of the reply.
    """

    image: bytes | str = PIXEL
    shape: str = field(default="images.url", validator=in_(_BODIES))

    def __attrs_post_init__(self) -> None:
        if isinstance(self.image, str) and self.shape == "data.b64_json":
            raise ValueError("shape: data.b64_json has no place for a URL")

    def __call__(self, _: Ask) -> Plan:
        """Return the steps that send the image."""
        if isinstance(self.image, str):
            return json_plan(200, _BODIES[self.shape](self.image, ""))
        encoded = b64encode(self.image).decode()
        kind = media_type(self.image) or "image/png"
        url = f"data:{kind};base64,{encoded}"
        return json_plan(200, _BODIES[self.shape](url, encoded))
