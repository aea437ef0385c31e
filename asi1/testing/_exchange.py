"""
One recorded request with its reply, as a line of a cassette's file.

A body is stored as JSON if possible, else as text, else in base64. The same request has
the same text in each recording, so that git shows only real differences.
"""

from __future__ import annotations

import json

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Self
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from .._models.errors import ASI1Error
from .._protocol.cached_answer import same_number


__all__ = ["Asked", "CassetteError", "Exchange"]

_VERSION = 1
# Fields of a body's top level that are new in each call, so that they are not compared.
_IGNORED = frozenset({"session_id", "idempotency_key"})


class CassetteError(ASI1Error):
    """
    A cassette has no recording of a request, or its file cannot be used.

    asi1 does not retry a call that fails with this error.
    """


@frozen
class Asked:
    """
    A request as a cassette records and compares it: without headers and secrets.

    Attributes:
        body: An object with one of the keys "json", "text" and "base64"; empty for a
            request without a body.
    """

    method: str
    url: str
    body: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, method: str, url: str, body: bytes) -> Self:
        """Return the request with this *body*, from which secrets were removed."""
        return cls(method, url, _written(body) if body else {})

    @property
    def target(self) -> str:
        """The path of the URL, with the query's parameters in order of their names."""
        url = urlsplit(self.url)
        pairs = sorted(parse_qsl(url.query, keep_blank_values=True))
        return f"{url.path}?{pairs}" if pairs else url.path

    @property
    def compared(self) -> Any:
        """The value of the body, in the form in which bodies are compared."""
        if "json" not in self.body:
            return next(iter(self.body.values()), None)
        # Numbers such as 1 and 1.0 count as equal.
        value = json.loads(json.dumps(self.body["json"]), parse_float=same_number)
        if isinstance(value, dict):
            return {k: v for k, v in value.items() if k not in _IGNORED}
        return value

    @property
    def key(self) -> tuple[str, str, str]:
        """A value that is equal for requests that a cassette treats as equal."""
        text = json.dumps(self.compared, sort_keys=True)
        return self.method, self.target, text


@frozen
class Exchange:
    """
    A request and its reply.

    Attributes:
        pieces: The body, as the network delivered it.
        at: Seconds from the request to each piece.
        left: Whether the client stopped reading the reply before its end.
    """

    asked: Asked
    status: int
    headers: Mapping[str, str] = field(repr=False)
    pieces: Sequence[bytes] = field(repr=False)
    at: Sequence[float] = field(default=(), repr=False)
    left: bool = False

    def line(self) -> str:
        """Return the exchange as a line of a cassette's file, with its line feed."""
        reply: dict[str, Any] = {"status": self.status, "headers": self.headers}
        value, at = _written(b"".join(self.pieces)), self.at
        if "json" in value:
            at = at[-1:]
        else:
            value = {"pieces": [_written_text(piece) for piece in self.pieces]}
        reply |= {"body": value, "at": [round(seconds, 3) for seconds in at]}
        if self.left:
            reply["left"] = True
        asked = {"method": self.asked.method, "url": self.asked.url}
        request = asked | ({"body": self.asked.body} if self.asked.body else {})
        line = {"cassette": _VERSION, "request": request, "response": reply}
        return json.dumps(line, ensure_ascii=False) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Self:
        """
        Return the exchange in a line that `Exchange.line` has written.

        Raises:
            ValueError: *line* is not a line of a cassette; the message says why.
        """
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            _refuse(f"is not JSON ({error})")
        try:
            version = found["cassette"]
            if version != _VERSION:
                _refuse(f"has version {version} of the format, not {_VERSION}")
            request, reply = found["request"], found["response"]
            asked = Asked(request["method"], request["url"], request.get("body", {}))
            asked.key  # noqa: B018 - raises if the recorded request is invalid
            return cls(
                asked,
                int(reply["status"]),
                {name: str(value) for name, value in reply["headers"].items()},
                _read_pieces(reply["body"]),
                [float(seconds) for seconds in reply.get("at", ())],
                reply.get("left") is True,
            )
        except (KeyError, TypeError, AttributeError, RecursionError):
            _refuse("is not a recorded exchange")


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


def _written(body: bytes) -> dict[str, Any]:
    try:
        return {"json": _json(body)}
    except (ValueError, RecursionError):
        text = _written_text(body)
        return {"text": text} if isinstance(text, str) else text


def _written_text(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def _read_pieces(body: Mapping[str, Any]) -> list[bytes]:
    if "json" in body:
        return [json.dumps(body["json"], ensure_ascii=False).encode()]
    return [
        piece.encode() if isinstance(piece, str) else b64decode(piece["base64"])
        for piece in body["pieces"]
    ]


def _json(body: bytes) -> Any:
    """
    Return *body* as a JSON value that loses nothing when it is written and read again.

    Raises:
        ValueError: *body* is not JSON, or its value would lose something, such as a
            repeated key.
    """
    value = json.loads(
        body.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse
    )
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode()  # raises for a lone surrogate
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        _refuse("the object has a key twice")
    return value
