"""
Renders the steps of a reply as HTTP/1.1 bytes, without sending the bytes.

This module does not use h11, because h11 refuses to render most of the mistakes that
the faults need.
"""

from __future__ import annotations

from http import HTTPStatus

from ._plan import Data, End, Framing, Head, Raw, Step


__all__ = ["Renderer"]


class Renderer:
    """
    Renders the steps of one reply as HTTP/1.1 bytes.

    Args:
        head_only: Whether the request's method was HEAD, so that no body may follow.

    Attributes:
        keep_alive: Whether the connection can serve another request: the body has
            ended, and its end was not marked by closing the connection.
        ended: Whether the body has ended.
    """

    __slots__ = ("_framing", "_head_only", "ended")

    def __init__(self, *, head_only: bool = False) -> None:
        self._framing: Framing | None = None
        self._head_only = head_only
        self.ended = False

    @property
    def keep_alive(self) -> bool:
        return self.ended and self._framing not in {None, "close"}

    def render(self, step: Step) -> bytes:
        """
        Render one step as HTTP/1.1 bytes.

        Returns:
            The bytes; empty for a step that sends nothing, such as `Pause`, and for a
            piece of a body that the framing does not allow.
        """
        match step:
            case Head():
                self._framing = step.framing
                return _head(step)
            case Data():
                return self._piece(step.data)
            case Raw():
                return step.data
            case End() if not self.ended:
                self.ended = True
                return self._last_chunk()
            case _:
                return b""

    def _piece(self, data: bytes) -> bytes:
        # Empty data adds no chunk, because an empty chunk would end the body (RFC 9112,
        # 7.1).
        if self._head_only or not data or self._framing == "none":
            return b""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def _last_chunk(self) -> bytes:
        return b"0\r\n\r\n" if self._chunked and not self._head_only else b""

    @property
    def _chunked(self) -> bool:
        return self._framing == "chunked"


def _head(step: Head) -> bytes:
    lines = [f"HTTP/1.1 {step.status} {_reason(step.status)}"]
    lines += [f"{name}: {value}" for name, value in step.headers]
    framing = {
        "chunked": ["transfer-encoding: chunked"],
        "length": [f"content-length: {step.length}"],
        "close": ["connection: close"],
        "none": [],
    }
    lines += framing[step.framing]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"
