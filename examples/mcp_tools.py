"""
Lets the model call the tools of an MCP server, and asks before each call.

    pip install mcp
    export ASI_ONE_API_KEY=...
    python examples/mcp_tools.py "How many words has the text 'to be or not to be'?"
    python examples/mcp_tools.py "What is in notes.txt?" npx some-mcp-server .

What follows the question is the command that starts the server. Without one, this file
starts itself as a small server.
"""

from __future__ import annotations

import asyncio
import sys

from mcp import Client, StdioServerParameters
from mcp.server import MCPServer

from asi1 import AsyncASI1, tools_of


QUESTION = "How many words has the text 'to be or not to be'?"
ITSELF = [sys.executable, __file__, "--serve"]


def serve() -> None:
    """Be an MCP server with one tool, on standard input and output."""
    server = MCPServer("words", log_level="ERROR")

    @server.tool()
    def count_words(text: str) -> int:
        """Count the words of a text."""
        return len(text.split())

    server.run()


async def main(question: str, command: list[str]) -> None:
    """Start the server, ask the question, and print the answer."""
    program, *arguments = command
    async with (
        Client(StdioServerParameters(command=program, args=arguments)) as session,
        AsyncASI1() as client,
    ):
        tools = await tools_of(session, needs_approval=True)
        calls = client.chat.completions
        run = calls.run_tools(question, tools=tools)
        while (result := await run.until_done()).pending:
            decisions: dict[str, bool | str] = {}
            for call in result.pending:
                asked = f"{call.function.name!a} {call.function.arguments!a}? (y/n) "
                approved = (await asyncio.to_thread(input, asked)).strip() == "y"
                decisions[call.id] = approved or "The user does not want this call."
            run = calls.resume_tools(run.to_json(), tools=tools, decisions=decisions)
        print(result.text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        asyncio.run(main((sys.argv[1:] or [QUESTION])[0], sys.argv[2:] or ITSELF))
