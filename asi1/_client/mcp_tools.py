"""`tools_of` returns the tools of an MCP server, for tool runs."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from typing import Any

from .._models.base_types import JSON, public
from .._models.errors import ArgumentError, ASI1Error
from .._protocol.tools.mcp_tool import fitting_names, mcp_tool, result_text
from .._protocol.tools.tool import Tool
from .._settings.validators import flag, or_none, seconds, wrong
from .._transport.event_loop import loop_token


__all__ = ["tools_of"]

# Maximum number of pages of a server's list; with more, the list probably never ends.
_MOST_PAGES = 1000


@public
async def tools_of(
    session: Any,
    *,
    needs_approval: bool | Callable[[str], bool] = False,
    timeout: float | None = None,  # noqa: ASYNC109 - of the tools, not of this call
    prefix: str = "",
) -> list[Tool[..., Any]]:
    """
    Return the tools of an MCP server (Model Context Protocol), for ``run_tools``.

    The model reads the texts of a result, joined by newlines; without a text, the
    structured content as JSON. Images and other parts are named in words, such as
    ``[image image/png, 1234 bytes]``. A result that is an error raises `ToolError`.

    Names that the API does not accept, such as ``files/read``, are changed to valid
    names, all different. A tool's annotations, such as ``destructiveHint``, are only
    hints from the server: they do not make asi1 ask for approval.

    The session must stay open as long as the tools are used. The tools work only on the
    session's event loop, and so only with `AsyncASI1`.

    Args:
        session: A ``Client`` or ``ClientSession`` of the ``mcp`` package (version 1 or
            2), or any object with the same ``list_tools`` and ``call_tool``.
        needs_approval: Whether each call must be approved before it runs; or a function
            that returns this for a tool, called with the tool's name on the server.
        timeout: Maximum seconds of a call; None for the ``tool_timeout`` of the run.
        prefix: The start of all names, to tell the tools of several servers apart.

    Raises:
        ArgumentError: An argument is wrong.
        ASI1Error: The server's list of tools does not end.
    """
    _check(session, needs_approval, timeout, prefix)
    listed = await _list_tools(session)
    names = fitting_names(listed, prefix)
    return [
        _tool(session, each, names[name], _must_wait(needs_approval, name), timeout)
        for name, each in listed.items()
    ]


def _check(session: Any, needs_approval: Any, timeout: Any, prefix: Any) -> None:
    for name in ("list_tools", "call_tool"):
        if not callable(getattr(session, name, None)):
            raise wrong("session", f"must have the method {name}", session)
    if not callable(needs_approval) and flag(needs_approval):
        raise wrong(
            "needs_approval",
            "must be True, False or a function of a tool's name",
            needs_approval,
        )
    if problem := or_none(seconds)(timeout):
        raise wrong("timeout", problem, timeout)
    if not isinstance(prefix, str):
        raise wrong("prefix", "must be a str", prefix)


async def _list_tools(session: Any) -> dict[str, Any]:
    """Return the tools that the server lists on all its pages, by their names."""
    found: dict[str, Any] = {}
    page = await session.list_tools()
    cursors: set[str] = set()
    while True:
        # Some clients read all pages themselves, and return a list of tools.
        for each in getattr(page, "tools", page):
            found.setdefault(each.name, each)
        cursor = getattr(page, "next_cursor", getattr(page, "nextCursor", None))
        if cursor is None:
            return found
        if cursor in cursors or len(cursors) >= _MOST_PAGES:
            raise ASI1Error(
                "the MCP server's list of tools does not end: after"
                f" {len(cursors) + 1} pages it continues at {cursor!r:.80}"
            )
        cursors.add(cursor)
        page = await _list_from(session.list_tools, cursor)


class _Page(dict[str, str]):
    """An argument that asks for a page: a dict with an attribute ``cursor``."""

    # `ClientSession` of mcp 2 converts the dict to a class of its own, but also reads
    # the cursor as an attribute of the dict.
    @property
    def cursor(self) -> str:
        return self["cursor"]


async def _list_from(list_tools: Callable[..., Any], cursor: str) -> Any:
    """Return the page at *cursor*; pass *cursor* as the argument of its signature."""
    parameters = inspect.signature(list_tools).parameters
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    named = {name for name, kind in kinds.items() if kind is not kind.POSITIONAL_ONLY}
    if "cursor" in named or inspect.Parameter.VAR_KEYWORD in kinds.values():
        return await list_tools(cursor=cursor)
    if "params" in named:
        return await list_tools(params=_Page(cursor=cursor))
    if not parameters:
        raise ArgumentError(
            "session: the server lists its tools on several pages, but list_tools takes"
            " no cursor",
            argument="session",
        )
    return await list_tools(cursor)


def _must_wait(needs_approval: bool | Callable[[str], bool], name: str) -> bool:
    if isinstance(needs_approval, bool):
        return needs_approval
    answer = needs_approval(name)
    if problem := flag(answer):
        raise wrong(f"needs_approval: the result for {name!r:.80}", problem, answer)
    return answer


def _tool(
    session: Any, listed: Any, name: str, needs_approval: bool, timeout: float | None
) -> Tool[..., Any]:
    """Return the tool *listed* by the server, under the name *name*."""
    spec = mcp_tool(listed, name)
    home = loop_token()

    async def call(**arguments: JSON) -> str:
        if loop_token() is not home:
            raise RuntimeError("the MCP session belongs to another event loop")
        return result_text(await session.call_tool(listed.name, arguments))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = spec.description
    return Tool(
        call, needs_approval=needs_approval, timeout=timeout, make=lambda _: spec
    )
