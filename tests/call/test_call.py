"""One call from start to end in virtual time: its attempts, waits and timeouts."""

from __future__ import annotations

import time

from email.utils import formatdate

import anyio
import httpx
import pytest

import asi1

from asi1._call.attempts import OneRequest
from asi1._call.bytes_reader import BytesReader
from asi1.testing import Data, Head, Pause, Stall

from ..support.calls import plain
from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process, until


pytestmark = pytest.mark.virtual_time

both_forms = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


async def ask(fake, *, stream, **options):
    """Make one call; return its answer and the seconds that the call took."""
    async with in_process(fake, **options) as client:
        began = anyio.current_time()
        if stream:
            async with client.chat.completions.stream(messages="Hi") as opened:
                answer = await opened.get_final_completion()
        else:
            answer = await client.chat.completions.create(messages="Hi")
        return answer, anyio.current_time() - began


async def fail(fake, error, *, stream, **options):
    """Make one call that must raise *error*; return the error and the seconds taken."""
    began = anyio.current_time()
    with pytest.raises(asi1.APIError) as caught:
        await ask(fake, stream=stream, **options)

    assert error is type(caught.value)
    return caught.value, anyio.current_time() - began


@pytest.mark.system
@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [
        (400, asi1.BadRequestError, 1),
        (401, asi1.AuthenticationError, 1),
        (402, asi1.PaymentRequiredError, 1),
        (403, asi1.PermissionDeniedError, 1),
        (404, asi1.NotFoundError, 1),
        (408, asi1.APIStatusError, 3),
        (409, asi1.ConflictError, 1),
        (413, asi1.RequestTooLargeError, 1),
        (418, asi1.APIStatusError, 1),
        (422, asi1.UnprocessableEntityError, 1),
        (425, asi1.APIStatusError, 3),
        (429, asi1.RateLimitError, 3),
        (500, asi1.InternalServerError, 3),
        (501, asi1.InternalServerError, 1),
        (502, asi1.InternalServerError, 3),
        (503, asi1.InternalServerError, 3),
        (504, asi1.InternalServerError, 3),
        (505, asi1.InternalServerError, 1),
        (529, asi1.InternalServerError, 3),
    ],
)
async def test_only_transient_statuses_are_retried(fake, status, error, attempts):
    """
    Each status raises its own error class; a call is attempted three times if its
    status may be temporary, and once otherwise.
    """
    fake.fail(status, times=None, message="Not now.", code="busy")

    for stream in (False, True):
        caught, _ = await fail(fake, error, stream=stream)

        assert attempts == len(caught.response.attempts)
        assert (status, "busy", "Not now.") == (
            caught.status_code,
            caught.code,
            caught.message,
        )
    assert 2 * attempts == len(fake.requests)


@both_forms
async def test_metadata_of_an_answer_lists_every_attempt(fake, stream):
    """
    The response metadata of an answer lists each attempt of the call: its number,
    status and error, and the seconds that the client waited after the attempt.
    """
    fake.fail(503, message="Too many users.")
    fake.fault("reset_before_headers")
    fake.reply("Here.")

    answer, seconds = await ask(fake, stream=stream)

    first, second, third = answer.response.attempts
    assert [1, 2, 3] == [first.number, second.number, third.number]
    assert [503, None, 200] == [first.status, second.status, third.status]
    assert first.cause == "InternalServerError: 503: Too many users."
    place = fake.base_url.removeprefix("http://").removesuffix("/v1")
    assert second.cause.startswith(f"APIConnectionError: {place}: the connection")
    assert third.cause is None
    assert third.wait is None
    assert first.sent
    assert second.sent
    assert 0.5 >= first.wait >= 0
    assert 1.0 >= second.wait >= 0
    assert pytest.approx(first.wait + second.wait) == seconds
    assert pytest.approx(seconds) == answer.response.elapsed
    assert [0.0, 0.0, 0.0] == pytest.approx(
        [first.elapsed, second.elapsed, third.elapsed], abs=1e-6
    )


async def test_error_of_a_failed_call_lists_every_attempt(fake):
    """
    The error of a failed call lists every attempt of the call, and contains the call's
    duration.
    """
    fake.fail(500, times=None)

    error, seconds = await fail(fake, asi1.InternalServerError, stream=False)

    first, second, third = error.response.attempts
    assert pytest.approx(first.wait + second.wait) == seconds
    assert third.wait is None
    assert pytest.approx(seconds) == error.response.elapsed
    assert 500 == error.response.status
    assert error.request_id.startswith("id_")


