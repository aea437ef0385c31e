"""
Ask the same questions twice; the second time, a file on this machine answers.

    export ASI_ONE_API_KEY=...
    python examples/cache.py answers.sqlite3 "Why is the sky blue?"
"""

from __future__ import annotations

import sys

from asi1 import ASI1, SQLiteCache


def main(path: str, prompts: list[str]) -> None:
    """Ask in two runs; print where each answer comes from."""
    cache = SQLiteCache(path, max_age=30 * 24 * 3600)
    with ASI1(cache=cache) as client:
        for run in (1, 2):
            for answer in client.chat.completions.map(prompts):
                source = "cache" if answer.response.cached else "server"
                print(f"run {run}, from the {source}: {answer.text}")
    cache.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or ["Why is the sky blue?"])
