"""asi1.testing's faults: their list, their options, and their bytes on the wire."""

from __future__ import annotations

import gzip
import json
import ssl

from functools import partial

import anyio
import anyio.to_thread
import httpx
import pytest

from asi1.testing import FAULTS, FakeASI1

from ..support.pairs import in_pairs
from ..support.virtual_time import VirtualTimeLoop


# Loading the system's certificates for each client would take most of these tests'
# time, so all clients share this empty TLS context.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Seconds between two parts of an endless fault: longer than any test waits.
PAUSE = 3600

# Options that shorten the faults that are endless or large by default.
OPTIONS = {
    "deep_nesting": {"depth": 2_000},
    "double_gzip": {"mib": 1},
    "giant_error_500": {"mib": 1},
    "giant_event": {"mib": 1},
    "gzip_bomb": {"mib": 1},
    "hiccup": {"seconds": 0.01},
    "heartbeat_forever": {"seconds": PAUSE},
    "infinite_body": {"mib": 1},
    "informational_flood": {"seconds": PAUSE},
    "empty_data_forever": {"seconds": PAUSE},
    "empty_deltas_forever": {"seconds": PAUSE},
    "ping_forever": {"seconds": PAUSE},
    "flood_chunks": {"count": 1000},
    "flood_comments": {"count": 1000},
    "flood_empty_data": {"count": 1000},
    "flood_ids": {"count": 1000},
    "slow_drip": {"seconds": 0},
    "slow_headers": {"seconds": 0},
}
NAMED = """
    reset_before_headers close_before_headers reset_after_headers reset_mid_body
    fin_mid_chunked fin_mid_length truncated_no_length clean_eof_no_done eof_mid_event
    tool_args_truncated clean_eof_finish_no_done done_no_blank_line done_with_suffix
    stall_before_headers stall_after_headers stall_mid_body stall slow_drip
    heartbeat_forever after_done_hangs after_done_more keepalive_then_close_idle
    keepalive_then_rst_on_reuse not_http obs_header_injection giant_headers redirect
    json_error_200 html_200 empty_200 null_200 no_content_204 json_for_stream
    sse_for_json error_event error_event_named error_event_text error_after_finish
    bad_json_chunk heartbeats_legal bom invalid_utf8 latin1_content_type deep_nesting
    huge_integer nan_json scalar_chunk null_choices duplicate_keys lone_surrogate
    quota_429 html_502 key_echo_401 infinite_body early_refusal early_refusal_open
    slow_request_reader
"""


async def outcome_of(client, url, *, stream, silent_after=None):
    """
    Request *url*; return the outcome and the bytes read. The outcome is the status and
    the headers, or the class of the error. A reply that sends *silent_after* bytes of
    its body, and then nothing for 0.3 seconds, is a read timeout.
    """
    headers = {"Authorization": "Bearer sk-secret"}
    body = {"stream": stream}
    got = b""
    with anyio.CancelScope() as silence:
        if silent_after == 0:
            silence.deadline = anyio.current_time() + 0.3
        try:
            async with client.stream(
                "POST", url, json=body, headers=headers
            ) as response:
                head = response.status_code, sorted(response.headers.items())
                async for piece in response.aiter_raw():
                    got += piece
                    if len(got) == silent_after:
                        silence.deadline = anyio.current_time() + 0.3
        except httpx.HTTPError as exc:
            return type(exc), got
        return head, got
    return httpx.ReadTimeout, got


async def ask(name, *, stream, **options):
    fake = FakeASI1(seed=7)
    fake.fault(name, **options)
    async with httpx.AsyncClient(transport=fake.transport, timeout=0.1) as client:
        return await outcome_of(
            client, fake.base_url + "/chat/completions", stream=stream
        )


def ask_in_virtual_time(name, **options):
    """Run `ask` in virtual time, where a slow machine does not matter, and return its
    result.
    """
    return anyio.run(
        partial(ask, name, **options), backend_options={"loop_factory": VirtualTimeLoop}
    )


@pytest.mark.system
@in_pairs("name", FAULTS, "stream", [True, False])
async def test_client_gets_the_same_fault_in_process_and_on_a_socket(name, stream):
    """
    For each fault, a client gets the same reply, or the same class of error, from the
    in-process transport as from the fake's server.
    """
    options = OPTIONS.get(name, {})
    in_process = await anyio.to_thread.run_sync(
        partial(ask_in_virtual_time, name, stream=stream, **options)
    )
    silent_after = len(in_process[1]) if in_process[0] is httpx.ReadTimeout else None
    with FakeASI1(seed=7) as fake:
        fake.fault(name, **options)
        async with httpx.AsyncClient(timeout=60, verify=NO_TLS) as client:
            url = fake.base_url + "/chat/completions"
            on_socket = await outcome_of(
                client, url, stream=stream, silent_after=silent_after
            )

    assert on_socket == in_process


