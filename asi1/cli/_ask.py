"""
``asi1 ask``: asks one question and prints the answer.

Only the text of the answer goes to standard output; everything else goes to standard
error.
"""

from __future__ import annotations

import json
import os
import sys

from argparse import Namespace
from typing import Any

import asi1

from ._attachments import user_message, with_files
from ._interrupt import cancel_on_interrupt
from ._question import read_question
from ._schema import Schema
from ._service import open_client
from ._terminal import Screen
from ._view import View, follow, summary


__all__ = ["ask"]


def ask(options: Namespace) -> None:
    """
    Ask the question, and print the answer.

    Raises:
        asi1.ConfigurationError: The key or the question is missing, or an option is
            invalid; nothing was sent.
        asi1.OutputError: The answer does not fit the schema.
        asi1.APIError: The call failed.
    """
    # Reading the question from a pipe may take long, so all options are checked first.
    with open_client(options) as client:
        schema = None if options.schema is None else Schema(options.schema)
        messages = _messages(options)
        with cancel_on_interrupt():
            _answer(client.chat.completions, messages, options, schema)


def _messages(options: Namespace) -> list[asi1.Message]:
    files = with_files("", options.file)
    question = read_question(options.question, sys.stdin, optional=bool(files))
    text = "\n\n".join(filter(None, [question, files]))
    message = user_message(text, options.image)
    if options.system is None:
        return [message]
    return [{"role": "system", "content": options.system}, message]


def _answer(
    completions: asi1.Completions,
    messages: list[asi1.Message],
    options: Namespace,
    schema: Schema | None,
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
    if schema is not None:
        answer = _checked_answer(completions, messages, options, schema)
        view.add(answer.thoughts, "")
        view.end()
        out.write_json(_json(answer.parsed, indent=2 if out.live else None))
    elif options.stream:
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
    if line := summary(answer, quiet=options.quiet):
        err.dim(line)
        err.end_line()


def _checked_answer(
    completions: asi1.Completions,
    messages: list[asi1.Message],
    options: Namespace,
    schema: Schema,
) -> asi1.ParsedCompletion[Any]:
    answer = completions.parse(
        messages=messages,
        response_format=schema.value,
        model=options.model,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
    )
    schema.check(answer)
    return answer


def _json(value: Any, *, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent) + "\n"
