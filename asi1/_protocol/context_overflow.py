"""
Tells from an error body whether a request was longer than the model's context.

This module is loaded for a reply with status 400, since no other reply needs it.
"""

from __future__ import annotations

import re

from attrs import frozen

from .error_body import ErrorBody


__all__ = ["ContextOverflow", "context_overflow"]

# The ASI-1 documentation does not say how the server refuses a request that is too
# long. So the codes and words below are from OpenAI's API and the servers that imitate
# it, above all SGLang and vLLM.
_CODES = {
    "context_length_exceeded",
    "context_window_exceeded",
    "max_context_length_exceeded",
    "model_context_window_exceeded",
}
_WORDS = re.compile(
    r"maximum context (?:length|window|size)"
    r"|(?:longer than|exceed\w*|larger than) (?:the |this )?(?:model'?s? )?"
    r"(?:maximum |available )?context (?:length|window|size)"
    r"|context[ _](?:length|window|size)(?: is| was| has been)?[ _]exceeded"
    r"|(?:input|prompt) is too long"
    r"|input length \(\d+ tokens\) exceeds the maximum",
    re.IGNORECASE,
)
_NUMBER = r"(?<!\d)(\d{1,9})(?!\d)"
_LIMITS = (
    rf"maximum context (?:length|window|size)(?: is| of)? {_NUMBER}",
    rf"(?:context (?:length|window|size)|allowed length) \(?{_NUMBER}",
    rf"> {_NUMBER} maximum",
)
_REQUESTED = (
    rf"{_NUMBER} (?:tokens )?(?:in the messages|in your prompt|from the input)",
    rf"resulted in {_NUMBER}",
    rf"input(?: length)? \({_NUMBER} tokens",
    rf"too long: {_NUMBER} tokens",
    rf"requested(?: about)? {_NUMBER}",
)


@frozen
class ContextOverflow:
    """
    The token counts in an error about a request longer than the model's context.

    Attributes:
        limit: Tokens that the model can read and write; None if not in the body.
        requested: Prompt tokens of the request; None if not in the body.
    """

    limit: int | None = None
    requested: int | None = None


def context_overflow(body: ErrorBody) -> ContextOverflow | None:
    """
    Return the token counts in *body* if it says that the request is too long, else
    None.

    In doubt, return None: after a false positive, a conversation would drop messages.
    """
    text = body.message[:2000].replace(",", "")
    if not {body.code, body.type} & _CODES and not _WORDS.search(text):
        return None
    return ContextOverflow(_first(_LIMITS, text), _first(_REQUESTED, text))


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), None)
