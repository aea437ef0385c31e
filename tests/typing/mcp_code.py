"""MCP tools as users' code uses them, and their types. Type-checked, never run."""

from __future__ import annotations

from typing import Any, assert_type

from asi1 import AsyncASI1, Tool, tools_of


async def answer(client: AsyncASI1, session: object) -> str:
    """The tools of a server can be passed to a run, alone or with functions."""
    tools = await tools_of(
        session, needs_approval=lambda name: name != "read", timeout=5, prefix="files_"
    )
    assert_type(tools, list[Tool[..., Any]])
    run = client.chat.completions.run_tools("Hi", tools=[*tools, len])
    return (await run.until_done()).text
