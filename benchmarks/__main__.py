"""The command line: ``python -m benchmarks --help`` lists its commands."""

import argparse
import json
import sys

from pathlib import Path

from . import growth, longest, pages, picture, runs, seam, table
from .cases import CASES, FAMILIES, HOT, selected
from .contenders import CONTENDERS, VARIANTS


def main(arguments):
    """Run one command; return the exit code."""
    options = parser().parse_args(arguments)
    return options.do(options)


def parser():
    """Return the parser of the command line."""
    about = "Measure, compare and draw what clients cost."
    root = argparse.ArgumentParser(prog="python -m benchmarks", description=about)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    measuring(commands.add_parser("run", help="measure cases (the default)"))
    guarding = commands.add_parser("guard", help="compare asi1 to httpx in a minute")
    guarding.add_argument("--json", type=Path, metavar="FILE")
    guarding.set_defaults(do=guard)
    comparing = commands.add_parser("compare", help="compare two JSON files")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.set_defaults(do=compare)
    watching = commands.add_parser(
        "longest", help="how long floods keep an event loop busy"
    )
    watching.add_argument("floods", nargs="*", metavar="FLOOD")
    watching.add_argument("--way", action="append", choices=longest.WAYS)
    watching.add_argument("--no-gc", action="store_true")
    watching.set_defaults(do=watch)
    growing = commands.add_parser("growth", help="how cost grows with the input")
    growing.add_argument("paths", nargs="*", metavar="PATH")
    growing.add_argument("--runs", type=int, default=5)
    growing.add_argument("--tiny", action="store_true", help="a test run")
    growing.set_defaults(do=grow)
    hooking = commands.add_parser("seam", help="what no hooks cost a call")
    hooking.set_defaults(do=lambda _: seam.main() and 0)
    showing = commands.add_parser("show", help="print and draw a JSON file")
    showing.add_argument("file", type=Path)
    showing.add_argument("--svg", type=Path, metavar="FILE")
    showing.set_defaults(do=show)
    writing = commands.add_parser("pages", help="write results.json into the docs")
    writing.set_defaults(do=lambda _: pages.write(read(pages.RESULTS)))
    return root


def measuring(command):
    """Add the options of a run to a command."""
    add = command.add_argument
    families = sorted(FAMILIES)
    add(
        "cases",
        nargs="*",
        metavar="CASE",
        choices=[[], *CASES, *families],
        help=f"{' '.join(CASES)}; or a group of cases: {' '.join(families)}",
    )
    add("--only", metavar="NAMES", help="contenders, separated by commas")
    add("--quick", action="store_const", const="quick", dest="size", default="full")
    add("--tiny", action="store_const", const="tiny", dest="size", help="a test run")
    add("--runs", type=int, help="default 5; 3 with --quick, 1 with --tiny")
    add("--json", type=Path, metavar="FILE")
    add("--svg", type=Path, metavar="FILE")
    add(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the interpreter for a contender that is installed elsewhere",
    )
    command.set_defaults(do=run)


def run(options):
    """Measure the selected cases; print, write and draw the result."""
    names = [name for name in CONTENDERS if name not in VARIANTS]
    if options.only:
        names = options.only.split(",")
    if unknown := set(names) - set(CONTENDERS):
        raise SystemExit(f"unknown contender: {', '.join(unknown)}")
    pythons = dict.fromkeys(names, sys.executable)
    pythons |= dict(pair.split("=", 1) for pair in options.python)
    result = runs.run(
        selected(options.cases or CASES),
        pythons,
        size=options.size,
        runs=options.runs or {"full": 5, "quick": 3, "tiny": 1}[options.size],
        say=tell,
    )
    return finish(result, options.json, options.svg)


def tell(line):
    """Print a line that is no part of the result."""
    print(line, file=sys.stderr, flush=True)


def guard(options):
    """Measure the hot paths of asi1 and the floor; a slow result is not an error."""
    contenders = dict.fromkeys((table.FLOOR, table.OURS), sys.executable)
    result = runs.run(HOT, contenders, size="quick", runs=5)
    return finish(result, options.json)


def watch(options):
    """Print how long floods keep each event loop busy, in CPU milliseconds."""
    ways = options.way or longest.WAYS
    longest.main(options.floods, ways, collect=not options.no_gc)
    return 0


def grow(options):
    """Print by what the cost of each path grows as its input doubles."""
    failed = growth.main(
        options.paths, times=options.runs, tiny=options.tiny, tell=tell
    )
    return int(bool(failed))


def show(options):
    """Print and draw an earlier result."""
    return finish(read(options.file), svg=options.svg)


def compare(options):
    """Print how the ratios to the floor have changed."""
    print(table.compared(read(options.old), read(options.new)))
    return 0


def read(file):
    """Read a result from a file."""
    return json.loads(file.read_text("utf-8"))


def finish(result, file=None, svg=None):
    """Print a result, write it and draw it; return 1 if asi1 itself failed, else 0."""
    print(table.table(result))
    if file:
        file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if svg:
        svg.write_text(picture.picture(result), "utf-8")
    ours = [case["results"].get(table.OURS, {}) for case in result["cases"].values()]
    return int(any("why" in found for found in ours))


if __name__ == "__main__":
    given = sys.argv[1:]
    known = ("run", "guard", "compare", "growth", "longest", "pages", "seam")
    known += ("show", "-h", "--help")
    sys.exit(main(given if given and given[0] in known else ["run", *given]))
