"""Both clients offer the same."""

from __future__ import annotations

import inspect

import asi1

from ..support.twins import differences


def test_both_clients_offer_the_same():
    """
    Whatever can be reached from `AsyncASI1` can be reached from `ASI1`, under the same
    name, with the same parameters, defaults and types.
    """
    walk = differences(asi1.AsyncASI1, asi1.ASI1)

    assert [] == walk.found
    assert {"create", "map", "stream"} <= {s.rpartition(".")[2] for s in walk.seen}
    assert {"Answers", "Chat", "ChatStream", "Completions", "Pieces"} <= {
        two.__name__ for _, two in walk.paired
    }


def test_twins_refer_to_each_other():
    """
    Each public class and member of the blocking client is documented as the same as its
    async twin, which exists, and a method that was awaited says that it blocks.
    """
    paired = differences(asi1.AsyncASI1, asi1.ASI1).paired
    twins = [(a, b) for a, b in paired if a.__name__ == f"Async{b.__name__}"]
    told, wanted = {}, {}
    for one, two in twins:
        told[two.__name__] = inspect.getdoc(two).partition(".")[0].partition(",")[0]
        wanted[two.__name__] = f"Same as `{one.__name__}`"
        for name in (n for n in vars(two) if not n.startswith("_")):
            twin = {"close": "aclose"}.get(name, name)
            label = f"{two.__name__}.{name}"
            told[label] = inspect.getdoc(getattr(two, name)).removesuffix(
                ", but blocks."
            )
            wanted[label] = f"Same as `{one.__name__}.{twin}`"
            told[label] = told[label].removesuffix(".")
            if inspect.iscoroutinefunction(getattr(one, twin)):
                assert inspect.getdoc(getattr(two, name)).endswith(", but blocks.")

    assert 8 == len(twins)
    assert wanted == told