@pytest.mark.parametrize("retries", [0, 1, 4])
async def test_call_makes_at_most_max_retries_plus_one_attempts(fake, retries):
    """
    A call that keeps failing makes `max_retries` + 1 attempts, whether `max_retries`
    was set for the client or for the call.
    """
    fake.fail(500, times=None)

    await fail(fake, asi1.InternalServerError, stream=False, max_retries=retries)
    async with in_process(fake) as client:
        with pytest.raises(asi1.InternalServerError):
            await client.chat.completions.create(messages="Hi", max_retries=retries)

    assert 2 * (retries + 1) == len(fake.requests)


@both_forms
@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"retry-after": "40"}, id="seconds"),
        pytest.param({"retry-after-ms": "40000"}, id="milliseconds"),
        pytest.param({"retry-after-ms": "40000", "retry-after": "5"}, id="both"),
        pytest.param({"retry-after-ms": "40000\x1f"}, id="control-character"),
        pytest.param({"retry-after": "5, 40, 9"}, id="several"),
    ],
)
async def test_retry_waits_as_long_as_retry_after_asks(fake, form, stream):
    """
    A retry waits for the time in the Retry-After header, or up to a tenth longer, so
    that clients do not all retry at the same moment.
    """
    fake.fail(429, headers=form)
    fake.reply("Here.")

    answer, seconds = await ask(fake, stream=stream)

    assert answer.text == "Here."
    assert 44 >= seconds >= 40
    assert pytest.approx(seconds) == answer.response.attempts[0].wait


async def test_retry_after_with_a_date_makes_the_retry_wait_until_that_date(fake):
    """
    A date in the Retry-After header makes the retry wait until that date, by this
    machine's clock if the reply has no Date header.
    """
    fake.fail(503, retry_after=formatdate(time.time() + 60, usegmt=True))
    fake.reply("Here.")

    _, seconds = await ask(fake, stream=False)

    assert 66 >= seconds >= 50


@both_forms
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        pytest.param("retry_after_date", {"seconds": 40}, id="date"),
        pytest.param("retry_after_twice", {"first": 40, "second": 5}, id="twice"),
        pytest.param("retry_after_twice", {"first": 5, "second": 40}, id="second"),
        pytest.param(
            "retry_after_in_body", {"message": "Try again in 40s."}, id="message"
        ),
        pytest.param(
            "retry_after_in_body", {"members": {"retry_after": 40}}, id="member"
        ),
        pytest.param(
            "retry_after_in_body",
            {"members": {"details": [{"retryDelay": "40s"}]}},
            id="details",
        ),
    ],
)
async def test_retry_waits_as_long_as_a_header_or_the_error_body_asks(
    fake, fault, options, stream
):
    """
    A retry waits as long as the reply asks: until a Retry-After date, compared with the
    Date header; for the longer of two Retry-After headers; or as the error body says.
    """
    fake.fault(fault, **options)
    fake.reply("Here.")

    answer, seconds = await ask(fake, stream=stream)

    assert answer.text == "Here."
    assert 44 >= seconds >= 40


async def test_retry_after_header_takes_precedence_over_a_wait_in_the_error_body(fake):
    """
    If a header and the error body both ask for a wait, the wait in the header counts.
    """
    fake.fail(429, retry_after=7, message="Try again in 40s.")

    error, _ = await fail(fake, asi1.RateLimitError, stream=False, max_retries=0)

    assert 7 == error.retry_after


@both_forms
@pytest.mark.parametrize(
    ("asked", "options"),
    [
        pytest.param(121, {}, id="over-the-cap"),
        pytest.param(10, {"timeout": asi1.Timeouts(total=10)}, id="over-the-total"),
        pytest.param(
            5, {"retry": asi1.RetryPolicy(max_retry_after=4)}, id="over-the-users-cap"
        ),
    ],
)
async def test_too_long_retry_after_raises_at_once(fake, asked, options, stream):
    """
    If Retry-After is above `max_retry_after`, or too long for the total timeout, the
    call raises an error at once. The error's `retry_after` is the wait that the server
    asked for.
    """
    fake.fail(429, retry_after=asked, times=None)

    error, seconds = await fail(fake, asi1.RateLimitError, stream=stream, **options)

    assert asked == error.retry_after
    assert 0 == seconds
    assert 1 == len(fake.requests)


