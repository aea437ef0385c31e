"""The blocking client has the same members as the async client."""

from __future__ import annotations

import inspect

import asi1

from ..support.twins import differences


def test_blocking_client_has_the_same_members_as_the_async_client():
    """
    Every member that can be reached from `AsyncASI1` can be reached from `ASI1`, under
    the same name, with the same parameters, defaults and types.
    """
    walk = differences(asi1.AsyncASI1, asi1.ASI1)

    assert [] == walk.found
    assert {"create", "map", "run_tools", "stream"} <= {
        s.rpartition(".")[2] for s in walk.seen
    }
    assert {"Answers", "Chat", "ChatStream", "Completions", "Pieces", "ToolRun"} <= {
        blocking_class.__name__ for _, blocking_class in walk.paired
    }


def test_blocking_docstrings_refer_to_the_async_twin():
    """
    The docstring of each public class and member of the blocking client says "Same as"
    its async twin. If the twin is awaited, the docstring adds "but blocks".
    """
    paired = differences(asi1.AsyncASI1, asi1.ASI1).paired
    twins = [(a, b) for a, b in paired if a.__name__ == f"Async{b.__name__}"]
    documented, wanted = {}, {}
    for async_class, blocking_class in twins:
        documented[blocking_class.__name__] = (
            inspect.getdoc(blocking_class).partition(".")[0].partition(",")[0]
        )
        wanted[blocking_class.__name__] = f"Same as `{async_class.__name__}`"
        for name in (n for n in vars(blocking_class) if not n.startswith("_")):
            twin = {"close": "aclose"}.get(name, name)
            label = f"{blocking_class.__name__}.{name}"
            documented[label] = inspect.getdoc(
                getattr(blocking_class, name)
            ).removesuffix(", but blocks.")
            wanted[label] = f"Same as `{async_class.__name__}.{twin}`"
            documented[label] = documented[label].removesuffix(".")
            if inspect.iscoroutinefunction(getattr(async_class, twin)):
                assert inspect.getdoc(getattr(blocking_class, name)).endswith(
                    ", but blocks."
                )

    assert 18 == len(twins)
    assert wanted == documented