@pytest.mark.parametrize("name", NAMED.split())
def test_each_fault_in_the_documentation_exists(name):
    """
    Each fault that the documentation names is in `asi1.testing.FAULTS`.
    """
    assert name in FAULTS


def test_faults_are_listed_in_order_with_a_description():
    """
    `FakeASI1.faults` maps each fault's name, in alphabetical order, to its description.
    """
    listed = FakeASI1().faults()

    assert sorted(FAULTS) == list(listed)
    assert all(about.endswith((".", ":")) for about in listed.values())


def test_error_for_an_unknown_fault_lists_similar_names():
    """
    Scripting a fault with an unknown name raises a ValueError that lists similar names.
    """
    fake = FakeASI1()

    with pytest.raises(ValueError, match=r"similar: .*slow_drip"):
        fake.fault("slow_dripp")
    with pytest.raises(ValueError, match="similar: none"):
        fake.fault("???")


def test_unknown_option_of_a_fault_is_a_type_error():
    """
    `FakeASI1.fault` raises TypeError for an option that the fault does not have.
    """
    with pytest.raises(TypeError, match="after_chunks"):
        FakeASI1().fault("html_502", after_chunks=3)


def test_fault_options_map_names_to_default_values():
    """
    `Fault.options` maps the names of a fault's options to their default values.
    """
    assert {"after_chunks": 3, "seconds": None} == FAULTS["stall"].options


def text_of(body):
    """Return the text in a stream's body, up to where the body was cut."""
    lines = [line for line in body.splitlines() if line.startswith(b"data: {")]
    choices = [c for line in lines for c in json.loads(line[6:])["choices"]]
    return "".join(c["delta"].get("content") or "" for c in choices)


@pytest.mark.virtual_time
@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("name", ["fin_mid_chunked", "clean_eof_no_done", "stall"])
async def test_after_chunks_sets_the_number_of_words_before_the_fault(name, count):
    """
    A fault with the option *after_chunks* occurs after that many words of the answer.
    """
    _, body = await ask(name, stream=True, after_chunks=count)

    assert ["one", "two", "three", "four", "five"][:count] == text_of(body).split()


@pytest.mark.virtual_time
async def test_fault_cuts_the_last_word_even_if_after_chunks_is_too_large():
    """
    Even if *after_chunks* is larger than the number of words in the answer, the fault
    occurs before the last word.
    """
    _, body = await ask("clean_eof_no_done", stream=True, after_chunks=99)

    assert "one two three four five six seven" == text_of(body)


@pytest.mark.virtual_time
async def test_stall_closes_the_connection_after_the_given_seconds():
    """
    With the option *seconds*, the fault stall closes the connection after that many
    seconds.
    """
    error, body = await ask("stall", stream=True, seconds=0)

    assert httpx.RemoteProtocolError is error
    assert "one two three" == text_of(body)


@pytest.mark.virtual_time
async def test_fault_heartbeat_forever_sends_words_before_its_heartbeats():
    """
    The fault heartbeat_forever sends *after_chunks* words before its heartbeats.
    """
    _, body = await ask("heartbeat_forever", stream=True, after_chunks=2, seconds=1)

    assert "one two" == text_of(body)
    assert body.endswith(b": alive\n\n")


@pytest.mark.virtual_time
async def test_message_of_key_echo_401_contains_the_requests_api_key():
    """
    The error message of the fault key_echo_401 contains the request's API key.
    """
    (status, _), body = await ask("key_echo_401", stream=False)

    assert 401 == status
    assert b"sk-secret" in body


@pytest.mark.parametrize("name", ["gzip_stream", "gzip_cut"])
async def test_httpx_decompresses_the_bodies_of_gzip_stream_and_gzip_cut(name):
    """
    httpx decompresses the body of the fault gzip_stream, and that of gzip_cut up to
    where it was cut.
    """
    fake = FakeASI1()
    fake.fault(name)
    async with httpx.AsyncClient(transport=fake.transport) as client:
        response = await client.post(
            fake.base_url + "/chat/completions", json={"stream": True}
        )

    assert text_of(response.content).startswith("one two three")


@pytest.mark.virtual_time
async def test_gzip_bad_crc_has_a_wrong_checksum():
    """
    Python's gzip module rejects the checksum in the body of the fault gzip_bad_crc.
    """
    _, body = await ask("gzip_bad_crc", stream=True)

    with pytest.raises(gzip.BadGzipFile, match="CRC"):
        gzip.decompress(body)
