"""
Generates an image, and asks the model what the image shows.

    export ASI_ONE_API_KEY=...
    python examples/images.py "An otter in a teacup"
"""

from __future__ import annotations

import sys

from asi1 import ASI1, UserMessage


PROMPT = "An otter in a teacup"


def main(prompt: str) -> None:
    """Save the image, and print its file or URL, and what the model sees."""
    with ASI1(model="asi1") as client:  # this model also reads images
        made = client.images.generate(prompt, size="1024x1024")
        if made.url:  # asi1 does not download it
            place = made.url
        else:
            kind = (made.media_type or "image/unknown").partition("/")[2]
            place = f"generated.{kind}"
            made.save(place)
        print(place)

        question = UserMessage("What is this?", images=[place])
        print(client.chat.completions.create(messages=[question]).text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else PROMPT)
