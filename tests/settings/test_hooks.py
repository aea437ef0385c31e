"""A hook that cannot work, and a wrong value of ``hooks=`` or ``tags=``, is refused."""

import math

from functools import partial
from unittest.mock import AsyncMock, Mock

import pytest

import asi1

from asi1 import Hooks


EVERY = ["on_start", "on_wait", "on_retry", "on_chunk", "on_end"]


async def refused(_):
    """An async function, which cannot be a hook."""


async def refused_items(_):
    """An async generator, which cannot be a hook."""
    yield


def refused_generator(_):
    """A generator, which cannot be a hook."""
    yield


class AsyncHook:
    """An object whose ``__call__`` is async."""

    async def __call__(self, _):
        """Do nothing."""


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        pytest.param("print", "must be a function", id="str"),
        pytest.param(1, "must be a function", id="int"),
        pytest.param([print], "must be a function", id="list"),
        pytest.param(refused, "must be a plain function", id="async"),
        pytest.param(refused_items, "must be a plain function", id="async-generator"),
        pytest.param(refused_generator, "must be a plain function", id="generator"),
        pytest.param(AsyncHook(), "must be a plain function", id="async-call"),
        pytest.param(AsyncHook().__call__, "must be a plain function", id="method"),
        pytest.param(partial(refused, 1), "must be a plain function", id="partial"),
        pytest.param(AsyncMock(), "must be a plain function", id="async-mock"),
        pytest.param(lambda: None, "must accept", id="no-argument"),
        pytest.param(lambda a, b: None, "must accept", id="two-arguments"),
        pytest.param(lambda *, a: None, "must accept", id="keyword-only"),
        pytest.param(lambda *a, b: None, "must accept", id="required-keyword"),
        pytest.param(partial(max, 1, key=1), None, id="partial-of-c"),
        pytest.param(lambda *a: None, None, id="any-arguments"),
        pytest.param(lambda a, b=1, c=2: None, None, id="defaults"),
        pytest.param(Mock(), None, id="mock"),
        pytest.param(print, None, id="print"),
        pytest.param(max, None, id="no-signature"),
        pytest.param(None, None, id="none"),
    ],
)
def test_hook_that_is_async_or_has_wrong_parameters_is_refused(name, hook, problem):
    """
    A hook is refused if it is not a function, is ``async`` or a generator, or does not
    accept its arguments. A callable whose signature is unknown is accepted.
    """
    if problem is None:
        assert hook is getattr(Hooks(**{name: hook}), name)
        return

    with pytest.raises(asi1.ConfigurationError) as caught:
        Hooks(**{name: hook})

    assert str(caught.value).startswith(f"hooks: {name} {problem}")


def test_error_of_a_refused_hook_names_the_required_argument():
    """
    The error for a hook with the wrong parameters names the argument that the hook must
    accept.
    """
    with pytest.raises(asi1.ConfigurationError) as caught:
        Hooks(on_end=lambda info, error: None)

    assert "hooks: on_end must accept one argument, the asi1.Call, not function" == str(
        caught.value
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"hooks": print}, "hooks: must be Hooks, or a list of Hooks, not builtin"),
        ({"hooks": [Hooks(), 5]}, "hooks: must be Hooks, or a list of Hooks, not 5"),
        ({"hooks": {"on_end": print}}, "hooks: must be Hooks, or a list of Hooks, not"),
        ({"tags": "job"}, "tags: must map str to str, int, float or bool, not 'job'"),
        ({"tags": {"job": None}}, "tags: must map str to str, int, float or bool"),
        ({"tags": {5: "job"}}, "tags: must map str to str, int, float or bool"),
        ({"tags": {"job": ["a"]}}, "tags: must map str to str, int, float or bool"),
        ({"tags": {"job": math.nan}}, "tags: must have finite numbers, not dict"),
        ({"tags": {"job": -math.inf}}, "tags: must have finite numbers, not dict"),
    ],
)
@pytest.mark.parametrize("change", [False, True], ids=["new", "with_options"])
def test_client_refuses_wrong_hooks_and_tags(given, problem, change):
    """
    A client, and `with_options`, refuse hooks that are not `Hooks`, and tags that do
    not map str to str, numbers or bools. The error names the argument.
    """
    client = asi1.AsyncASI1("k")

    with pytest.raises(asi1.ConfigurationError) as caught:
        client.with_options(**given) if change else asi1.AsyncASI1("k", **given)

    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("name", ["contents", "runs"])
def test_flags_of_hooks_must_be_bools(name):
    """
    The flags of `Hooks`, whether they see contents and whether they are called for
    runs, must be True or False: a str such as "no" would count as true.
    """
    with pytest.raises(asi1.ConfigurationError, match=f"hooks: {name} must be True or"):
        Hooks(**{name: "no"})
