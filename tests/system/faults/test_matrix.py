"""
A call under a fault of the fake server, in process or on sockets, ends as the matrix of
expected outcomes says.
"""

from __future__ import annotations

import anyio
import attrs
import httpx2
import pytest

import asi1

from asi1.testing import FAULTS, FakeASI1

from ...support.pairs import LOOPS, in_pairs
from ...support.talk import until
from .calls import KEY, observed, observed_blocking
from .matrix import MATRIX
from .outcome import Outcome


# The client's default timeouts in seconds.
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
# In process a fault does not depend on the event loop's sockets, so each fault needs
# both forms and both loops, but not all four combinations.
of_each_fault_in_process = in_pairs("name", MATRIX, "form", ["create", "stream"])


def client_of(fake):
    """Return a client that calls *fake* in process, without sockets."""
    return asi1.AsyncASI1(KEY, fake.base_url, transport=fake.transport)


def quick_options(outcome):
    """
    Return client options whose short retry waits and timeouts let a call that ends with
    *outcome* end soon.
    """
    short = {} if outcome.phase is None else {outcome.phase: 0.4}
    return {
        "retry": asi1.RetryPolicy(wait_first=0),
        "timeout": asi1.Timeouts(**short),
    }


def test_matrix_has_a_row_for_each_fault_and_no_others():
    """
    The matrix has a row for each fault of the fake server, and no other rows.
    """
    assert sorted(FAULTS) == sorted(MATRIX)


@pytest.mark.virtual_time
@of_each_fault_in_process
async def test_call_with_a_fault_in_every_reply_ends_as_the_matrix_says(name, form):
    """
    If every reply has the same fault, a call with default settings ends as the fault's
    row says: with the expected answer or error, after the expected number of attempts,
    and with all text that arrived.
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
@of_each_fault_in_process
async def test_call_is_retried_after_one_fault_if_the_matrix_says_so(name, form):
    """
    Only the first reply has the fault. If the fault's row expects several attempts, the
    call succeeds at the second; if the row expects one attempt, no second request is
    sent.
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
async def test_call_under_a_fault_on_sockets_ends_as_the_matrix_says(name, form):
    """
    On sockets a call under a fault ends as the fault's row says. The next call
    succeeds, and uses the same connection if the row says so. No other connection stays
    open.
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


# Each fault once. From fault to fault, `create` and `stream` alternate, and so do the
# two event loops, more slowly.
of_each_fault_once = pytest.mark.parametrize(
    ("name", "form", "anyio_backend"),
    [
        pytest.param(name, ("create", "stream")[row % 2], LOOPS[row // 2 % 2], id=name)
        for row, name in enumerate(MATRIX)
    ],
    indirect=["anyio_backend"],
)


@of_each_fault_once
async def test_call_over_a_client_of_httpx2_ends_as_the_matrix_says(name, form):
    """
    Over a user's client of httpx2 a call under a fault ends as the fault's row says,
    except that a reply that is not HTTP is retried.
    """
    row = MATRIX[name]
    expected = getattr(row, form)
    if name == "not_http":
        expected = attrs.evolve(expected, attempts=3, heals=True)
    with FakeASI1(seed=7) as fake:
        fake.fault(name, times=None, **row.short)
        async with (
            httpx2.AsyncClient() as own,
            asi1.AsyncASI1(
                KEY, fake.base_url, http_client=own, **quick_options(expected)
            ) as client,
        ):
            assert expected == await observed(client, form)


@in_each_form
async def test_attempt_on_a_closed_port_is_recorded_as_not_sent(form):
    """
    If the server's port is closed, each attempt is recorded as not sent. Under the
    faults of the matrix, each attempt is recorded as sent, because the server received
    the request.
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
def test_blocking_call_under_a_fault_on_sockets_ends_as_the_matrix_says(name, form):
    """
    Under a fault on sockets, a blocking call ends as the fault's row says, and the
    client's next call succeeds.
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
