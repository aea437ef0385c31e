"""Programs of users, each run in its own process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time


__all__ = ["HEAD", "ended", "run", "start", "wait_for"]

HEAD = """\
import asyncio, os, sys, threading, time
import asi1

url = {url!r}
kept = []

def client_of(kind=asi1.ASI1):
    kept.append(kind("sk-test", url))
    return kept[-1]

"""

# Seconds after which a program counts as hanging. It should need one or two.
_TIMEOUT = 240


def start(fake, script, *options):
    """
    Start *script*, which can use the names in `HEAD`.

    Its standard input is empty, and is closed when `ended` waits for it.
    """
    source = HEAD.format(url=fake.base_url) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, *options, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """
    Wait for the end of *process*; return its exit code and what it printed.

    A process that hangs is killed, and its code is then "hangs".
    """
    with process:
        try:
            out, err = process.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return "hangs", *process.communicate()
    return process.returncode, out, _without_slow_steps(err)


def run(fake, script, *options):
    """Run *script* to its end; return its exit code and what it printed."""
    return ended(start(fake, script, *options))


def _without_slow_steps(text):
    # In debug mode asyncio reports each step above 0.1 s, and on a busy machine any
    # step may take that long.
    lines = text.splitlines(keepends=True)
    return "".join(
        line
        for line in lines
        if not (line.startswith("Executing <") and line.endswith(" seconds\n"))
    )


def wait_for(condition, seconds=60.0):
    """Wait until *condition* holds; fail after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.005)
