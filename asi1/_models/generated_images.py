"""The images that the model generated, as bytes or as a URL."""

from __future__ import annotations

import html

from base64 import b64encode
from typing import TypeAlias

from attrs import field, frozen

from .._files import FilePath, write_file
from .base import Model
from .base_types import JSON, public
from .errors import ArgumentError, ASI1Error
from .image_data import media_type
from .response import ResponseInfo


__all__ = ["GeneratedImage", "GeneratedImages"]

# The type ``bytes``; inside the classes below, that name is a property.
_Bytes: TypeAlias = bytes


@public
@frozen(kw_only=True)
class GeneratedImage(Model):
    """
    One generated image.

    Attributes:
        data: The image; None if the server sent a URL in place of the image.
        url: The http(s) URL of the image; None if the server sent the image itself.
    """

    data: _Bytes | None = field(default=None, repr=False, metadata={"wire": "b64_json"})
    url: str | None = None

    @property
    def bytes(self) -> _Bytes:
        """
        The image as bytes.

        Raises:
            ASI1Error: The server sent a URL in place of the image. asi1 downloads
                nothing from other servers.
        """
        if self.data is None:
            raise ASI1Error(
                "the server sent a URL in place of the image, which asi1 does not"
                " download: see its url"
            )
        return self.data

    @property
    def b64_json(self) -> str | None:
        """The image in base64, as OpenAI's client has it; None if there is a URL."""
        return None if self.data is None else b64encode(self.data).decode()

    def to_dict(self) -> dict[str, JSON]:
        """Return the image as `Model.to_dict` does, with the data in base64."""
        made = super().to_dict()
        if self.data is not None and made.get("b64_json") is self.data:
            made["b64_json"] = self.b64_json
        return made

    @property
    def media_type(self) -> str | None:
        """The media type, such as image/png; None if it is unknown, as for a URL."""
        return media_type(self.data or b"")

    def save(self, path: FilePath) -> None:
        """
        Write the image to a file, which is replaced if it exists.

        Raises:
            ASI1Error: As for `bytes`.
            ArgumentError: The file cannot be written; the image is still in `bytes`.
        """
        data = self.bytes
        try:
            write_file(path, data)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ArgumentError(
                f"path: cannot write to {path!r:.200} ({reason})", argument="path"
            ) from None

    def _repr_html_(self) -> str:
        """Return the image as HTML for a notebook."""
        source = self.url
        if source is None:
            kind = self.media_type
            if kind is None:
                return "(an image of unknown type)"
            source = f"data:{kind};base64,{b64encode(self.bytes).decode()}"
        return f'<img src="{html.escape(source)}" style="max-width: 100%">'


@public
@frozen(kw_only=True)
class GeneratedImages(Model):
    """
    The reply to an image call. Most replies have one image.

    Attributes:
        images: All images, at least one.
        created: Unix time, in seconds or milliseconds, as the server sent it.
        response: The response metadata: status, headers, attempts, times.
    """

    images: tuple[GeneratedImage, ...] = field(default=(), metadata={"wire": "data"})
    created: int | None = None
    response: ResponseInfo = field(factory=ResponseInfo, eq=False, repr=False)

    @property
    def bytes(self) -> _Bytes:
        """The first image as bytes: see `GeneratedImage.bytes`."""
        return self.images[0].bytes

    @property
    def url(self) -> str | None:
        """The http(s) URL of the first image; None if the server sent the image."""
        return self.images[0].url

    @property
    def media_type(self) -> str | None:
        """The media type of the first image: see `GeneratedImage.media_type`."""
        return self.images[0].media_type

    def save(self, path: FilePath) -> None:
        """Write the first image to a file: see `GeneratedImage.save`."""
        self.images[0].save(path)

    def _repr_html_(self) -> str:
        """Return all images as HTML for a notebook."""
        return "\n".join(image._repr_html_() for image in self.images)
