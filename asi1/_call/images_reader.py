"""Reads the reply of an image call."""

from __future__ import annotations

from contextlib import suppress

import attrs

from attrs import define, field

from .._models.base import as_sent
from .._models.base_types import JSON
from .._models.errors import APIResponseError
from .._models.generated_images import GeneratedImages
from .._models.json_steps import loader_in_steps
from .._models.response import ResponseInfo
from .._protocol.image_calls import images_of
from .._protocol.reply import BOM
from .._transport.event_loop import run_in_turns
from .reply_reader import Body, ReplyReader


__all__ = ["ImagesReader"]

# If a body is not JSON, the error about it shows at most this many characters.
_QUOTED = 64 * 1024


@define(eq=False)
class ImagesReader(ReplyReader[GeneratedImages]):
    """Reads a reply's body as images, in any of the server's formats."""

    _images: GeneratedImages | None = field(default=None, init=False)

    @property
    def whole(self) -> bool:
        """Whether all images have arrived."""
        return self._images is not None

    def result(self, info: ResponseInfo) -> list[GeneratedImages]:
        """Return a list of one item: the images with their response metadata."""
        images = self._images or GeneratedImages()
        return [as_sent(attrs.evolve(images, response=info), images)]

    async def _read_body(self, pieces: Body) -> None:
        body = await self._rest(pieces, b"")
        if self._images is not None:
            return
        try:
            self._images = images_of(self.info, await self._value(body), self.key)
        except APIResponseError as error:
            self._set_wait(error)
            raise

    async def _read_early(self, body: bytes) -> bool:
        with suppress(APIResponseError):
            self._images = images_of(self.info, await self._value(body), self.key)
        return self._images is not None

    async def _value(self, body: bytes) -> JSON:
        data = body.removeprefix(BOM)
        load = await run_in_turns(loader_in_steps(data))
        try:
            return load(data)
        except ValueError:
            text = body.decode("utf-8", "replace").strip()
            return self.key.excerpt(text, _QUOTED) or None
