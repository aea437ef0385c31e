"""Sends the requests of a call, and takes a copy of the reply for the cache."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from attrs import define, field

from .._protocol.cached_answer import KeptReply, pack
from .._protocol.request import Request
from .._settings.secret import Secret
from .._transport.transport import Reply, Transport
from .reply_reader import Body


__all__ = ["Recorder", "TakenReply"]

# Maximum bytes of a body that is kept for the cache, in addition to the answer itself.
_MOST = 16 * 1024 * 1024


@define
class TakenReply:
    """
    The reply of an attempt, as far as it was read.

    Attributes:
        dropped: Whether the body is too large to keep.
    """

    status: int
    headers: Mapping[str, str]
    size: int = 0
    dropped: bool = False
    _pieces: list[bytes] = field(factory=list)

    def add(self, piece: bytes) -> None:
        """Add the next bytes of the body."""
        self.size += len(piece)
        if self.size > _MOST:
            self.dropped = True
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def packed(self, key: Secret) -> bytes | None:
        """Return the reply as bytes; None if they would contain the API key."""
        data = b"".join(self._pieces)
        if key.may_be_in(data.decode("utf-8", "replace")):
            return None
        return pack(KeptReply(self.status, self.headers, data))


@define(eq=False)
class Recorder(Transport):
    """
    Sends the requests of one call, and takes a copy of the last reply.

    Attributes:
        taken: The last reply; None before the first.
    """

    taken: TakenReply | None = field(default=None, init=False)

    async def send(
        self,
        request: Request,
        key: Secret,
        extra: Mapping[str, str],
        sending: Callable[[], object] = bool,
    ) -> Reply:
        """Send *request* as `Transport.send` does, and take a copy of the reply."""
        reply = await super().send(request, key, extra, sending)
        self.taken = taken = TakenReply(reply.status, reply.headers)
        reply.body = _copied(reply.body, taken)
        return reply


async def _copied(body: Body, taken: TakenReply) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in body:
            taken.add(piece)
            yield piece
    finally:
        await body.aclose()
