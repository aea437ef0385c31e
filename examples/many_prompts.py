"""
Many prompts from blocking code, in two ways; the answers are in the prompts' order.

    export ASI_ONE_API_KEY=...
    python examples/many_prompts.py "Why is the sky blue?" "Why is grass green?"
"""

from __future__ import annotations

import sys

from concurrent.futures import ThreadPoolExecutor

from asi1 import ASI1, ASI1Error


PROMPTS = [f"Tell me one fact about the number {number}." for number in range(1, 9)]


def by_map(client: ASI1, prompts: list[str]) -> list[str]:
    """Use `map`, without threads; a failed call returns its error, the rest go on."""
    answers = client.chat.completions.map(
        prompts, concurrency=4, return_exceptions=True
    )
    return [
        f"failed: {answer}" if isinstance(answer, ASI1Error) else answer.text
        for answer in answers
    ]


def by_threads(client: ASI1, prompts: list[str]) -> list[str]:
    """Use threads, for code that has them anyway; all share one client."""

    def ask(prompt: str) -> str:
        return client.chat.completions.create(messages=prompt).text

    with ThreadPoolExecutor(max_workers=4) as threads:
        return list(threads.map(ask, prompts))


def main(prompts: list[str]) -> None:
    """Ask in both ways."""
    with ASI1() as client:
        for way in (by_map, by_threads):
            print(f"-- {way.__name__}")
            for prompt, text in zip(prompts, way(client, prompts), strict=True):
                print(f"{prompt}\n    {text}")


if __name__ == "__main__":
    main(sys.argv[1:] or PROMPTS)
