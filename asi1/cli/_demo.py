"""
``asi1 demo``: a streamed answer to look at, without a key or a network.

The real client talks to a fake server over loopback; only the words are scripted.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace
from contextlib import ExitStack

import asi1

from ._interrupt import uninterrupted
from ._terminal import Screen
from ._view import View, follow, summary


__all__ = ["demo"]

_QUESTION = "Tell me something charming that is true."

_OPENING = f"""\
asi1 demo: offline, on the fake server that asi1 brings along. No key and no network.

> {_QUESTION}

"""

_THOUGHTS = (
    "Otters holding hands? Everybody has heard of those.",
    "Bumblebees and their little balls, then; nobody paid them for it.",
)

# Source: Galpayage Dona et al., "Do bumble bees play?", Animal Behaviour 194 (2022)
_TEXT = """\
Bumblebees play. For a study of 2022, researchers in London laid small wooden
balls beside the way to the feeder, and bees kept coming back to roll them
around, though there was nothing to be had for it, neither sugar nor company.
One bee did so 117 times. The young ones played the most.
"""

_CLOSING = """
The answer was scripted; the client, the stream and the times are real.
For answers from the model, make a key at https://asi1.ai, put it into the
environment variable ASI_ONE_API_KEY, and go on with

    asi1 ask "Why do bumblebees play?"
"""

_PACE = 0.03  # seconds between two words


def demo(_: Namespace) -> None:
    """
    Show a streamed answer.

    Raises:
        OSError: Not even a loopback socket is to be had.
    """
    screen = Screen(sys.stdout, os.environ)
    screen.write(_OPENING)
    with ExitStack() as stack:
        with uninterrupted():
            # No other command needs a server.
            from asi1.testing import FakeASI1  # noqa: PLC0415

            fake = stack.enter_context(FakeASI1())
            client = asi1.ASI1("demo", fake.base_url)
            stack.enter_context(client)
        fake.reply(_TEXT, thoughts=_THOUGHTS, chunk_words=1, chunk_delay=_PACE)
        stream = client.chat.completions.stream(messages=_QUESTION)
        answer = follow(stream, View(screen, screen))
    screen.write("\n")
    screen.dim(summary(answer))
    screen.end_line()
    screen.write(_CLOSING)
