"""
Adds images, and the text of files, to the question.

Each file's name and text follow the question; the text is fenced as a code block, with
a fence that is longer than any in the text.
"""

from __future__ import annotations

import re

from collections.abc import Iterable, Sequence

import asi1


__all__ = ["user_message", "with_files"]

# The largest file, in bytes. A larger one does not fit into the context of any model.
_MOST = 4 * 1024 * 1024
_FENCES = re.compile("`{3,}")


def with_files(question: str, paths: Iterable[str]) -> str:
    """
    Return *question*, followed by the name and the text of each file.

    Raises:
        asi1.ConfigurationError: A file cannot be read, is too large or is not text.
    """
    return "\n\n".join(filter(None, [question, *map(_named_text, paths)]))


def user_message(text: str, images: Sequence[str]) -> asi1.Message:
    """
    Return the message of a question with images, which are paths or URLs.

    Raises:
        asi1.ConfigurationError: An image cannot be read, or is not an image.
    """
    if not images:
        return {"role": "user", "content": text}
    return asi1.UserMessage(text, images=images)


def _named_text(path: str) -> str:
    text = _text(path)
    longest = max(map(len, _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    newline = "" if text.endswith("\n") or not text else "\n"
    return f"{path}:\n{fence}\n{text}{newline}{fence}"


def _text(path: str) -> str:
    from .._files import read_file  # noqa: PLC0415 - only for files

    try:
        data = read_file(path, _MOST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise asi1.ConfigurationError(
            f"the file {path} cannot be read: {reason}"
        ) from None
    if len(data) > _MOST:
        raise asi1.ConfigurationError(
            f"the file {path} is larger than {_MOST // 1024**2} MiB"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise asi1.ConfigurationError(
            f"the file {path} is not a text in UTF-8 (-i sends an image)"
        )
    return text.replace("\r\n", "\n")
