"""A call over a socket sends the key to the server, and shows the key nowhere else."""

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
# A few faults of each kind: of the connection, of HTTP, of the answer, and one fault
# that causes no error.
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
async def test_call_over_sockets_does_not_show_the_api_key(fake, caplog, capfd, fault):
    """
    With asi1 and httpcore logging at DEBUG, no log, output or error contains the API
    key, and each request has the key in its Authorization header only.
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
def test_blocking_call_over_sockets_does_not_show_the_api_key(
    fake, caplog, capfd, fault
):
    """
    Under a fault on sockets, the API key is neither in the error of a blocking call,
    nor in the frames of the error's traceback, the log or the output.
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


async def test_refused_connection_does_not_show_the_api_key(caplog):
    """
    If the server's port is closed, neither the error nor the log contains the API key.
    """
    caplog.set_level(logging.DEBUG)

    async with asi1.AsyncASI1(KEY, closed_port(), **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert [] == in_records(caplog.records)


def test_refused_connection_of_a_blocking_call_does_not_show_the_api_key(caplog):
    """
    If the server's port is closed, neither the error of a blocking call nor the log
    contains the API key.
    """
    caplog.set_level(logging.DEBUG)

    with asi1.ASI1(KEY, closed_port(), **QUICK) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = call_blocking(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)

    assert [] == in_records(caplog.records)


async def test_failed_tls_handshake_does_not_show_the_api_key(fake, caplog):
    """
    If the server of an https:// URL does not speak TLS, nothing is sent to it, and
    neither the error nor the log contains the API key.
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


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_client_closed_during_a_call_does_not_show_the_api_key(fake, stream):
    """
    If a client is closed during a call, neither the error of the call nor the closed
    client shows the API key.
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