@pytest.mark.parametrize("text", ["-1", "0", "nan", "inf", "1e999", "soon", ""])
async def test_unusable_retry_after_is_ignored(fake, text):
    """
    A Retry-After header without a positive, finite time is ignored: the retry waits as
    if the response had no such header.
    """
    fake.fail(429, retry_after=text)
    fake.reply("Here.")

    _, seconds = await ask(fake, stream=False)

    assert 0.5 >= seconds


async def test_header_x_should_retry_overrides_the_status(fake):
    """
    The response header x-should-retry decides whether a call is retried, whatever the
    response's status.
    """
    fake.fault("should_not_retry_503")
    await fail(fake, asi1.InternalServerError, stream=False)
    assert 1 == len(fake.requests)

    fake.fault("should_retry_409", times=3)
    await fail(fake, asi1.ConflictError, stream=False)

    assert 4 == len(fake.requests)


async def test_exceeded_quota_is_not_retried(fake):
    """
    A status 429 for an exceeded quota raises `QuotaExceededError` without a retry,
    since waiting does not restore the quota.
    """
    fake.fault("quota_429", times=None)

    error, _ = await fail(fake, asi1.QuotaExceededError, stream=False)

    assert 1 == len(fake.requests)
    assert "insufficient_quota" == error.code


@both_forms
async def test_total_timeout_covers_all_attempts_and_waits(fake, stream):
    """
    The total timeout includes all attempts and waits of a call: if the next wait is
    longer than the remaining time, the error of the last attempt is raised at once.
    """
    fake.fail(503, retry_after=8, times=None)

    error, seconds = await fail(
        fake,
        asi1.InternalServerError,
        stream=stream,
        timeout=20,
        max_retries=50,
    )

    assert 3 == len(error.response.attempts)
    assert 17.6 >= seconds >= 16


@both_forms
@pytest.mark.parametrize(
    "timeout",
    [asi1.Timeouts(total=25, first_token=None), 25],
    ids=["Timeouts", "number"],
)
async def test_total_timeout_cancels_the_attempt_under_way(fake, timeout, stream):
    """
    When the total timeout expires, the attempt under way is cancelled at that moment.
    """
    fake.fail(503, retry_after=10)
    fake.fault("stall_before_headers")

    error, seconds = await fail(
        fake, asi1.APITimeoutError, stream=stream, timeout=timeout
    )

    assert "total" == error.phase
    assert pytest.approx(25) == seconds
    assert pytest.approx(25) == error.elapsed
    assert 2 == len(fake.requests)


@both_forms
async def test_total_timeout_ends_an_endless_body(fake, stream):
    """
    A call whose reply arrives byte by byte for ever is ended by the total timeout.
    """
    fake.fault("slow_drip")

    error, seconds = await fail(
        fake, asi1.APITimeoutError, stream=stream, timeout=asi1.Timeouts(total=1)
    )

    assert "total" == error.phase
    assert pytest.approx(1) == seconds


async def test_only_calls_without_streaming_have_a_default_total_timeout(fake):
    """
    By default a call without streaming times out after 600 seconds. A stream has no
    default total timeout, since reading a stream may take longer.
    """
    fake.fault("slow_drip", seconds=50, times=None)
    timeouts = asi1.Timeouts(first_token=None)

    error, seconds = await fail(
        fake, asi1.APITimeoutError, stream=False, timeout=timeouts
    )

    assert ("total", pytest.approx(600)) == (error.phase, seconds)
    fake.clear()
    fake.play(SSE, Event(chunk("a")), *[Pause(50), Event(chunk("b"))] * 20, DONE)
    answer, seconds = await ask(fake, stream=True)
    assert ("a" + "b" * 20, pytest.approx(1000)) == (answer.text, seconds)


async def test_call_without_a_timeout_waits_for_ever(fake):
    """
    With ``timeout=None`` a call waits until the server answers, however long that
    takes.
    """
    fake.reply("Late.", delay=1e6)

    answer, seconds = await ask(fake, stream=False, timeout=None)

    assert ("Late.", pytest.approx(1e6)) == (answer.text, seconds)


