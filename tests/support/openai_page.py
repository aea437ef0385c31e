"""
The tables of the guide for programs that come from OpenAI's client.

They are made of the hints that asi1's errors give, and of the idioms that are compared
with OpenAI's client. ``python -m tests.support.openai_page`` renews them.
"""

from __future__ import annotations

import re

from pathlib import Path

from asi1._models.openai_names import HINTS

from .openai_idioms import DIFFERENT, IDIOMS


__all__ = ["PAGE", "renewed"]

PAGE = Path(__file__).parents[2] / "docs/coming-from/openai.md"
# How the code of programs refers to an object of each class with hints.
OBJECTS = {
    "BaseClient": "client",
    "AsyncChat": "client.chat",
    "AsyncModels": "client.models",
    "KnownModel": "client.models.list().data[0]",
    "AsyncCompletions": "client.chat.completions",
    "AsyncImages": "client.images",
    "AsyncChatStream": "stream",
    "ChatCompletionChunk": "chunk",
    "ChatMessage": "message",
    "Model": "answer",
    "APIError": "error",
    "ResponseInfo": "error.response",
    "RawResponse": "raw_response",
    "AsyncConversation": "conversation",
    "asi1": "openai",
}


def names() -> str:
    """Return the table of the names that asi1 does not have."""
    rows: dict[tuple[str, str], list[str]] = {}
    for kind, place in OBJECTS.items():
        for name, advice in HINTS[kind].items():
            rows.setdefault((place, advice), []).append(f"`{place}.{name}`")
    lines = [f"| {', '.join(left)} | {advice} |" for (_, advice), left in rows.items()]
    return "\n".join(["| OpenAI's client | asi1 |", "|---|---|", *lines])


def share() -> str:
    """Return how many idioms give the same result with both packages."""
    count = sum(map(len, IDIOMS.values()))
    same = count - len(DIFFERENT)
    return (
        f"Of {count} one-line idioms of programs for OpenAI's client, {same}"
        f" ({100 * same // count} %) give the same result with asi1. These do not:"
    )


def idioms() -> str:
    """Return the table of the idioms that give another result."""
    lines = [f"| `{idiom}` | {reason} |" for idiom, reason in DIFFERENT.items()]
    return "\n".join(["| idiom | in asi1 |", "|---|---|", *lines])


def renewed(page: str) -> str:
    """Return *page* with the tables as they should be."""
    for name, table in {"names": names(), "idioms": f"{share()}\n\n{idioms()}"}.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        old = re.compile(f"(?<={begin}).*?(?={end})", re.DOTALL)
        page = old.sub(lambda _, table=table: f"\n{table}\n", page)
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
