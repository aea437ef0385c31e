"""The raw reply of an endpoint that asi1 has no method for."""

from __future__ import annotations

from attrs import field, frozen

from .base_types import JSON, public
from .errors import APIResponseError
from .json_text import load_json
from .response import ResponseInfo


__all__ = ["QUOTED", "RawReply"]

# Maximum number of characters of the body that an error quotes.
QUOTED = 64 * 1024


@public
@frozen(kw_only=True)
class RawReply:
    """
    The raw reply of an endpoint that asi1 has no method for.

    Attributes:
        content: The reply's body, as bytes.
        response: The response metadata.
    """

    content: bytes
    response: ResponseInfo
    # The beginning of the body without the API key, for an error; None if the body does
    # not contain the key.
    _quote: str | None = field(default=None, init=False, repr=False, eq=False)

    @property
    def text(self) -> str:
        """The body as a str; bytes that are not valid UTF-8 become U+FFFD."""
        return self.content.decode("utf-8", "replace")

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
