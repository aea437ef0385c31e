"""
The rows of a batch's output, one line of JSON each, in the form of OpenAI's Batch API.

A row's ``id`` contains the hash of its request, so that a later run can tell whether
the row is the answer to the same request.

Source: https://platform.openai.com/docs/api-reference/batch/request-output
"""

from __future__ import annotations

import re

from collections.abc import Mapping

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.completion import ChatCompletion
from ..._models.errors import (
    APIError,
    ArgumentError,
    ASI1Error,
)
from ..._models.json_text import json_text, peek_json
from ..._models.status_errors import (
    APIStatusError,
    AuthenticationError,
    PaymentRequiredError,
    QuotaExceededError,
    error_class,
)
from ..._models.visible import escape_hidden
from .request_lines import BatchRequest


__all__ = ["OutputRow", "answer_row", "ends_batch", "error_row", "is_torn", "read_row"]

_ID = re.compile(r"batch_req_([0-9a-f]{32})")
# How each row begins. A line that does not begin so was not written by a batch.
_START = b'{"id":"batch_req_'


@frozen
class OutputRow:
    """
    The parts of a row in an output file that decide how a batch is resumed.

    Attributes:
        custom_id: The request's custom id.
        digest: The hash of the request, as `BatchRequest.digest`.
        error: The name of the class of the request's error; None for an answer.
    """

    custom_id: str
    digest: str
    error: str | None = None

    @property
    def answered(self) -> bool:
        """Whether the row contains an answer."""
        return self.error is None


def answer_row(request: BatchRequest, answer: ChatCompletion) -> bytes:
    """Return the row of an answered *request*, with its line end."""
    response = {
        "status_code": answer.response.status or 200,
        "request_id": answer.response.request_id or "",
        "body": answer.to_dict(),
    }
    return _row(request, response, None)


def error_row(request: BatchRequest, error: ASI1Error) -> bytes:
    """
    Return the row of a failed *request*, with its line end.

    If the server refused the request, its reply is the row's ``response``. Any other
    error is the row's ``error``, with the name of its class as ``code``.
    """
    if not isinstance(error, APIStatusError):
        code = type(error).__name__
        return _row(request, None, {"code": code, "message": error.message})
    body = error.body
    if not isinstance(body, dict):
        body = {"error": {"message": error.message}}
    response = {
        "status_code": error.status_code,
        "request_id": error.request_id or "",
        "body": body,
    }
    return _row(request, response, None)


def _row(
    request: BatchRequest,
    response: Mapping[str, JSON] | None,
    error: Mapping[str, JSON] | None,
) -> bytes:
    text = json_text(
        {
            "id": f"batch_req_{request.digest}",
            "custom_id": request.custom_id,
            "response": response,
            "error": error,
        }
    )
    if not text.isascii():
        # JSON may contain invisible and control characters as they are. But otherwise a
        # terminal that shows the file would obey them, and some readers would take
        # U+2028 for the end of a line.
        text = escape_hidden(text)
    return f"{text}\n".encode()


def read_row(line: bytes) -> OutputRow | None:
    """Read a whole line of an output file; None if no batch has written it."""
    try:
        value = peek_json(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    custom_id, own_id = value.get("custom_id"), value.get("id")
    found = _ID.fullmatch(own_id) if isinstance(own_id, str) else None
    if found is None or not isinstance(custom_id, str):
        return None
    response, error = value.get("response"), value.get("error")
    if isinstance(error, dict):
        code = str(error.get("code"))
        return OutputRow(
            custom_id, found[1], code if code.isidentifier() else "Unknown"
        )
    status = response.get("status_code") if isinstance(response, dict) else None
    if not isinstance(status, int):
        return None
    failure = None if 200 <= status < 300 else error_class(status).__name__
    return OutputRow(custom_id, found[1], failure)


def is_torn(line: bytes) -> bool:
    """
    Whether *line*, which `read_row` cannot read, was left by an unfinished write.

    A killed process leaves the beginning of a row. After a power failure, some file
    systems also leave blocks of zeros, which JSON never contains.
    """
    if b"\0" in line:
        return line.startswith(_START) or not line.strip(b"\0\n")
    return not line.endswith(b"\n") and (
        line.startswith(_START) or _START.startswith(line)
    )


def ends_batch(error: ASI1Error) -> bool:
    """
    Whether *error* ends the batch, since each request would fail in the same way.

    Such an error concerns the account, such as a wrong key, or the client itself. No
    row is written for the request, so a later run sends it again.
    """
    if isinstance(error, AuthenticationError | PaymentRequiredError):
        return True
    if isinstance(error, APIError | ArgumentError):
        return isinstance(error, QuotaExceededError)
    return True
