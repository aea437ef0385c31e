"""The raw reply of an endpoint that asi1 has no method for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field, frozen

from .base_types import JSON, Hinted, public
from .errors import APIResponseError
from .json_text import load_json
from .response import ResponseInfo


__all__ = ["QUOTED", "RawReply", "Reply"]

# Maximum number of characters of the body that an error quotes.
QUOTED = 64 * 1024


class Reply(Hinted):
    """The attributes that every reply has in OpenAI's client."""

    __slots__ = ()

    @property
    def status_code(self) -> int | None:
        """The HTTP status; of an answer from the cache, that of the kept reply."""
        return _info(self).status

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers, without cookies; names can be given in any case."""
        return _info(self).headers

    @property
    def request_id(self) -> str | None:
        """The server's id of the request; None if the server sent none."""
        return _info(self).request_id

    @property
    def retries_taken(self) -> int:
        """How often the call was retried."""
        return max(len(_info(self).attempts) - 1, 0)

    @property
    def http_response(self) -> Self:
        """The object itself, whose attributes have the names that httpx gives them."""
        return self


@public
@frozen(kw_only=True)
class RawReply(Reply):
    """
    The raw reply of an endpoint that asi1 has no method for.

    Attributes:
        content: The reply's body, as bytes.
        response: The response metadata.
    """

    content: bytes
    response: ResponseInfo
    # The beginning of the body with the API key removed, for an error's message; None
    # if the body does not contain the key.
    _quote: str | None = field(default=None, init=False, repr=False, eq=False)

    @property
    def text(self) -> str:
        """The body as a str; bytes that are not valid UTF-8 become U+FFFD."""
        return self.content.decode("utf-8", "replace")

    def read(self) -> bytes:
        """Return the body."""
        return self.content

    def json(self) -> JSON:
        """
        Parse the body as JSON.

        Raises:
            APIResponseError: The body is not valid JSON.
        """
        try:
            return load_json(self.content)
        except ValueError as error:
            problem = str(error)
        # Raised outside `except`: otherwise its `__context__`, a ValueError, would
        # refer to the complete body.
        raise APIResponseError(
            f"the reply is not valid JSON ({problem})",
            body=self.text[:QUOTED] if self._quote is None else self._quote,
            response=self.response,
        )


def _info(reply: Any) -> ResponseInfo:
    info: ResponseInfo = reply.response
    return info
