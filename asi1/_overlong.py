"""
Floor 3. Whether a server complains of a request that is too long for the model.

No body of this API's was ever seen. These are the words of OpenAI's API and of the
servers that imitate it, SGLang and vLLM above all. Doubt is no: a refusal that is taken
for this one by mistake is answered by dropping what the user said.
"""

from __future__ import annotations

import re

from attrs import frozen

from ._complaint import Complaint


__all__ = ["Overlong", "overlong"]

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
class Overlong:
    """
    A request that is too long.

    Attributes:
        limit: Tokens the model can read and write; None if it is not told.
        requested: Prompt tokens of the request; None if they are not told.
    """

    limit: int | None = None
    requested: int | None = None


def overlong(said: Complaint) -> Overlong | None:
    """Read a complaint; None for one of something else."""
    text = said.message[:2000].replace(",", "")
    if not {said.code, said.type} & _CODES and not _WORDS.search(text):
        return None
    return Overlong(_first(_LIMITS, text), _first(_REQUESTED, text))


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), None)
