"""
Measures one value: ``python -m benchmarks.measure CASE CONTENDER URL SIZE``.

Prints the result of `measure` as one JSON object.
"""

import ast
import importlib
import importlib.util
import json
import sys

from . import calls, ways
from .cases import CASES
from .contenders import CONTENDERS, function
from .limits import raise_open_files


NOT_INSTALLED = "not installed"
CANNOT = "-"
FAILS = "fails"


def measure(case, contender, url, size="full"):
    """
    Measure one case with one contender in this process.

    Args:
        case: A name in `CASES`.
        contender: A name in `CONTENDERS`.
        url: The URL of `benchmarks.server`.
        size: "full", "quick" or "tiny".

    Returns:
        A dict with the number ``value``; or with ``absent``, a word for the table, and
        for a failure with ``why``.
    """
    if not all(map(importlib.util.find_spec, needed(contender))):
        return {"absent": NOT_INSTALLED}
    case = CASES[case]
    method = getattr(calls if case.method == "calls" else ways, case.method)
    try:
        module = importlib.import_module(f"{__package__}.contenders.{contender}")
        if case.name in getattr(module, "CANNOT", ()):
            return {"absent": CANNOT}
        if case.operation and function(module, case.operation) is None:
            return {"absent": CANNOT}
        return {"value": method(case, case.sizes[size], module, url)}
    except ways.ImpossibleError:
        return {"absent": CANNOT}
    except Exception as error:  # noqa: BLE001 - a contender may raise any error
        return {"absent": FAILS, "why": f"{type(error).__name__}: {error}"[:300]}


def needed(contender):
    """Return the names of the packages that a contender imports."""
    names = set()
    for node in ast.walk(ast.parse(CONTENDERS[contender])):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


if __name__ == "__main__":
    raise_open_files()
    print("\n" + json.dumps(measure(*sys.argv[1:])))
