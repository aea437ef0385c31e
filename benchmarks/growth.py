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
    """Measure one value in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", name, str(size), url],
        capture_output=True,
        check=False,
        env=runs.environment(),
        text=True,
        timeout=runs.VALUE_TIMEOUT,
    )
    if done.returncode:
        raise SystemExit(f"{name} with {size} fails: {done.stderr[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def grown(name, smallest, url, times):
    """Return the least CPU time of a path for each size; the sizes take turns."""
    sizes = [smallest * scale for scale in SCALES]
    rounds = [[child(name, size, url) for size in sizes] for _ in range(times)]
    return [min(values) for values in zip(*rounds, strict=True)]


def main(names=None, *, times=5, tiny=False, say=print):
    """Print the table; return the names of the paths that grow too much."""
    paths = table_of_paths()
    rows = [["path", "what doubles", "n", "ms with n", "2n / n", "4n / 2n"]]
    above = []
    with runs.server() as url:
        for name in names or paths:
            size = max(paths[name].size // TINY, 4) if tiny else paths[name].size
            first, second, third = grown(name, size, url, times)
            factors = second / first, third / second
            above += [name] if max(factors) >= TOO_MUCH else []
            shown = [f"{factor:.2f}" for factor in factors]
            rows.append([name, paths[name].what, f"{size:,}", number(first), *shown])
    say("\n".join(lines(rows)))
    say(f"\n{TOO_MUCH} or more: {', '.join(above) or 'none'}")
    return above


def table_of_paths():
    """Return the paths, which import asi1, by their names."""
    from .growth_paths import PATHS  # noqa: PLC0415 - not for the other commands

    return PATHS


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("size", type=int)
    parser.add_argument("url")
    given = parser.parse_args()
    taken = table_of_paths()[given.path].run
    print(json.dumps(asyncio.run(timed(taken, given.size, given.url))))
