"""Runs every contender in turn, several times, and prints the ratios to the floor."""

import argparse
import json
import statistics
import subprocess
import sys

from pathlib import Path

from .contenders import CONTENDERS


def measure(name, url, chunks):
    """Return the CPU microseconds per chunk of one run of *name*."""
    command = [sys.executable, "-m", "benchmarks.contenders", name, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, seen = said.split()
    if int(seen) != chunks:
        raise SystemExit(f"{name} saw {seen} of {chunks} chunks")
    return float(seconds) / chunks * 1e6


def main():
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    runs = {name: [] for name in CONTENDERS}
    command = [sys.executable, "-m", "benchmarks.server", str(options.chunks)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        url = server.stdout.readline().strip()
        for _ in range(options.runs):
            for name, times in runs.items():
                times.append(measure(name, url, options.chunks))
        server.stdin.close()
    medians = {name: statistics.median(times) for name, times in runs.items()}
    print(f"CPU for one streamed chunk, {options.chunks} chunks, {options.runs} runs\n")
    print(f"{'':12}{'median us':>10}{'x floor':>9}")
    for name, median in medians.items():
        print(f"{name:12}{median:>10.1f}{median / medians['floor']:>9.2f}")
    if options.json:
        result = {"chunks": options.chunks, "medians": medians, "runs": runs}
        options.json.write_text(json.dumps(result, indent=2), "utf-8")


if __name__ == "__main__":
    main()
