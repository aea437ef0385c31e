"""Runs the server and the children, contenders in turn, and collects what they say."""

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
from .contenders import VARIANTS
from .measure import FAILS


ROOT = Path(__file__).resolve().parent.parent
LONGEST = 600  # seconds for one value
PATIENCE = 20  # seconds; a contender that has taken longer for a case is not run again


def environment():
    """Return the environment of every child: this checkout first, and no network."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # litellm fetches a list of prices when it is imported, unless told not to.
    return {**os.environ, "PYTHONPATH": path, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


@contextlib.contextmanager
def server():
    """Run the server in a process of its own; hand out its URL."""
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
        contenders: Name to the interpreter that runs it.
        size: "full", "quick" or "tiny".
        runs: How often; contenders take turns, so that a busy moment hits them alike.
        say: Is told how far it is.

    Returns:
        What `--json` writes.
    """
    facts = about(contenders, size, runs)
    with server() as url:
        found = {}
        for case in cases:
            if say:
                say(case)
            found[case] = one_case(case, contenders, url, size=size, runs=runs)
    return {"about": facts, "cases": found}


def one_case(case, contenders, url, *, size, runs):
    """Return what was measured of one case."""
    values = {name: [] for name in contenders}
    taken = dict.fromkeys(contenders, 0.0)
    absent = {}
    for _ in range(runs):
        for name, python in contenders.items():
            if name in absent or taken[name] > PATIENCE:
                continue
            began = time.monotonic()
            said = child(python, case, name, url, size)
            taken[name] += time.monotonic() - began
            if "value" in said:
                values[name].append(said["value"])
            else:
                absent[name] = said
    results = {
        name: absent.get(name) or {"median": statistics.median(runs), "runs": runs}
        for name, runs in values.items()
    }
    return {"unit": CASES[case].unit, "what": CASES[case].what, "results": results}


def child(python, case, name, url, size):
    """Measure one value in a process of its own."""
    command = [python, "-m", "benchmarks.measure", case, name, url, size]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env=environment(),
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        return {"absent": FAILS, "why": f"took longer than {LONGEST} s"}
    if done.returncode:
        return {"absent": FAILS, "why": done.stderr[-300:]}
    return json.loads(done.stdout.splitlines()[-1])


def about(contenders, size, runs):
    """Return what one has to know to judge the numbers."""
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
    """Return the version that this interpreter has of a package, or None."""
    if name in ("asi1", *VARIANTS):  # the checkout, whatever is installed
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        return project["project"]["version"]
    program = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run(
        [python, "-c", program],
        capture_output=True,
        check=False,
        env=environment(),
        text=True,
    )
    return done.stdout.strip() or None


def commit():
    """Return the checkout's commit, None outside of a repository."""
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git
            capture_output=True,
            check=False,
            cwd=ROOT,
            text=True,
        )
        return done.stdout.strip() or None
    return None
