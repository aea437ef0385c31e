"""
Count how many small, wrong changes to the package make its tests fail.

Run as ``python -m tests.support.mutants``.

Makes a random sample of the changes in `mutations` to the modules of `LAYERS`, and runs
the fast tests of each module on each change, in a forked process that imports the
changed module instead of the original. No file is written. A change that no test
notices has survived; the changes in `EQUIVALENT` cannot be noticed.
"""

from __future__ import annotations

import argparse
import collections
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import resource
import signal
import sys
import time

from pathlib import Path

import cattrs  # noqa: F401 - loaded once, since every run needs it
import httpx  # noqa: F401
import hypothesis
import pytest
import trio.testing  # noqa: F401

from .mutant_tests import EQUIVALENT, TESTS
from .mutations import Mutant, mutants_of, mutated


ROOT = Path(__file__).parents[2]
# The tests of a changed module are stopped after SLOWER times the duration for the
# unchanged module, plus LONGER seconds. A stopped run counts as noticing the change.
SLOWER, LONGER = 4, 5
UNCHANGED = 300  # time limit in seconds for the tests of an unchanged module
MEMORY = 4 * 2**30


class Changed(importlib.machinery.SourceFileLoader, importlib.abc.MetaPathFinder):
    """Loads one module of asi1 with a change made to the module's code."""

    def __init__(self, mutant):
        self.mutant = mutant
        super().__init__(f"asi1.{mutant.module}", str(path_of(mutant.module)))

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, fullname):
        tree = mutated(source_of(self.mutant.module), self.mutant)
        return compile(tree, self.path, "exec")


def print_line(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@functools.cache
def source_of(module):
    """Return a module's source as it was when the run began."""
    return path_of(module).read_text(encoding="utf-8")


def path_of(module):
    return ROOT / "asi1" / f"{module.replace('.', '/')}.py"


def run_tests(module, seconds, mutant=None):
    """
    Run the tests of *module* in this process for at most *seconds*, with the change
    *mutant* if one is given; return pytest's exit code.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    if mutant is not None:
        sys.meta_path.insert(0, Changed(mutant))
    hypothesis.settings.register_profile(
        "mutants", max_examples=20, database=None, derandomize=True, deadline=None
    )
    hypothesis.settings.load_profile("mutants")
    files = [str(ROOT / "tests" / f"{name}.py") for name in TESTS[module]]
    plugins = ["no:cacheprovider", "no:randomly", "no:cov"]
    options = [part for name in plugins for part in ("-p", name)]
    # pytest's assert rewriting is off: it takes time, and only makes better messages,
    # which are not read here.
    return pytest.main(["-xq", "--assert=plain", "-otimeout=0", *options, *files])


def start(module, seconds, mutant=None):
    """Fork a process that runs the tests of a module; return the process id."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        code = int(run_tests(module, seconds, mutant))
    except BaseException:  # noqa: BLE001 - any error means that the change is noticed
        code = 1
    finally:
        os._exit(code)


def outcomes(mutants, jobs, limits):
    """
    Yield each change and whether the tests noticed it; print each unnoticed change.

    *limits* has the seconds for the tests of each module.
    """
    running = {}
    todo = list(reversed(mutants))
    while todo or running:
        while todo and len(running) < jobs:
            mutant = todo.pop()
            child = start(mutant.module, limits[mutant.module], mutant)
            running[child] = mutant
        child, status = os.wait()
        mutant, noticed = running.pop(child), os.waitstatus_to_exitcode(status) != 0
        if not noticed:
            path = path_of(mutant.module).relative_to(ROOT)
            print_line(f"{path}:{mutant.line}: {mutant.change}")
        yield mutant, noticed


def limits_of(modules):
    """
    Return how many seconds the tests of each module may take on a changed module.

    Exit if tests fail without a change, as then each change would seem noticed.
    """
    limits = {}
    for module in modules:
        began = time.monotonic()
        _, status = os.waitpid(start(module, UNCHANGED), 0)
        if status:
            sys.exit(f"the tests of {module} fail on the package as it is")
        limits[module] = int(SLOWER * (time.monotonic() - began) + LONGER)
    return limits


def report(done, seconds):
    """Print how many changes were noticed per module; return their share in percent."""
    table = collections.defaultdict(lambda: [0, 0])
    for mutant, noticed in done:
        table[mutant.module][not noticed] += 1
    for module, (killed, survived) in sorted(table.items()):
        print_line(f"{module:32} {killed:4} killed {survived:4} survived")
    killed = sum(noticed for _, noticed in done)
    share = 100 * killed / max(1, len(done))
    print_line(f"{killed} of {len(done)} noticed, {share:.1f} %, in {seconds:.0f} s")
    return share


def main():
    parser = argparse.ArgumentParser(prog="tests.support.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--module", action="append", choices=TESTS, help="only this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--floor", type=float, default=90.0, help="in percent")
    arguments = parser.parse_args()
    modules = arguments.module or list(TESTS)
    mutants: list[Mutant] = [
        mutant
        for module in modules
        for mutant in mutants_of(module, source_of(module))
        if (module, mutant.change) not in EQUIVALENT
    ]
    print_line(f"{len(mutants)} changes to {len(modules)} modules")
    if arguments.sample and arguments.sample < len(mutants):
        mutants = random.Random(arguments.seed).sample(mutants, arguments.sample)
    limits = limits_of(sorted({mutant.module for mutant in mutants}))
    began = time.monotonic()
    done = list(outcomes(mutants, arguments.jobs, limits))
    share = report(done, time.monotonic() - began)
    sys.exit(0 if share >= arguments.floor else 1)


if __name__ == "__main__":
    main()
