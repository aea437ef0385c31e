"""
Extracts facts from a text as objects; asks again if an answer does not fit.

    export ASI_ONE_API_KEY=...
    python examples/extraction.py "Ada, 36, lives in Oslo; Bo, 4, lives with her."
"""

import sys

from typing import Annotated

from attrs import frozen

from asi1 import ASI1, OutputError


TEXT = "Ada, 36, lives in Oslo; her son Bo, 4, lives with her."


@frozen
class Person:
    """A person whom the text mentions."""

    name: str
    age: Annotated[int | None, "in years; null if the text does not say"]
    town: str | None = None


def people_in(client: ASI1, text: str) -> list[Person]:
    """Return the people of a text; ask once more if the answer does not fit."""
    answer = client.chat.completions.parse(
        messages=f"List all people in this text.\n\n{text}",
        response_format=list[Person],
        temperature=0,
        repair=1,
    )
    for error in answer.earlier:
        print("asked again, since", error, file=sys.stderr)
    return answer.parsed


def main(text: str) -> int:
    """Print one person a line; return the exit code."""
    with ASI1() as client:
        try:
            people = people_in(client, text)
        except OutputError as error:
            print(f"no list: {error}", file=sys.stderr)
            return 1
    for person in people:
        print(person.name, person.age or "?", person.town or "?", sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else TEXT))
