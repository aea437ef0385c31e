"""
One value: run as ``python -m benchmarks.measure CASE CONTENDER URL SIZE``.

Prints one JSON object: a value; or why there is none.
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
        case: A name of `CASES`.
        contender: A name of `CONTENDERS`.
        url: Where `benchmarks.server` listens.
        size: "full", "quick" or "tiny".

    Returns:
        ``value``, a number; or ``absent``, a word for the table, and ``why``.
    """
    packages = [word.strip(",") for word in CONTENDERS[contender].split()[1:]]
    if importlib.util.find_spec(packages[0].partition(".")[0]) is None:
        return {"absent": NOT_INSTALLED}
    case = CASES[case]
    way = getattr(calls if case.way == "calls" else ways, case.way)
    try:
        module = importlib.import_module(f"{__package__}.contenders.{contender}")
        if case.name in getattr(module, "CANNOT", ()):
            return {"absent": CANNOT}
        if case.does and not hasattr(module, case.does):
            return {"absent": CANNOT}
        return {"value": way(case, case.sizes[size], module, url)}
    except ways.ImpossibleError:
        return {"absent": CANNOT}
    except Exception as error:  # noqa: BLE001 - of any contender; the others go on
        return {"absent": FAILS, "why": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    raise_open_files()
    print("\n" + json.dumps(measure(*sys.argv[1:])))
