"""The commands of a chat, which begin with a slash."""

from __future__ import annotations

import re

from collections.abc import Callable
from typing import TypeAlias

import asi1

from .._view import dollars
from .session import Session
from .toolbox import MODES


__all__ = ["WITH_FILE", "Leave", "names", "run_command"]

_COMMAND = re.compile(r"(/[a-z]+)(?:\s+(.*))?", re.DOTALL)
_Command: TypeAlias = Callable[[Session, str], str]


class Leave(Exception):  # noqa: N818 - not an error
    """Raised when the user leaves the chat."""


def run_command(session: Session, line: str) -> str | None:
    """
    Run the command in *line*, and return lines to print.

    Returns:
        The lines to print; None if *line* is a message and not a command.

    Raises:
        asi1.ASI1Error: The command failed.
        Leave: The user leaves.
    """
    found = _COMMAND.fullmatch(line.rstrip())
    if found is None:
        return None
    name, argument = found[1], (found[2] or "").strip()
    command = _COMMANDS.get(_ALIASES.get(name, name))
    if command is None:
        raise asi1.ConfigurationError(
            f"{name} is not a command: /help lists them (a space before it sends it)"
        )
    return command(session, argument)


def names() -> list[str]:
    """Return the names of all commands, sorted."""
    return sorted([*_COMMANDS, *_ALIASES])


def _help(_: Session, __: str) -> str:
    return _HELP


def _save(session: Session, path: str) -> str:
    return f"saved to {session.save(path)}"


def _load(session: Session, path: str) -> str:
    path = session.load(path)
    count = len(session.chat.messages)
    return f"loaded {count} messages from {path}; the model is {session.model}"


def _system(session: Session, text: str) -> str:
    if not text:
        return session.system or "there is no system message: /system TEXT sets one"
    at_once = session.set_system(text)
    return "the system message is set" + ("" if at_once else ", from the next turn on")


def _model(session: Session, name: str) -> str:
    if not name:
        return f"the model is {session.model}; known are {', '.join(asi1.MODELS)}"
    session.set_model(name)
    return f"the model is {session.model}"


def _undo(session: Session, _: str) -> str:
    removed = session.chat.undo()
    if not removed:
        return "there is nothing to undo"
    return f"removed the last turn; {len(session.chat.messages)} messages are left"


def _tools(session: Session, argument: str) -> str:
    tools = session.tools
    name, _, mode = argument.partition(" ")
    if not tools.modes:
        return "there are no tools: start with --tools MODULE:FUNCTION"
    if not name:
        return "\n".join([*tools.describe(), f"/tools NAME {'|'.join(MODES)}"])
    tools.set_mode(name, mode.strip())
    return f"{name}: {MODES[tools.modes[name]]}"


def _cost(session: Session, _: str) -> str:
    usage, spent = session.chat.usage, session.spent
    told = (
        f"{usage.total_tokens} tokens so far"
        f" ({usage.prompt_tokens} in, {usage.completion_tokens} out)"
    )
    if usage.reasoning_tokens:
        told += f", {usage.reasoning_tokens} of them for thoughts"
    if spent.usd:
        told += f"; {dollars(spent.usd)} since the start"
    if spent.unpriced:
        requests = "request" if spent.unpriced == 1 else "requests"
        told += f"; the price of {spent.unpriced} {requests} is not known"
    return told


def _new(session: Session, _: str) -> str:
    session.renew()
    return "a new conversation"


def _exit(_: Session, __: str) -> str:
    raise Leave


_COMMANDS: dict[str, _Command] = {
    "/help": _help,
    "/save": _save,
    "/load": _load,
    "/system": _system,
    "/model": _model,
    "/undo": _undo,
    "/tools": _tools,
    "/cost": _cost,
    "/new": _new,
    "/exit": _exit,
}
_ALIASES = {"/clear": "/new", "/quit": "/exit"}
# The commands that take the path of a file.
WITH_FILE = ("/save", "/load")

_HELP = """\
/save FILE         save the conversation; /save alone: to the same file again
/load FILE         go on with a saved conversation
/system TEXT       set the system message; /system alone shows it
/model NAME        let another model go on; /model alone shows it
/undo              remove the last turn
/tools             list the tools; /tools NAME ask|run|off sets when one runs
/cost              show the tokens of this conversation, and the dollars
/new, /clear       begin a new conversation
/exit, /quit       leave

Enter              send
Alt-Enter, Ctrl-J  begin a new line; pasted text keeps its lines
Up, Down, Ctrl-R   earlier messages
Ctrl-C             stop the answer, or empty the line
Ctrl-D             leave"""