@pytest.mark.system
@pytest.mark.parametrize(
    ("fault", "stream", "phase"),
    [
        ("stall_before_headers", False, "first_token"),
        ("stall_before_headers", True, "first_token"),
        ("stall_mid_headers", False, "first_token"),
        ("stall_mid_headers", True, "first_token"),
        ("stall_after_headers", False, "idle"),
        ("stall_after_headers", True, "first_token"),
        ("stall_mid_body", False, "idle"),
        ("stall_mid_body", True, "idle"),
        ("heartbeat_forever", True, "first_token"),
        ("empty_data_forever", True, "first_token"),
        ("ping_forever", False, "idle"),
        ("ping_forever", True, "first_token"),
        ("empty_deltas_forever", False, "idle"),
        ("empty_deltas_forever", True, "idle"),
        ("informational_flood", False, "first_token"),
    ],
)
async def test_silent_server_trips_the_first_token_or_the_idle_timeout(
    fake, fault, stream, phase
):
    """
    A call whose server sends no further content times out exactly when the running
    timeout, `first_token` or `idle`, expires. The call is not retried, since the model
    may already be at work.
    """
    fake.fault(fault, times=None)

    error, seconds = await fail(
        fake,
        asi1.APITimeoutError,
        stream=stream,
        timeout=asi1.Timeouts(first_token=31, idle=17),
    )

    assert (phase, 1) == (error.phase, len(fake.requests))
    assert {"first_token": 31, "idle": 17}[phase] == pytest.approx(seconds)
    assert error.sent


async def test_timeout_error_of_a_stream_has_the_partial_answer(fake):
    """
    The `partial` of a timeout error is the partial answer if the timeout expired in the
    middle of a stream, and None if it expired before the first chunk.
    """
    fake.fault("stall_mid_body")
    fake.fault("stall_after_headers")

    after_chunks, _ = await fail(fake, asi1.APITimeoutError, stream=True)
    before_chunks, _ = await fail(fake, asi1.APITimeoutError, stream=True)

    assert "one two three" == after_chunks.partial.text
    assert before_chunks.partial is None


@pytest.mark.parametrize("seconds", [0.5, 5])
async def test_comments_do_not_reset_the_idle_timeout(fake, seconds):
    """
    The idle timeout is restarted by chunks only, not by SSE comments.
    """
    fake.fault("heartbeat_forever", after_chunks=2, seconds=seconds)

    with anyio.fail_after(60):
        error, took = await fail(
            fake, asi1.APITimeoutError, stream=True, timeout=asi1.Timeouts(idle=9)
        )

    assert ("idle", pytest.approx(9)) == (error.phase, took)
    assert "one two" == error.partial.text


async def test_first_token_timeout_starts_anew_with_each_attempt(fake):
    """
    Each attempt of a call has the full `first_token` timeout: the time of earlier
    attempts does not count.
    """
    fake.play(Pause(8), Head(503, (), "length"))
    fake.reply("Here.", delay=8)

    answer, seconds = await ask(
        fake, stream=True, timeout=asi1.Timeouts(first_token=10)
    )

    assert "Here." == answer.text
    assert 16.5 >= seconds >= 16


async def test_retry_policy_on_timeout_retries_only_before_the_first_chunk(fake):
    """
    With `RetryPolicy.on_timeout` a call is retried after a timeout that expires before
    the first chunk, but not after a timeout that expires later.
    """
    again = {"retry": asi1.RetryPolicy(on_timeout=True)}
    fake.fault("stall_before_headers")
    fake.fault("stall_after_headers")
    fake.fault("stall_mid_body")

    error, _ = await fail(fake, asi1.APITimeoutError, stream=True, **again)

    assert ("idle", 3) == (error.phase, len(fake.requests))


