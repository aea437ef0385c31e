"""Run small programs that use asi1, each in its own process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time


__all__ = ["FORK_QUIETLY", "HEAD", "IMPORTS", "ended", "run", "start", "wait_for"]

IMPORTS = """\
import asyncio, os, sys, threading, time
import asi1

url = {url!r}
"""

HEAD = f"""\
{IMPORTS}
kept = []

def client_of(kind=asi1.ASI1):
    kept.append(kind("sk-test", url))
    return kept[-1]

"""

# Python 3.12 and later warn if a process with several threads forks. Programs that fork
# on purpose are run with these options, which ignore the warning.
FORK_QUIETLY = ("-W", "ignore::DeprecationWarning")

# Seconds after which a program counts as hanging; programs usually end in 1 or 2 s.
_TIMEOUT = 240


def start(fake, script, *options, head=HEAD):
    """
    Start *script*, preceded by the code in *head*, as a program; return its process.

    The program's standard input has no data, and is closed once `ended` waits.
    """
    source = head.format(url=fake.base_url) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, *options, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """
    Wait for the end of *process*; return its exit code, standard output and error.

    A process that hangs is killed, and "hangs" is returned for its exit code.
    """
    with process:
        try:
            out, err = process.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return "hangs", *process.communicate()
    return process.returncode, out, _without_slow_steps(err)


def run(fake, script, *options, head=HEAD):
    """Run *script*; return its exit code, standard output and standard error."""
    return ended(start(fake, script, *options, head=head))


def _without_slow_steps(text):
    # In debug mode asyncio logs each step of a task that takes more than 0.1 s, and on
    # a busy machine any step may take that long, so these log lines are removed.
    lines = text.splitlines(keepends=True)
    return "".join(
        line
        for line in lines
        if not (line.startswith("Executing <") and line.endswith(" seconds\n"))
    )


def wait_for(condition, seconds=60.0):
    """Wait until *condition* returns true; fail after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.005)
