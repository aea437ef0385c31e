"""
Measures one value: ``python -m benchmarks.measure CASE CONTENDER URL SIZE``.

Prints the result of `measure` as one JSON object.
"""

import importlib
import importlib.util
import json
import sys

from . import calls, ways
from .cases import CASES
from .contenders import CONTENDERS
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
    packages = [word.strip(",") for word in CONTENDERS[contender].split()[1:]]
    if importlib.util.find_spec(packages[0].partition(".")[0]) is None:
        return {"absent": NOT_INSTALLED}
    case = CASES[case]
    method = getattr(calls if case.method == "calls" else ways, case.method)
    try:
        module = importlib.import_module(f"{__package__}.contenders.{contender}")
        if case.name in getattr(module, "CANNOT", ()):
            return {"absent": CANNOT}
        if case.operation and not hasattr(module, case.operation):
            return {"absent": CANNOT}
        return {"value": method(case, case.sizes[size], module, url)}
    except ways.ImpossibleError:
        return {"absent": CANNOT}
    except Exception as error:  # noqa: BLE001 - a contender may raise any error
        return {"absent": FAILS, "why": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    raise_open_files()
    print("\n" + json.dumps(measure(*sys.argv[1:])))
