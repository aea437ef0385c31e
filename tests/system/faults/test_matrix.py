"""
Under each fault of the fake a call ends as the matrix says, in process and on sockets.
"""

from __future__ import annotations

import anyio
import pytest

import asi1

from asi1.testing import FAULTS, FakeASI1

from ...support.talk import until
from .calls import KEY, observed, observed_blocking
from .matrix import MATRIX
from .outcome import Outcome


# The seconds after which each default timeout ends a silence.
TIMEOUTS = {"first_token": 120, "idle": 60}

SAMPLE = [
    "bad_json_chunk",
    "clean_eof_no_done",
    "close_after_headers",
    "error_event",
    "html_502",
    "invalid_utf8",
    "keepalive_then_rst_on_reuse",
    "reset_mid_body",
    "sse_for_json",
    "stall_mid_body",
]


of_each_fault = pytest.mark.parametrize("name", MATRIX)
in_each_form = pytest.mark.parametrize("form", ["create", "stream"])


def client_of(fake):
    """Return a client of *fake* that needs no socket."""
    return asi1.AsyncASI1(KEY, fake.base_url, transport=fake.transport)


def quick_options(outcome):
    """Return options of a client that needs no long wait to end as *outcome*."""
    short = {} if outcome.phase is None else {outcome.phase: 0.4}
    return {
        "retry": asi1.RetryPolicy(wait_first=0),
        "timeout": asi1.Timeouts(**short),
    }


def test_each_fault_has_a_row():
    """
    Each fault of the fake has a row in the matrix, and each row a fault.
    """
    assert sorted(FAULTS) == sorted(MATRIX)


@pytest.mark.virtual_time
@in_each_form
@of_each_fault
async def test_call_under_a_lasting_fault_ends_as_promised(name, form):
    """
    With the default timeouts and retries, a fault in every reply ends the call as its
    row says: by the exact error or the answer, after so many attempts, with all text
    that came.
    """
    expected = getattr(MATRIX[name], form)
    fake = FakeASI1(seed=3)
    fake.fault(name, times=None)

    async with client_of(fake) as client:
        began = anyio.current_time()
        with anyio.fail_after(1000):
            got = await observed(client, form)
        seconds = anyio.current_time() - began

    assert expected == got
    assert expected.attempts == len(fake.requests)
    if expected.phase:
        assert pytest.approx(TIMEOUTS[expected.phase]) == seconds


@pytest.mark.virtual_time
@in_each_form
@of_each_fault
async def test_call_under_a_passing_fault_is_retried_or_ends_as_promised(name, form):
    """
    A fault that happens once costs one more attempt where its row has several; where it
    has one attempt, the valid reply after it is not requested.
    """
    expected = getattr(MATRIX[name], form)
    fake = FakeASI1(seed=4)
    fake.fault(name)
    fake.reply("Better.")

    async with client_of(fake) as client:
        with anyio.fail_after(1000):
            got = await observed(client, form)

    if expected.attempts == 1:
        assert (expected, 1) == (got, fake.pending)
    else:
        assert ("Better.", 2, 0) == (got.text, got.attempts, fake.pending)


@in_each_form
@of_each_fault
async def test_call_under_a_fault_on_sockets_ends_as_promised(name, form):
    """
    On sockets a fault ends the call as its row says. The next call succeeds, on the
    same connection if that can be reused; nothing else is left open.
    """
    row = MATRIX[name]
    expected = getattr(row, form)
    with FakeASI1(seed=5) as fake:
        fake.fault(name, times=None, **row.short)
        async with asi1.AsyncASI1(
            KEY, fake.base_url, **quick_options(expected)
        ) as client:
            assert expected == await observed(client, form)
            assert expected.attempts == len(fake.requests)

            last = fake.requests[-1]
            if expected.after != "breaks":
                await until(lambda: last.outcome != "open")
            fake.clear()
            fake.reply("Next.")
            again = await observed(client, form)

            assert ("Next.", None) == (again.text, again.error)
            assert 1 + (expected.after == "breaks") == again.attempts
            if expected.after != "any":
                kept = fake.requests[-1].connection == last.connection
                assert (expected.after == "kept") == kept
            await until(lambda: fake.open_connections == 1)
        await until(lambda: fake.open_connections == 0)


@in_each_form
async def test_refused_connection_counts_as_not_sent(form):
    """
    If the port is closed, each attempt says that nothing was sent. Under the faults of
    the matrix it never does: there the server had the request.
    """
    with FakeASI1() as fake:
        pass

    async with asi1.AsyncASI1(
        KEY, fake.base_url, retry=asi1.RetryPolicy(wait_first=0)
    ) as client:
        got = await observed(client, form)

    assert got == Outcome(
        error=asi1.APIConnectionError, status=None, attempts=3, sent=False, heals=True
    )


@in_each_form
@pytest.mark.parametrize("name", SAMPLE)
def test_blocking_call_under_a_fault_ends_as_promised(name, form):
    """
    The blocking client has the same outcomes, and stays usable.
    """
    row = MATRIX[name]
    expected = getattr(row, form)
    with FakeASI1(seed=6) as fake:
        fake.fault(name, times=None, **row.short)
        with asi1.ASI1(KEY, fake.base_url, **quick_options(expected)) as client:
            assert expected == observed_blocking(client, form)
            assert expected.attempts == len(fake.requests)

            fake.clear()
            fake.reply("Next.")
            again = observed_blocking(client, form)

            assert ("Next.", None) == (again.text, again.error)
