"""Starts the server and a process for each value, and collects the values."""

import contextlib
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import tomllib

from pathlib import Path

from .cases import CASES
from .contenders import PACKAGES
from .measure import FAILS


ROOT = Path(__file__).resolve().parent.parent
VALUE_TIMEOUT = 600  # seconds for one value
# Seconds; a contender that has taken longer for a case does not run it again.
CASE_BUDGET = 20


def environment():
    """Return the environment of all processes: this checkout first, and no network."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # litellm downloads a list of prices on import, unless this variable is set.
    return {**os.environ, "PYTHONPATH": path, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


@contextlib.contextmanager
def server():
    """Run the server in its own process; yield its URL."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(
        command,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def run(cases, contenders, *, size, runs, say=None):
    """
    Measure every case with every contender, *runs* times.

    Args:
        cases: Names of cases.
        contenders: The names of contenders, each with its interpreter.
        size: "full", "quick" or "tiny".
        runs: How often; contenders alternate, so that a busy moment affects all.
        say: Called with the name of each case as it begins.

    Returns:
        The result, as ``--json`` writes it.
    """
    facts = about(contenders, size, runs)
    with server() as url:
        measured = {}
        for case in cases:
            if say:
                say(case)
            measured[case] = one_case(case, contenders, url, size=size, runs=runs)
    return {"about": facts, "cases": measured}


def one_case(case, contenders, url, *, size, runs):
    """Measure one case; return the results of all contenders."""
    values = {name: [] for name in contenders}
    taken = dict.fromkeys(contenders, 0.0)
    absent = {}
    for _ in range(runs):
        for name, python in contenders.items():
            if name in absent or taken[name] > CASE_BUDGET:
                continue
            began = time.monotonic()
            outcome = child(python, case, name, url, size)
            taken[name] += time.monotonic() - began
            if "value" in outcome:
                values[name].append(outcome["value"])
            else:
                absent[name] = outcome
    results = {
        name: absent.get(name) or {"median": statistics.median(runs), "runs": runs}
        for name, runs in values.items()
    }
    return {"unit": CASES[case].unit, "what": CASES[case].what, "results": results}


def child(python, case, name, url, size):
    """Measure one value in a new process."""
    command = [python, "-m", "benchmarks.measure", case, name, url, size]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=environment(),
            text=True,
            timeout=VALUE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return {"absent": FAILS, "why": f"took longer than {VALUE_TIMEOUT} s"}
    if done.returncode:
        return {"absent": FAILS, "why": done.stderr[-300:]}
    return json.loads(done.stdout.splitlines()[-1])


def about(contenders, size, runs):
    """Return the facts that a reader needs to judge the numbers."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "size": size,
        "runs": runs,
        "commit": commit(),
        "versions": {name: version(name, contenders[name]) for name in contenders},
    }


def version(name, python):
    """Return the version of a package in this interpreter, or None."""
    package = PACKAGES.get(name, name)
    if package == "asi1":  # the version of this checkout, not an installed one
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        return project["project"]["version"]
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run(
        [python, "-c", program],
        capture_output=True,
        check=False,
        env=environment(),
        text=True,
    )
    return done.stdout.strip() or None


def commit():
    """Return the checkout's commit, or None outside of a repository."""
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 - any git will do
            capture_output=True,
            check=False,
            cwd=ROOT,
            text=True,
        )
        return done.stdout.strip() or None
    return None
