"""
Lets the model call tools, and prints the steps as they happen.

    export ASI_ONE_API_KEY=...
    python examples/tools.py "Is it warmer in Oslo or in Rome? In Fahrenheit, please."

The model may call several tools at the same time. What it writes before its last answer
is printed too.
"""

from __future__ import annotations

import asyncio
import sys

from typing import Annotated

from asi1 import (
    AsyncASI1,
    TextStep,
    ToolEndedStep,
    ToolError,
    ToolStartedStep,
    ToolStep,
)


QUESTION = "Is it warmer in Oslo or in Rome? In Fahrenheit, please."
DEGREES = {"oslo": -3.5, "rome": 14.0}


async def temperature(city: Annotated[str, "its English name"]) -> float:
    """Return the temperature in a city now, in degrees Celsius."""
    await asyncio.sleep(0.01)  # a real tool would ask a weather service
    if city.lower() not in DEGREES:
        raise ToolError(f"no station in {city}; there are: {', '.join(DEGREES)}")
    return DEGREES[city.lower()]


def fahrenheit(celsius: float) -> float:
    """Convert degrees Celsius to degrees Fahrenheit."""
    return celsius * 9 / 5 + 32


def show(step: ToolStep) -> None:
    """Print a step."""
    match step:
        case TextStep(text=text):
            print(text, end="", flush=True)
        case ToolStartedStep(call=call):
            print(f"\n> {call.function.name!a} {call.function.arguments!a}")
        case ToolEndedStep(content=content, failed=failed):
            print("! failed:" if failed else "<", ascii(content))


async def main(question: str) -> None:
    """Ask the question, and print the steps and the token count."""
    async with (
        AsyncASI1() as client,
        client.chat.completions.run_tools(
            question, tools=[temperature, fahrenheit], stream=True
        ) as run,
    ):
        async for step in run:
            show(step)
        print()
        if run.usage:
            print(run.usage.total_tokens, "tokens", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else QUESTION))
