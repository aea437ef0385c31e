"""
``asi1 ask``: asks one question and prints the answer.

Only the text of the answer goes to standard output; everything else goes to standard
error.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace

import asi1

from ._interrupt import cancel_on_interrupt
from ._question import read_question
from ._terminal import Screen
from ._view import View, follow, summary


__all__ = ["ask"]

_NO_KEY = (
    "no API key: create one in your ASI:One dashboard at https://asi1.ai, then set the"
    " environment variable ASI_ONE_API_KEY to it (asi1 demo works without a key)"
)


def ask(options: Namespace) -> None:
    """
    Ask the question, and print the answer.

    Raises:
        asi1.ConfigurationError: The key or the question is missing, or an option is
            invalid; nothing was sent.
        asi1.APIError: The call failed.
    """
    from .._settings.config import KEY_VARIABLES  # noqa: PLC0415 - loaded with the client

    # The key is checked first, because reading the question from a pipe may take long.
    if not any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        raise asi1.ConfigurationError(_NO_KEY)
    messages = [{"role": "user", "content": read_question(options.question, sys.stdin)}]
    if options.system is not None:
        messages.insert(0, {"role": "system", "content": options.system})
    with asi1.ASI1() as client, cancel_on_interrupt():
        _answer(client.chat.completions, messages, options)


def _answer(
    completions: asi1.Completions, messages: list[dict[str, str]], options: Namespace
) -> None:
    out = Screen(sys.stdout, os.environ)
    err = Screen(sys.stderr, os.environ)
    chat_options: asi1.ChatOptions = {
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
    }
    if options.json:
        answer = completions.create(
            messages=messages, model=options.model, **chat_options
        )
        out.write_json(answer.to_json() + "\n")
        return
    thoughts = err.live if options.thoughts is None else options.thoughts
    view = View(out, err if thoughts and not options.quiet else None)
    if options.stream:
        stream = completions.stream(
            messages=messages, model=options.model, **chat_options
        )
        answer = follow(stream, view)
    else:
        answer = completions.create(
            messages=messages, model=options.model, **chat_options
        )
        view.add(answer.thoughts, answer.text)
        view.end()
    if not options.quiet:
        err.dim(summary(answer))
        err.end_line()