@pytest.mark.parametrize("chunks", [1, 3])
async def test_stream_that_yielded_a_chunk_is_not_retried(fake, chunks):
    """
    A call that has delivered a chunk is not retried, even if the retry policy would
    retry its error: a retry would deliver the chunk twice.
    """
    policy = asi1.RetryPolicy(attempts=9, on_timeout=True)
    error = asi1.APITimeoutError("silent", phase="idle")
    assert policy.next_wait(error, 1, dice=0, left=99) is not None
    fake.fault("stall_mid_body", after_chunks=chunks)
    fake.reply("Here.")

    async with (
        in_process(fake, retry=policy) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        with pytest.raises(asi1.APITimeoutError) as caught:
            await stream.get_final_completion()

    assert ["one", "two", "three"][:chunks] == caught.value.partial.text.split()
    assert 1 == len(fake.requests) == len(caught.value.response.attempts)
    assert caught.value.response.attempts[0].wait is None


async def test_timeout_after_a_complete_answer_adds_no_attempt(fake):
    """
    If a timeout expires after the answer is complete, while the client waits for the
    end of the body, no retry follows, and no attempt is added to the response metadata.
    """
    again = {"retry": asi1.RetryPolicy(on_timeout=True)}
    fake.play(SSE, Event(chunk("a")), Pause(0.95), DONE, Stall())
    answer, _ = await ask(fake, stream=False, timeout=asi1.Timeouts(idle=1), **again)
    assert ("a", 1, 1) == (
        answer.text,
        len(answer.response.attempts),
        len(fake.requests),
    )

    fake.play(SSE, Event(chunk("a")), Pause(0.95), Event(chunk(finish="stop")), DONE)
    fake.play(
        SSE, Event(chunk("a")), Pause(0.95), Event(chunk(finish="stop")), DONE, Stall()
    )
    async with in_process(fake, timeout=asi1.Timeouts(total=1)) as client:
        for _ in range(2):
            stream = client.chat.completions.stream(messages="Hi")
            answer = await stream.get_final_completion()
            await anyio.sleep(5)

            assert 1 == len(stream.response.attempts)
            assert pytest.approx(0.95) == stream.response.elapsed


async def test_slow_reader_does_not_trip_the_idle_timeout(fake):
    """
    The time that the reader pauses between reads does not count towards the idle
    timeout, and a pause loses no chunk.
    """
    words = [f"{number} " for number in range(60)]
    fake.reply("".join(words).strip(), chunk_words=1)

    async with (
        in_process(fake, timeout=asi1.Timeouts(idle=2)) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        got = []
        async for piece in stream.text_stream:
            got.append(piece)
            await anyio.sleep(20)

    assert "".join(words).strip() == "".join(got)


async def test_total_timeout_applies_to_a_slow_reader(fake):
    """
    A reader slower than the total timeout gets all chunks that arrived before the
    timeout, then the timeout error. If the answer was complete when the timeout
    expired, no error is raised.
    """
    long = [Event(chunk(f"{n} ")) for n in range(40)]
    whole = [*long[:15], Event(chunk("15", finish="stop"))]
    async with in_process(fake, timeout=asi1.Timeouts(total=5)) as client:
        fake.play(SSE, *whole, DONE)
        async with client.chat.completions.stream(messages="Hi") as stream:
            await anyio.sleep(10)
            got = [piece async for piece in stream.text_stream]
            assert [*(f"{n} " for n in range(15)), "15"] == got
            assert stream.snapshot().text == "".join(got)

        fake.play(SSE, *long, DONE)
        async with client.chat.completions.stream(messages="Hi") as stream:
            await anyio.sleep(10)
            got = []
            with pytest.raises(asi1.APITimeoutError) as caught:
                async for piece in stream.text_stream:
                    got.append(piece)

    assert "total" == caught.value.phase
    assert caught.value.partial.text == "".join(got)


@both_forms
async def test_connection_lost_before_the_reply_is_retried(fake, stream):
    """
    A call whose connection is lost before the reply is retried. `sent` is true for each
    attempt, since the server may have worked on the request.
    """
    fake.fault("reset_before_headers")
    fake.fault("close_before_headers")
    fake.reply("Here.")

    answer, _ = await ask(fake, stream=stream)

    assert "Here." == answer.text
    assert [True, True, True] == [a.sent for a in answer.response.attempts]


@pytest.mark.parametrize(
    ("fault", "stream", "attempts"),
    [
        ("reset_after_headers", True, 2),
        ("close_after_headers", True, 2),
        ("reset_after_headers", False, 1),
        ("close_after_headers", False, 1),
        ("reset_mid_body", True, 1),
        ("fin_mid_chunked", True, 1),
        ("reset_mid_body", False, 1),
        ("bad_json_chunk", True, 1),
        ("error_event", True, 1),
        ("clean_eof_no_done", True, 1),
    ],
)
async def test_broken_stream_is_retried_only_before_its_first_chunk(
    fake, fault, stream, attempts
):
    """
    A stream that breaks before its first chunk is retried. It is not retried after its
    first chunk. A call without streaming is not retried once its reply has begun.
    """
    fake.fault(fault)
    fake.reply(TEXT)

    if attempts == 2:
        answer, _ = await ask(fake, stream=stream)
        assert TEXT == answer.text
    else:
        with pytest.raises(asi1.APIError):
            await ask(fake, stream=stream)

    assert attempts == len(fake.requests)


@both_forms
@pytest.mark.parametrize(
    "fault", ["bad_status_line", "obs_header_injection", "two_lengths", "bad_length"]
)
async def test_call_whose_reply_is_malformed_http_is_not_retried(fake, fault, stream):
    """
    A call whose reply is not valid HTTP is not retried, since the next reply would also
    be malformed. The error's `retryable` is false.
    """
    fake.fault(fault, times=None)

    error, _ = await fail(fake, asi1.APIConnectionError, stream=stream)

    assert not error.retryable
    assert 1 == len(fake.requests)


@pytest.mark.system
async def test_retry_budget_bounds_the_requests_in_an_outage(fake):
    """
    In an outage, 200 calls make at most 220 requests together. Once the server answers
    again, successful calls refill the client's retry budget.
    """
    fake.fail(503, times=None)

    async with in_process(fake) as client:

        async def call():
            with pytest.raises(asi1.InternalServerError):
                await client.chat.completions.create(messages="Hi")

        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(call)
        assert 220 >= len(fake.requests) >= 201

        fake.clear()
        for _ in range(30):
            await client.chat.completions.create(messages="Hi")
        fake.fail(503)
        fake.reply("Back.")
        assert "Back." == (await client.chat.completions.create(messages="Hi")).text


async def test_child_clients_share_one_retry_budget(fake):
    """
    In an outage a client and its children together make no more retries than a single
    client would.
    """
    fake.fail(503, times=None)

    async with in_process(fake) as client:
        for _ in range(40):
            with pytest.raises(asi1.InternalServerError):
                await client.with_options(model="asi1").chat.completions.create(
                    messages="Hi"
                )

    assert 60 == len(fake.requests)


@both_forms
@pytest.mark.parametrize("key", ["auto", "order-66"])
async def test_all_attempts_of_a_call_send_the_same_idempotency_key(fake, key, stream):
    """
    All attempts of a call send the same Idempotency-Key header; with
    ``idempotency_key="auto"`` each call has a key of its own.
    """
    fake.fail(503, times=2)
    fake.reply("Here.")
    fake.reply("Here.")

    async with in_process(fake) as client:
        for _ in range(2):
            made = await client.chat.completions.create(
                messages="Hi", idempotency_key=key, stream=stream
            )
            if stream:
                await made.get_final_completion()

    *first, last = [r.headers["idempotency-key"] for r in fake.requests]
    assert 1 == len(set(first))
    assert (key == "order-66") == (last == first[0])


async def test_no_idempotency_key_is_sent_by_default(fake):
    """
    Without the option `idempotency_key` no Idempotency-Key header is sent.
    """
    await ask(fake, stream=False)

    assert "idempotency-key" not in fake.requests[0].headers


@both_forms
async def test_call_waits_at_most_five_seconds_for_a_slow_error_body(fake, stream):
    """
    Once the headers of an error status have arrived, the call raises the error of this
    status, not a timeout. The client waits for the error body for at most five seconds,
    then raises the error without the body.
    """
    body = b'{"error": {"message": "Wrong key."}}'
    kind = (("content-type", "application/json"),)
    fake.play(Head(401, kind, "length", len(body)), Pause(3), Data(body))
    fake.fault("stall_error_500")
    timeouts = asi1.Timeouts(first_token=2)

    error, seconds = await fail(
        fake, asi1.AuthenticationError, stream=stream, timeout=timeouts
    )
    assert ("Wrong key.", pytest.approx(3)) == (error.message, seconds)

    error, seconds = await fail(
        fake, asi1.InternalServerError, stream=stream, timeout=timeouts, max_retries=0
    )
    assert ("Internal Server Error", pytest.approx(5)) == (error.message, seconds)


async def test_headers_end_the_first_token_timeout_of_a_call_without_streaming(fake):
    """
    For a call without streaming the `first_token` timeout ends when the headers arrive,
    even if they contain no content-type.
    """
    body = b'{"choices": [{"message": {"content": "Late."}}]}'
    fake.play(Head(200, (), "length", len(body)), Pause(3), Data(body))

    answer, seconds = await ask(
        fake, stream=False, timeout=asi1.Timeouts(first_token=2)
    )

    assert ("Late.", pytest.approx(3)) == (answer.text, seconds)


async def test_full_connection_pool_raises_a_pool_timeout(fake):
    """
    A call that gets no connection within the pool timeout raises an error that names
    `max_connections` and says that nothing was sent.
    """
    fake.fault("stall_before_headers", times=None)
    options = {
        "limits": asi1.Limits(max_connections=2),
        "timeout": asi1.Timeouts(pool=4, first_token=60),
    }
    async with (
        in_process(fake, **options) as client,
        anyio.create_task_group() as tasks,
    ):

        async def hold():
            with pytest.raises(asi1.APITimeoutError, match="first token"):
                await client.chat.completions.create(messages="Hi")

        for _ in range(2):
            tasks.start_soon(hold)
        await anyio.sleep(1)
        with pytest.raises(asi1.APITimeoutError) as caught:
            await client.chat.completions.create(messages="Hi")

        assert ("pool", False) == (caught.value.phase, caught.value.sent)
        assert pytest.approx(5) == anyio.current_time() - 0
        assert "max_connections" in str(caught.value)
        assert 2 == len(fake.requests)

    fake.clear()
    async with in_process(fake, **options) as client:
        assert (await client.chat.completions.create(messages="Hi")).text


async def test_opening_a_stream_of_a_cancelled_call_raises_stream_closed_error(
    fake, fake_client
):
    """
    A reader that waits for a stream to open gets `StreamClosedError` if the task of the
    call is cancelled from outside.
    """
    fake.fault("stall_before_headers")
    stream = fake_client.chat.completions.stream(messages="Hi")

    async def cancel():
        await until(lambda: fake.requests)
        (task,) = fake_client._engine.tasks
        task.stop()

    async with anyio.create_task_group() as group:
        group.start_soon(cancel)
        with pytest.raises(
            asi1.StreamClosedError,
            match=r"^the stream was closed, or its task was cancelled from outside$",
        ):
            async with stream:
                pass


async def test_cancelled_call_gives_its_reader_client_closed_error(fake, fake_client):
    """
    If a running call is cancelled, the call first ends its queue with an error for the
    reader, and then raises the cancellation.
    """
    fake.fault("stall_before_headers")
    call = fake_client._engine.call(OneRequest(plain()), BytesReader)

    with anyio.move_on_after(1) as scope:
        await call.run()

    assert scope.cancelled_caught
    with pytest.raises(asi1.ClientClosedError):
        await call.queue.get()


@both_forms
async def test_on_end_hook_gets_an_error_without_traceback_and_context(fake, stream):
    """
    The hook `on_end` gets an error without its traceback and context, since the frames
    of a traceback refer to data that the server sent.
    """
    fake.fault("html_200")
    observed = []

    def on_end(call):
        error = call.error
        observed.append((type(error), error.__traceback__, error.__context__))

    await fail(
        fake, asi1.APIResponseError, stream=stream, hooks=asi1.Hooks(on_end=on_end)
    )

    assert [(asi1.APIResponseError, None, None)] == observed


@both_forms
async def test_system_exit_in_a_user_provided_transport_is_raised_to_the_caller(stream):
    """
    A `SystemExit` that a user-provided transport raises is raised to the caller, and
    not in the task of the call.
    """

    def leave(_):
        raise SystemExit(3)

    async with asi1.AsyncASI1(
        "test-key", transport=httpx.MockTransport(leave)
    ) as client:
        with pytest.raises(SystemExit):
            if stream:
                await anext(client.chat.completions.stream(messages="Hi"))
            else:
                await client.chat.completions.create(messages="Hi")


@both_forms
async def test_on_end_hook_gets_no_error_after_a_successful_call(fake, stream):
    """
    After a call that succeeded, the hook `on_end` sees the response metadata, and no
    error.
    """
    observed = []

    def on_end(call):
        observed.append((call.response.status, call.error))

    await ask(fake, stream=stream, hooks=asi1.Hooks(on_end=on_end))

    assert [(200, None)] == observed


async def test_reader_of_a_call_that_never_ran_gets_client_closed_error(fake_client):
    """
    If `settle` ends a call that never ran, the reader gets `ClientClosedError`.
    """
    call = fake_client._engine.call(OneRequest(plain()), BytesReader)

    call.settle()

    with pytest.raises(asi1.ClientClosedError):
        await call.queue.get()
    await call.opened.wait()
