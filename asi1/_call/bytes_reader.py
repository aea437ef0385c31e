"""Reads the reply of an endpoint for which asi1 has no method, as raw bytes."""

from __future__ import annotations

from attrs import define, field

from .._models.errors import APIResponseError
from .._models.raw import QUOTED, RawReply
from .._models.response import ResponseInfo
from .._transport.transport import Reply
from .reply_reader import Body, ReplyReader


__all__ = ["BytesReader"]


@define(eq=False)
class BytesReader(ReplyReader[RawReply]):
    """Reads a reply's body as bytes, without parsing them."""

    _content: bytes = field(init=False)

    def result(self, info: ResponseInfo) -> list[RawReply]:
        """Return a list of one item: the body with its response metadata."""
        reply = RawReply(content=self._content, response=info)
        # An error quotes at most `QUOTED` characters of the body. A character has at
        # most 4 bytes in UTF-8, so 8 bytes per character are more than enough.
        text = self._content[: 8 * QUOTED].decode("utf-8", "replace")
        if self.key.may_be_in(text):
            # `RawReply.json` quotes ``_quote`` in its error, since the body contains
            # the key.
            object.__setattr__(reply, "_quote", self.key.excerpt(text, QUOTED))
        return [reply]

    async def read(self, reply: Reply) -> None:
        """
        Read the reply, as `ReplyReader.read` does.

        Raises:
            APIResponseError: Also if the compressed body was cut off: no parser follows
                that could notice it.
        """
        await super().read(reply)
        if reply.cut:
            raise APIResponseError("the reply's compressed body is cut off")

    async def _read_body(self, pieces: Body) -> None:
        self._content = await self._rest(pieces, b"")
