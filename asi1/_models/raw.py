"""The plain reply of an endpoint that asi1 has no method for."""

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
    The reply of an endpoint that asi1 has no method for.

    Attributes:
        content: The body.
        response: How it came.
    """

    content: bytes
    response: ResponseInfo

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> JSON:
        """
        Read the body as JSON.

        Raises:
            APIResponseError: It is none.
        """
        try:
            return load_json(self.content)
        except ValueError as error:
            raise APIResponseError(
                f"the reply is no JSON ({error})",
                body=self.text[: 64 * 1024],
                response=self.response,
            ) from None
