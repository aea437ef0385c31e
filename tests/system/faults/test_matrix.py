"""Each fault of the fake ends as the matrix says, in process and on sockets."""

from __future__ import annotations

import anyio
import pytest

import asi1

from asi1.testing import FAULTS, FakeASI1

from ...support.talk import until
from .calls import KEY, observed, observed_blocking
from .matrix import MATRIX
from .outcome import Outcome


# Seconds of a silence, by the limit that ends it.
PATIENCE = {"first_token": 120, "idle": 60}

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
    """A client of *fake* that needs no socket."""
    return asi1.AsyncASI1(KEY, fake.base_url, transport=fake.transport)


def on_sockets(outcome):
    """The options of a client that need not wait for long."""
    short = {} if outcome.phase is None else {outcome.phase: 0.4}
    return {
        "retry": asi1.RetryPolicy(wait_first=0),
        "timeout": asi1.Timeouts(**short),
    }


def test_each_fault_has_its_row():
    """
    No fault of the fake is without a row, and no row without a fault.
    """
    assert sorted(FAULTS) == sorted(MATRIX)


@pytest.mark.virtual_time
@in_each_form
@of_each_fault
async def test_a_fault_ends_as_promised(name, form):
    """
    With the limits and retries that a client has by default, a fault that never goes
    away ends the call as its row says: by the exact error or the answer, after so many
    tries, with all that came.
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
    assert expected.tries == len(fake.requests)
    if expected.phase:
        assert pytest.approx(PATIENCE[expected.phase]) == seconds


@pytest.mark.virtual_time
@in_each_form
@of_each_fault
async def test_a_fault_that_goes_away_is_healed_or_told(name, form):
    """
    A fault that happens once costs one more try where its row has several; where it
    has one try, the good reply that waits is not asked for.
    """
    expected = getattr(MATRIX[name], form)
    fake = FakeASI1(seed=4)
    fake.fault(name)
    fake.reply("Better.")

    async with client_of(fake) as client:
        with anyio.fail_after(1000):
            got = await observed(client, form)

    if expected.tries == 1:
        assert (expected, 1) == (got, fake.pending)
    else:
        assert ("Better.", 2, 0) == (got.text, got.tries, fake.pending)


@in_each_form
@of_each_fault
async def test_a_fault_on_a_socket_ends_as_promised(name, form):
    """
    On sockets a fault ends the call as its row says. The next call succeeds, on the
    same connection if that is fit for it; nothing else is left open.
    """
    row = MATRIX[name]
    expected = getattr(row, form)
    with FakeASI1(seed=5) as fake:
        fake.fault(name, times=None, **row.short)
        async with asi1.AsyncASI1(KEY, fake.base_url, **on_sockets(expected)) as client:
            assert expected == await observed(client, form)
            assert expected.tries == len(fake.requests)

            last = fake.requests[-1]
            if expected.after != "breaks":
                await until(lambda: last.outcome != "open")
            fake.clear()
            fake.reply("Next.")
            again = await observed(client, form)

            assert ("Next.", None) == (again.text, again.error)
            assert 1 + (expected.after == "breaks") == again.tries
            if expected.after != "any":
                kept = fake.requests[-1].connection == last.connection
                assert (expected.after == "kept") == kept
            await until(lambda: fake.open_connections == 1)
        await until(lambda: fake.open_connections == 0)


@in_each_form
async def test_what_never_left_this_machine_was_not_sent(form):
    """
    Where nobody listens each try says that nothing was sent, which no try of a fault
    in the matrix can say: the server had the request.
    """
    with FakeASI1() as fake:
        pass

    async with asi1.AsyncASI1(
        KEY, fake.base_url, retry=asi1.RetryPolicy(wait_first=0)
    ) as client:
        got = await observed(client, form)

    assert got == Outcome(
        error=asi1.APIConnectionError, status=None, tries=3, sent=False, heals=True
    )


@in_each_form
@pytest.mark.parametrize("name", SAMPLE)
def test_a_fault_ends_as_promised_for_the_blocking_client(name, form):
    """
    The blocking client tells the same outcomes, and goes on working.
    """
    row = MATRIX[name]
    expected = getattr(row, form)
    with FakeASI1(seed=6) as fake:
        fake.fault(name, times=None, **row.short)
        with asi1.ASI1(KEY, fake.base_url, **on_sockets(expected)) as client:
            assert expected == observed_blocking(client, form)
            assert expected.tries == len(fake.requests)

            fake.clear()
            fake.reply("Next.")
            again = observed_blocking(client, form)

            assert ("Next.", None) == (again.text, again.error)
