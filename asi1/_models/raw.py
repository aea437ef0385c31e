"""The raw reply of an endpoint that asi1 has no method for."""

from __future__ import annotations

from attrs import frozen

from .base_types import JSON, public
from .errors import APIResponseError
from .json_text import load_json
from .response import ResponseInfo


__all__ = ["RawReply"]


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
            raise APIResponseError(
                f"the reply is not valid JSON ({error})",
                body=self.text[: 64 * 1024],
                response=self.response,
            ) from None
