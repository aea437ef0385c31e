"""
Asks an agent for something, and waits for an answer that comes later.

    export ASI_ONE_API_KEY=...
    python examples/agent_session.py "Book a table for two in Oslo."

The agent's state is kept under a session id. If there is no answer in time, the
conversation and the id are saved, and the same command goes on waiting.
"""

from __future__ import annotations

import sys

from pathlib import Path

from asi1 import ASI1, APITimeoutError


REQUEST = "Book a table for two in Oslo."
FILE = Path("agent_session.json")


def main(request: str, *, interval: float = 5.0, timeout: float = 120.0) -> int:
    """Print the agent's answer; return the exit code."""
    with ASI1() as client:
        if FILE.exists():
            chat = client.conversation(saved=FILE.read_text("utf-8"))
        else:
            chat = client.conversation(session=True, web_search=True)
            print(chat.ask(request).text, file=sys.stderr)
        try:
            answer = chat.wait(interval=interval, timeout=timeout)  # if it is deferred
        except APITimeoutError as error:
            FILE.write_text(chat.to_json(), "utf-8")
            print(f"{error}; the same command goes on waiting", file=sys.stderr)
            return 1
    FILE.unlink(missing_ok=True)
    print(answer.text)
    for agent in answer.agents_used:
        print("by", agent.agent_name, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else REQUEST))
