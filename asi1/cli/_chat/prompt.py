"""The prompt of a chat on a terminal: line editing, history, completion."""

from __future__ import annotations

import sys

from collections.abc import Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import (
    CompleteEvent,
    Completer,
    Completion,
    PathCompleter,
)
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.shortcuts import CompleteStyle

from ..._models.json_text import replace_surrogates
from .keys import drop_typed_ahead


__all__ = ["PromptReader"]


class PromptReader:
    """
    Reads messages on a terminal.

    Args:
        history: Earlier messages, for the Up key.
        commands: The names of the commands, for the Tab key.
        with_file: The names of commands that take the path of a file.
        output: Shows the prompt; None for standard output.
    """

    def __init__(
        self,
        history: History,
        commands: Iterable[str],
        with_file: Iterable[str],
        output: Output | None = None,
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            "> ",
            history=history,
            completer=_Commands(list(commands), frozenset(with_file)),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            multiline=True,
            prompt_continuation="  ",
            key_bindings=_keys(),
            enable_suspend=True,
            output=output,
        )
        self._questions: PromptSession[str] = PromptSession(output=output)

    def read(self, begun: str = "") -> str:
        """Return the next message or command; raise the errors of `Reader.read`."""
        # prompt_toolkit (3.0) reads bytes that are not UTF-8 as lone surrogates.
        return replace_surrogates(self._session.prompt(default=begun))

    def ask(self, question: str) -> str:
        """Return the answer to *question*; raise the errors of `Reader.read`."""
        drop_typed_ahead(
            sys.stdin
        )  # keys pressed before the question must not answer it
        return replace_surrogates(self._questions.prompt(question))

    @property
    def discarded(self) -> str:
        """The text that had been typed when `read` raised KeyboardInterrupt."""
        return self._session.default_buffer.text


class _Commands(Completer):
    """Completes commands, and paths after commands that take one."""

    def __init__(self, names: list[str], with_file: frozenset[str]) -> None:
        self._names = names
        self._with_file = with_file
        self._paths = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        text = document.text_before_cursor
        name, space, path = text.partition(" ")
        if not space and text.startswith("/"):
            for known in self._names:
                if known.startswith(text):
                    yield Completion(f"{known} ", start_position=-len(text))
        elif name in self._with_file:
            inner = Document(path, len(path))
            yield from self._paths.get_completions(inner, complete_event)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
