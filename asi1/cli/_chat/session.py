"""
The state of a chat: the conversation, its model, its tools and its file.

No method writes to the terminal; a failed command raises a `ConfigurationError`.
"""

from __future__ import annotations

import json
import os
import tempfile

from argparse import Namespace
from contextlib import suppress
from typing import Any

import asi1

from .toolbox import Toolbox


__all__ = ["Session"]

# The largest conversation that is loaded, in bytes.
_MOST = 64 * 1024 * 1024
_DEFAULT_MODEL = "asi1-mini"


class Session:
    """
    A conversation that commands can change.

    Args:
        client: The client.
        options: The options of the command line.
        tools: The tools.

    Attributes:
        chat: The conversation.
        tools: The tools.
        file: The file of the last `save` or `load`; None before.

    Raises:
        asi1.ConfigurationError: An option, or the file to load, is invalid.
    """

    def __init__(self, client: asi1.ASI1, options: Namespace, tools: Toolbox) -> None:
        self._client = client
        self._system: str | None = options.system
        self._model: str | None = options.model
        self._budget: int | None = options.context
        given = {"temperature": options.temperature, "max_tokens": options.max_tokens}
        self._options: Any = {k: v for k, v in given.items() if v is not None}
        self.tools = tools
        self.file: str | None = None
        self.chat = self._open(system=self._system, model=self._model)
        if options.load is not None:
            self.load(options.load, options.model)
            if options.system is not None:
                self.set_system(options.system)

    @property
    def spent(self) -> asi1.Spent:
        """What all calls of this chat have used, in all its conversations."""
        return self._client.spent

    @property
    def model(self) -> str:
        """The model of the next turn."""
        return self._model or _DEFAULT_MODEL

    def renew(self) -> None:
        """Begin a new conversation, with the same system message and model."""
        self.chat = self._open(system=self._system, model=self._model)
        self.file = None

    def set_model(self, name: str) -> None:
        """Use another model for the next turns of the conversation."""
        self.chat = self._open(saved=self.chat.to_json(), model=name)
        self._model = name

    @property
    def system(self) -> str:
        """The text of the system message; "" if there is none."""
        return self._system or ""

    def set_system(self, text: str) -> bool:
        """
        Set the system message; return whether it is in the conversation now.

        A conversation that began without a system message gets it with its next turn.
        """
        self._system = text
        messages = self.chat.messages
        if not messages:
            self.chat = self._open(system=text, model=self._model)
        for place, message in enumerate(messages):
            if message.get("role") == "system":
                self.chat.edit(place, text)
                return True
        return not messages

    def message(self, text: str) -> asi1.Messages:
        """Return the messages of a turn in which the user says *text*."""
        user = {"role": "user", "content": text}
        messages = self.chat.messages
        if not self._system or any(m.get("role") == "system" for m in messages):
            return [user]
        return [{"role": "system", "content": self._system}, user]

    def forget_after(self, count: int) -> None:
        """Keep only the first *count* messages: remove those of a failed turn."""
        if len(self.chat.messages) > count:
            self.chat = self.chat.fork(count)

    def save(self, path: str) -> str:
        """
        Write the conversation to a file, which only its owner can read.

        Returns:
            The path of the file.

        Raises:
            asi1.ConfigurationError: The file cannot be written, or exists and is not a
                saved conversation.
        """
        path = _path(path, self.file)
        try:
            if os.path.lexists(path):
                self._read(path, self._model)
        except asi1.ConfigurationError:
            raise asi1.ConfigurationError(
                f"{path} exists, and is not a saved conversation: choose another name"
            ) from None
        try:
            _replace(path, self.chat.to_json())
        except OSError as error:
            raise asi1.ConfigurationError(
                f"{path} cannot be written: {error.strerror}"
            ) from None
        self.file = path
        return path

    def load(self, path: str, model: str | None = None) -> str:
        """
        Continue the conversation in a file.

        Args:
            path: The file; "" for the file of the last `save` or `load`.
            model: The model for the next turns; None for the model of the conversation.

        Returns:
            The path of the file.

        Raises:
            asi1.ConfigurationError: The file is not a saved conversation.
        """
        path = _path(path, self.file)
        self.chat = self._read(path, model)
        self.file = path
        self._model = json.loads(self.chat.to_json())["model"]
        system = (m for m in self.chat.messages if m.get("role") == "system")
        content = next(system, {}).get("content")
        self._system = content if isinstance(content, str) else None
        return path

    def _read(self, path: str, model: str | None) -> asi1.Conversation:
        from ..._files import read_file  # noqa: PLC0415 - only for files

        try:
            data = read_file(path, _MOST + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise asi1.ConfigurationError(f"{path} cannot be read: {reason}") from None
        if len(data) > _MOST:
            raise asi1.ConfigurationError(f"{path} is too large for a conversation")
        try:
            # Loaded first without a context policy, which depends on the model that the
            # file names.
            read = self._client.conversation(saved=data, model=model)
            model = json.loads(read.to_json())["model"]
            return self._open(saved=data, model=model)
        except asi1.ArgumentError as error:
            raise asi1.ConfigurationError(f"{path}: {error}") from None

    def _open(
        self,
        *,
        model: str | None,
        system: str | None = None,
        saved: str | bytes | None = None,
    ) -> asi1.Conversation:
        return self._client.conversation(
            system,
            saved=saved,
            model=model,
            context=self._policy(model),
            **self._options,
        )

    def _policy(self, model: str | None) -> asi1.ContextPolicy | None:
        """Return the context policy; None if the model's context size is not known."""
        if self._budget is not None:
            return asi1.KeepNewest(self._budget)
        known = (model or _DEFAULT_MODEL) in asi1.MODELS
        return asi1.KeepNewest() if known else None


def _path(path: str, default: str | None) -> str:
    if not path and default is None:
        raise asi1.ConfigurationError("name a file, as in /save talk.json")
    return os.path.expanduser(path or default or "")  # noqa: PTH111 - a str is shown


def _replace(path: str, text: str) -> None:
    """Write *text* to a new file, and replace the file at *path* by it."""
    path = os.path.realpath(path)  # the target of a link is replaced, not the link
    folder = os.path.dirname(path)  # noqa: PTH120 - as above
    number, name = tempfile.mkstemp(dir=folder, prefix=".asi1-")
    try:
        with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
        os.replace(name, path)  # noqa: PTH105 - as above
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - as above
        raise
