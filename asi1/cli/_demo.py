"""
``asi1 demo``: shows a streamed answer, without a key or a network.

The real client calls a fake server on this machine; only the answer is scripted.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace

import asi1

from ._interrupt import cancel_on_interrupt
from ._terminal import Screen
from ._view import View, follow, summary


__all__ = ["demo"]

_QUESTION = "Tell me something charming that is true."

_OPENING = f"""\
asi1 demo: offline, with asi1's built-in fake server. No key and no network.

> {_QUESTION}

"""

_THOUGHTS = (
    "Otters holding hands? Too well known.",
    "Bumblebees and their little balls, then; they got no reward.",
)

# Source: Galpayage Dona et al., "Do bumble bees play?", Animal Behaviour 194 (2022)
_TEXT = """\
Bumblebees play. For a study of 2022, researchers in London laid small wooden
balls beside the way to the feeder, and bees kept coming back to roll them
around, although it brought them nothing, neither sugar nor company.
One bee did so 117 times. The young ones played the most.
"""

_CLOSING = """
The answer was scripted; the client, the stream and the times are real.
For answers from the model, create a key at https://asi1.ai, set the environment
variable ASI_ONE_API_KEY to it, and run

    asi1 ask "Why do bumblebees play?"
"""

_WORD_DELAY = 0.03  # seconds between two words


def demo(_: Namespace) -> None:
    """
    Stream a scripted answer from the fake server, and print it.

    Raises:
        OSError: The fake server cannot open a socket on this machine.
    """
    screen = Screen(sys.stdout, os.environ)
    screen.write(_OPENING)
    # Imported here, because no other command needs the fake server.
    from asi1.testing import FakeASI1  # noqa: PLC0415

    with (
        FakeASI1() as fake,
        asi1.ASI1("demo", fake.base_url) as client,
        cancel_on_interrupt(),
    ):
        fake.reply(_TEXT, thoughts=_THOUGHTS, chunk_words=1, chunk_delay=_WORD_DELAY)
        stream = client.chat.completions.stream(messages=_QUESTION)
        answer = follow(stream, View(screen, screen))
    screen.write("\n")
    screen.dim(summary(answer, priced=False))  # a fake answer costs nothing
    screen.end_line()
    screen.write(_CLOSING)
