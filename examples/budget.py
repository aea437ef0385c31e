"""
Answer questions until a budget is used up, and show what it cost.

    export ASI_ONE_API_KEY=...
    python examples/budget.py 0.05 "Why is the sky blue?" "Why is grass green?"
"""

from __future__ import annotations

import sys

from asi1 import ASI1, Budget, BudgetExceededError


def main(dollars: str, questions: list[str]) -> int:
    """Answer *questions*, for at most so many *dollars*."""
    with ASI1(max_retries=0) as client:
        answers = client.chat.completions.map(
            questions, key=str, max_tokens=500, budget=Budget(usd=dollars)
        )
        try:
            for question, answer in answers:
                print(f"{question}\n    {answer.text}\n    ${answer.cost:f}")
        except BudgetExceededError as error:
            print(f"stopped: {error}", file=sys.stderr)
            return 1
        finally:
            spent = client.spent
            print(f"{spent.requests} requests, {spent.tokens} tokens, ${spent.usd:f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
