"""
A file of requests, answered in the file's order of custom ids; goes on after a stop.

    export ASI_ONE_API_KEY=...
    python examples/batch.py "Why is the sky blue?" "Why is grass green?"

Stop it with Ctrl-C and run it again: no question that has an answer is asked twice.
"""

from __future__ import annotations

import json
import sys

from pathlib import Path

import asi1


QUESTIONS = [f"Tell me one fact about the number {number}." for number in range(1, 9)]
REQUESTS = Path("requests.jsonl")
ANSWERS = Path("answers.jsonl")


def write_requests(questions: list[str]) -> None:
    """Write a line for each question; the custom id is the question's number."""
    with REQUESTS.open("w", encoding="utf-8") as file:
        for number, question in enumerate(questions, 1):
            request = {
                "custom_id": f"question-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"messages": [{"role": "user", "content": question}]},
            }
            file.write(json.dumps(request) + "\n")


def read_answers() -> dict[str, str]:
    """Return the text of each answer, or the status of a failure, by custom id."""
    found = {}
    with ANSWERS.open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            response = row["response"]
            if response is None:
                found[row["custom_id"]] = f"failed: {row['error']['message']}"
            elif response["status_code"] != 200:
                found[row["custom_id"]] = f"failed: {response['status_code']}"
            else:
                message = response["body"]["choices"][0]["message"]
                found[row["custom_id"]] = message["content"]
    return found


def show(summary: asi1.BatchSummary) -> None:
    """Show the progress."""
    print(f"{summary.done} done, {summary.failed} failed, {summary.left} left")


def main(questions: list[str]) -> int:
    """Ask all questions; the exit code tells whether some have no answer."""
    write_requests(questions)
    summary = asi1.batch(REQUESTS, ANSWERS, concurrency=4, progress=show)
    answers = read_answers()
    for number, question in enumerate(questions, 1):
        print(f"{question}\n    {answers[f'question-{number}']}")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or QUESTIONS))
