"""
Measures how the cost of each path grows as its input doubles.

``python -m benchmarks growth`` takes each path with n, 2n and 4n, every time in a
process of its own, and prints the CPU time and by what it grows with each doubling: by
2 if it grows with the input, by 4 if with its square.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time

from . import runs
from .table import lines, number


SCALES = (1, 2, 4)
TINY = 50  # by which the sizes of a test run are smaller
TOO_MUCH = 2.6


class FailedError(Exception):
    """A path failed."""


async def timed(run, size, url):
    """Return the CPU milliseconds of what a path does after its ``yield``."""
    steps = run(size, url)
    await anext(steps)
    gc.collect()
    began = time.process_time()
    async for _ in steps:
        pass
    return (time.process_time() - began) * 1000


def child(name, size, url):
    """Return one value, measured in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", name, str(size), url],
        capture_output=True,
        check=False,
        env=runs.environment(),
        text=True,
        timeout=runs.VALUE_TIMEOUT,
    )
    if done.returncode:
        raise FailedError(f"{name}, {size}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def grown(name, smallest, url, times, measure):
    """Return the least CPU time of a path for each size; the sizes take turns."""
    sizes = [smallest * scale for scale in SCALES]
    rounds = [[measure(name, size, url) for size in sizes] for _ in range(times)]
    return [min(values) for values in zip(*rounds, strict=True)]


def main(
    names=None,
    *,
    times=5,
    tiny=False,
    say=print,
    tell=lambda _: None,
    measure=child,
):
    """
    Print the table.

    Args:
        names: The paths; all by default.
        times: How often each size is measured.
        tiny: Whether to take small sizes, which show that each path works.
        say: Prints a text.
        tell: Called with the name and the values of each path when they are there.
        measure: Returns one value, as `child` does.

    Returns:
        The names of the paths that fail.
    """
    paths = table_of_paths()
    rows = [["path", "what doubles", "n", "ms with n", "2n / n", "4n / 2n"]]
    above, failed = [], {}
    with runs.server() as url:
        for name in names or paths:
            size = max(paths[name].size // TINY, 4) if tiny else paths[name].size
            try:
                cells, factors = row(grown(name, size, url, times, measure))
            except FailedError as error:
                cells, factors = [runs.FAILS, "-", "-"], (0,)
                failed[name] = str(error)
            tell(f"{name}: {' '.join(cells)}")
            above += [name] if max(factors) >= TOO_MUCH else []
            rows.append([name, paths[name].what, f"{size:,}", *cells])
    say("\n".join(lines(rows)))
    say(f"\n{TOO_MUCH} or more: {', '.join(above) or 'none'}")
    for why in failed.values():
        say(why)
    return [*failed]


def row(values):
    """Return the cells of a path's three values, and its two factors."""
    first, second, third = values
    factors = second / first, third / second
    return [number(first), *(f"{factor:.2f}" for factor in factors)], factors


def table_of_paths():
    """Return the paths, which import asi1, by their names."""
    from .growth_paths import PATHS  # noqa: PLC0415 - not for the other commands

    return PATHS


def here(name, size, url):
    """Return one value, measured in this process."""
    return asyncio.run(timed(table_of_paths()[name].run, size, url))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("size", type=int)
    parser.add_argument("url")
    given = parser.parse_args()
    print(json.dumps(here(given.path, given.size, given.url)))
