"""The key over real sockets: it goes to its server, and is heard of nowhere else."""

from __future__ import annotations

import logging

import anyio
import pytest

import asi1

from asi1.testing import FakeASI1

from .search import KEY, found, in_error, in_records
from .talk import CREATE_AND_STREAM, call, call_blocking, strays


QUICK = {
    "timeout": asi1.Timeouts(total=2, connect=1, first_token=0.2, idle=0.2),
    "retry": asi1.RetryPolicy(wait_first=0.01),
}
# One of each kind: of what breaks below HTTP, in HTTP, above it, and of what succeeds.
FAULTS = [
    "reset_before_headers",
    "close_before_headers",
    "reset_mid_body",
    "stall_before_headers",
    "stall_mid_body",
    "not_http",
    "bad_status_line",
    "giant_headers",
    "redirect",
    "key_echo_401",
    "rate_limit_429",
    "html_200",
    "error_event",
    "bad_json_chunk",
    "clean_eof_no_done",
    "keepalive_then_rst_on_reuse",
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_of_the_wire_shows_the_key(fake, caplog, capfd, fault):
    """
    With each library below logging all it can, the key is in no log, on no screen, in
    no error, and in no part of a request but its one header.
    """
    caplog.set_level(logging.DEBUG)
    options = {"retry_after": 0.01} if fault == "rate_limit_429" else {}
    fake.fault(fault, times=None, **options)

    async with asi1.AsyncASI1(KEY, fake.base_url, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            result, opened = await call(client, stream=stream)
            assert [] == found(result, opened, client)
            if isinstance(result, asi1.ASI1Error):
                assert [] == in_error(result)

    assert {"asi1", "httpcore"} <= {r.name.partition(".")[0] for r in caplog.records}
    assert [] == in_records(caplog.records)
    assert [] == strays(fake.requests)
    assert not [text for text in capfd.readouterr() if KEY in text]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_blocking_client_does_not_show_it_either(fake, caplog, capfd, fault):
    """
    The frames of the blocking client, which stand in each traceback, hold no key.
    """
    caplog.set_level(logging.DEBUG)
    options = {"retry_after": 0.01} if fault == "rate_limit_429" else {}
    fake.fault(fault, times=None, **options)

    with asi1.ASI1(KEY, fake.base_url, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            result, opened = call_blocking(client, stream=stream)
            assert [] == found(result, opened, client)
            if isinstance(result, asi1.ASI1Error):
                assert [] == in_error(result)

    assert [] == in_records(caplog.records)
    assert [] == strays(fake.requests)
    assert not [text for text in capfd.readouterr() if KEY in text]


def closed_port():
    with FakeASI1() as fake:
        return fake.base_url


async def test_a_refused_connection_shows_no_key(caplog):
    """
    Where nobody listens there is nothing that shows the key.
    """
    caplog.set_level(logging.DEBUG)

    async with asi1.AsyncASI1(KEY, closed_port(), **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert [] == in_records(caplog.records)


def test_a_refused_connection_shows_no_key_to_blocking_callers(caplog):
    """
    The same holds for blocking callers.
    """
    caplog.set_level(logging.DEBUG)

    with asi1.ASI1(KEY, closed_port(), **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = call_blocking(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert [] == in_records(caplog.records)


async def test_a_failed_handshake_shows_no_key(fake, caplog):
    """
    A server that does not speak TLS on an https:// address gets no key, and the error
    shows none.
    """
    caplog.set_level(logging.DEBUG)
    secure = fake.base_url.replace("http://", "https://")

    async with asi1.AsyncASI1(KEY, secure, **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert [] == fake.requests
    assert [] == in_records(caplog.records)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
async def test_a_call_under_way_shows_no_key(fake, stream):
    """
    A client that is closed in the middle of a call, and the call, show no key.
    """
    fake.fault("stall_mid_body", times=None)
    ends = []

    async with (
        asi1.AsyncASI1(KEY, fake.base_url) as client,
        anyio.create_task_group() as tasks,
    ):

        async def ask():
            ends.append(await call(client, stream=stream))

        tasks.start_soon(ask)
        await anyio.sleep(0.1)
        assert KEY not in repr(client)
        await client.aclose()

    ((error, opened),) = ends
    assert isinstance(error, asi1.ClientClosedError | asi1.StreamClosedError)
    assert [] == in_error(error)
    assert [] == found(opened, client)
