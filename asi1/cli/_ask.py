"""
``asi1 ask``: one question, one answer.

Only the model's text goes to standard output; all else goes to standard error.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace

import asi1

from ._interrupt import uninterrupted
from ._question import read_question
from ._terminal import Screen
from ._view import View, follow, summary


__all__ = ["ask"]

_NO_KEY = (
    "no API key: make one in your ASI:One dashboard at https://asi1.ai, then set the"
    " environment variable ASI_ONE_API_KEY to it (asi1 demo works without)"
)


def ask(options: Namespace) -> None:
    """
    Ask the question, and show the answer as the options want it.

    Raises:
        asi1.ConfigurationError: There is no key or no question, or one of the options
            cannot be right; nothing was sent.
        asi1.APIError: The call failed.
    """
    from .._settings.config import KEY_VARIABLES  # noqa: PLC0415 - loaded with the client

    # Before standard input is read, which may take long.
    if not any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        raise asi1.ConfigurationError(_NO_KEY)
    messages = [{"role": "user", "content": read_question(options.question, sys.stdin)}]
    if options.system is not None:
        messages.insert(0, {"role": "system", "content": options.system})
    with uninterrupted():
        client = asi1.ASI1()
    with client:
        _answer(client.chat.completions, messages, options)


def _answer(
    completions: asi1.Completions, messages: list[dict[str, str]], options: Namespace
) -> None:
    out = Screen(sys.stdout, os.environ)
    notes = Screen(sys.stderr, os.environ)
    wanted: asi1.ChatOptions = {
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
    }
    if options.json:
        answer = completions.create(messages=messages, model=options.model, **wanted)
        out.write(answer.to_json() + "\n")
        return
    thoughts = notes.live if options.thoughts is None else options.thoughts
    view = View(out, notes if thoughts and not options.quiet else None)
    if options.stream:
        stream = completions.stream(messages=messages, model=options.model, **wanted)
        answer = follow(stream, view)
    else:
        answer = completions.create(messages=messages, model=options.model, **wanted)
        view.add(answer.thoughts, answer.text)
        view.end()
    if not options.quiet:
        notes.dim(summary(answer))
        notes.end_line()
