"""What a reply is taken for: whole, cut, broken, an error, or no answer at all."""

from __future__ import annotations

import anyio
import pytest

import asi1

from asi1.testing import FAULTS, Data, Head, Pause

from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process


pytestmark = pytest.mark.virtual_time

both_forms = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


async def ask(fake, *, stream=True, **options):
    async with in_process(fake, **options) as client:
        if not stream:
            return await client.chat.completions.create(messages="Hi")
        async with client.chat.completions.stream(messages="Hi") as opened:
            return await opened.get_final_completion()


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_no_fault_raises_anything_of_others(fake, fault):
    """
    Whatever a server does, a call ends in time, with an answer or with an `APIError`.
    """
    small = {"mib": 2} if "mib" in FAULTS[fault].options else {}
    fake.fault(fault, times=None, **small)
    limits = asi1.Timeouts(total=60, first_token=20, idle=10)

    for stream in (False, True):
        failed = None
        with anyio.fail_after(61):
            try:
                answer = await ask(fake, stream=stream, timeout=limits)
            except asi1.APIError as error:
                failed = error

        if failed is None:
            assert answer.response.attempts[-1].cause is None
        else:
            assert failed.response.attempts[-1].cause == (
                f"{type(failed).__name__}: {failed}"
            )


@both_forms
@pytest.mark.parametrize(
    ("fault", "most"),
    [
        ("after_done_hangs", 0.3),
        ("after_done_more", 0.2),
        ("after_done_reset", 0.2),
        ("finish_then_reset", 0.2),
        ("finish_then_stall", 10.1),
        ("error_after_finish", 0.2),
        ("clean_eof_finish_no_done", 0.2),
        ("done_no_blank_line", 0.2),
        ("done_twice", 0.2),
    ],
)
async def test_nothing_after_a_whole_answer_makes_it_fail(fake, fault, most, stream):
    """
    Once the answer is whole nothing that the server does makes it fail, and nothing is
    waited for longer than ten seconds.
    """
    fake.fault(fault)
    began = anyio.current_time()

    answer = await ask(fake, stream=stream)

    assert (TEXT, "stop") == (answer.text, answer.finish_reason)
    assert most >= anyio.current_time() - began
    assert 1 == len(fake.requests) == len(answer.response.attempts)


async def test_comments_after_a_whole_answer_do_not_hold_it_up(fake):
    """
    Comments after the finish reason prolong nothing: ten seconds later the stream is
    over, and it has succeeded.
    """
    beats = [Pause(1), Data(b": still here\n\n")] * 60
    fake.play(SSE, Event(chunk("All.", finish="stop")), *beats)

    began = anyio.current_time()
    answer = await ask(fake)

    assert "All." == answer.text
    assert pytest.approx(10) == anyio.current_time() - began


async def test_usage_is_read_after_the_finish_reason(fake):
    """
    Reading goes on after the finish reason, since the token counts may come later.
    """
    usage = {"choices": [], "usage": {"total_tokens": 9}}
    fake.play(SSE, Event(chunk("All.", finish="stop")), Pause(9), Event(usage), DONE)

    answer = await ask(fake)

    assert 9 == answer.usage.total_tokens


@pytest.mark.parametrize(
    "fault",
    [name for name in FAULTS if name.startswith("dialect_") and "unfin" not in name],
)
async def test_each_servers_dialect_is_understood(fake, fault):
    """
    Streams in the manner of many servers give the same text.
    """
    fake.fault(fault)

    answer = await ask(fake)

    assert TEXT == answer.text.strip()
    assert "stop" == answer.finish_reason


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("clean_eof_no_done", asi1.StreamTruncatedError, "one two three"),
        ("truncated_no_length", asi1.StreamTruncatedError, "one two three"),
        ("eof_mid_event", asi1.StreamTruncatedError, "one two three"),
        ("gzip_cut", asi1.StreamTruncatedError, "one two three four"),
        ("tool_args_truncated", asi1.StreamTruncatedError, ""),
        ("dialect_one_choice_unfinished", asi1.StreamTruncatedError, TEXT),
        ("reset_mid_body", asi1.StreamInterruptedError, "one two three"),
        ("fin_mid_chunked", asi1.StreamInterruptedError, "one two three"),
        ("fin_mid_chunk", asi1.StreamInterruptedError, "one two three"),
        ("fin_mid_length", asi1.StreamInterruptedError, "one two three"),
        ("bad_chunk_size", asi1.StreamInterruptedError, "one two three"),
        ("bad_json_chunk", asi1.StreamDecodeError, "one two three"),
        ("done_with_suffix", asi1.StreamDecodeError, "one two three"),
        ("scalar_chunk", asi1.StreamDecodeError, "one two three"),
        ("deep_nesting", asi1.StreamDecodeError, "one two three"),
        ("huge_integer", asi1.StreamDecodeError, "one two three"),
        ("error_event", asi1.ServerStreamError, "one two three"),
        ("error_event_string", asi1.ServerStreamError, "one two three"),
        ("error_event_named", asi1.ServerStreamError, "one two three"),
        ("error_event_text", asi1.ServerStreamError, "one two three"),
        ("error_then_done", asi1.ServerStreamError, "one two three"),
    ],
)
async def test_a_broken_stream_carries_what_came(fake, fault, error, text):
    """
    Each way in which a stream can break has its error, never a silent end; all chunks
    that came are handed out first, and the error holds the answer so far.
    """
    fake.fault(fault)
    got = []

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        with pytest.raises(asi1.StreamError) as caught:
            async for piece in stream.text_stream:
                got.append(piece)  # noqa: PERF401 - it ends with an error

    assert error is type(caught.value)
    assert text == "".join(got) == caught.value.partial.text
    assert caught.value.partial.response.status == 200
    assert 200 == caught.value.response.status
    assert 1 == len(fake.requests)


async def test_a_cut_tool_call_is_in_the_partial_answer_alone(fake):
    """
    A tool call whose arguments are cut is never handed out as finished: the stream
    fails, and the pieces are in the partial answer.
    """
    fake.fault("tool_args_truncated")

    with pytest.raises(asi1.StreamTruncatedError) as caught:
        await ask(fake)

    (call,) = caught.value.partial.message.tool_calls
    assert "list_files" == call.function.name
    assert not call.function.arguments.endswith("}")


async def test_an_error_in_a_stream_keeps_the_servers_words(fake):
    """
    An error event tells its message, code and type.
    """
    fake.fault("error_event")

    with pytest.raises(asi1.ServerStreamError) as caught:
        await ask(fake)

    assert ("The model broke down.", "broken", "server_error") == (
        caught.value.message,
        caught.value.code,
        caught.value.type,
    )


@both_forms
@pytest.mark.parametrize("fault", ["json_for_stream", "sse_for_json"])
async def test_an_answer_in_the_other_form_is_an_answer(fake, fault, stream):
    """
    JSON where a stream was asked for is one chunk, and a stream where JSON was asked
    for is put together.
    """
    fake.fault(fault)

    answer = await ask(fake, stream=stream)

    assert TEXT == answer.text
    assert answer.usage.total_tokens > 0


async def test_json_in_place_of_a_stream_is_one_chunk(fake):
    """
    A whole answer in place of a stream comes as a single chunk that says it all.
    """
    fake.fault("json_for_stream")

    async with (
        in_process(fake) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        chunks = [each async for each in stream]
        final = await stream.get_final_completion()

    assert [TEXT] == [each.text for each in chunks]
    assert ("stop", TEXT) == (chunks[0].finish_reason, final.text)


@both_forms
@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain", None])
async def test_json_is_known_by_its_first_byte(fake, content_type, stream):
    """
    A body that is JSON is read as JSON, whatever its content-type says.
    """
    body = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}'
    kind = (("content-type", content_type),) if content_type else ()
    fake.play(Head(200, kind), Data(body[:20]), Data(body[20:]))

    answer = await ask(fake, stream=stream)

    assert "Hi." == answer.text


@both_forms
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html_200", "an HTML page (Sign in)"),
        ("empty_200", "an empty body"),
        ("null_200", "null"),
        ("array_200", "JSON of another kind"),
        ("string_200", "hello"),
        ("blank_200", "an empty body"),
        ("no_content_204", "an empty body"),
        ("accepted_202", "a JSON object without choices"),
        ("json_error_200", "The model is not available."),
        ("gzip_bad_crc", "gzip"),
        ("double_gzip", "gzip, gzip"),
        ("unknown_encoding", "x-rot13"),
    ],
)
async def test_a_success_that_is_no_answer_is_an_error(fake, fault, words, stream):
    """
    A reply with a status of success that is no answer is `APIResponseError`, which
    tells what it was; it is not tried again.
    """
    fake.fault(fault, times=None)

    with pytest.raises(asi1.APIResponseError) as caught:
        await ask(fake, stream=stream)

    assert asi1.APIResponseError is type(caught.value)
    assert words in str(caught.value)
    assert 1 == len(fake.requests)


async def test_done_without_a_chunk_is_no_answer(fake):
    """
    A stream of nothing but its end is no answer.
    """
    fake.fault("done_only")

    with pytest.raises(asi1.APIResponseError, match="without a single chunk"):
        await ask(fake)


async def test_done_ends_a_stream_without_a_finish_reason(fake):
    """
    [DONE] alone is enough for a stream to be whole.
    """
    fake.fault("done_early")

    answer = await ask(fake)

    assert ("one two three", None) == (answer.text, answer.finish_reason)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("fin_mid_length", asi1.APIConnectionError),
        ("fin_mid_chunked", asi1.APIConnectionError),
        ("reset_mid_body", asi1.APIConnectionError),
        ("truncated_no_length", asi1.APIResponseError),
        ("clean_eof_no_done", asi1.APIResponseError),
    ],
)
async def test_a_cut_body_is_an_error_and_may_be_billed(fake, fault, error):
    """
    A JSON body that is cut is never an answer; the model has done its work, so the
    call is not made again.
    """
    fake.fault(fault, times=None)

    with pytest.raises(error) as caught:
        await ask(fake, stream=False)

    assert error is type(caught.value)
    assert caught.value.response.attempts[0].sent
    assert 1 == len(fake.requests)


@both_forms
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("html_502", 502, "an HTML page (502 Bad Gateway)"),
        ("text_500", 500, "Internal Server Error"),
        ("overloaded_529", 529, "Overloaded."),
        ("empty_400", 400, "Bad Request"),
        ("error_string_400", 400, "messages must not be empty"),
        ("message_400", 400, "messages must not be empty"),
        ("detail_422", 422, "body.model: Field required"),
        ("key_echo_401", 401, "Incorrect API key provided: ***."),
        ("status_799", 799, "Unknown status."),
        ("cut_error_500", 500, '{"error": {"mess'),
    ],
)
async def test_a_refusal_keeps_the_servers_words(fake, fault, status, words, stream):
    """
    The error of a refusal says what the server said, whatever the shape of its body,
    but for the key.
    """
    fake.fault(fault)

    with pytest.raises(asi1.APIStatusError) as caught:
        await ask(fake, stream=stream, max_retries=0)

    assert (status, words) == (caught.value.status_code, caught.value.message)
    assert "test-key" not in repr(vars(caught.value))


async def test_a_giant_refusal_is_cut(fake):
    """
    Of a refusal's body no more than 64 KiB are kept.
    """
    fake.fault("giant_error_500", mib=2)

    with pytest.raises(asi1.InternalServerError) as caught:
        await ask(fake, stream=False, max_retries=0)

    assert 64 * 1024 >= len(caught.value.body)


@pytest.mark.parametrize("name", ["redirect", "redirect_loop"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(fake, name, status):
    """
    A redirect is an error that names its target; nothing is sent there.
    """
    fake.fault(name, status=status, times=None)

    with pytest.raises(asi1.APIStatusError, match=r"redirected to .*/v1/") as caught:
        await ask(fake, stream=False)

    assert status == caught.value.status_code
    assert 1 == len(fake.requests)


async def test_what_is_too_large_is_an_error(fake):
    """
    An event or a body above `max_event_bytes` ends the call.
    """
    fake.fault("giant_event", mib=1, times=2)
    fake.fault("infinite_body", times=1)
    fake.reply("long " * 10_000)
    small = {"max_event_bytes": 10_000}

    for _ in range(3):
        with pytest.raises(asi1.StreamDecodeError, match="max_event_bytes"):
            await ask(fake, **small)
    with pytest.raises(asi1.APIResponseError, match="max_event_bytes"):
        await ask(fake, stream=False, **small)


async def test_chunks_before_a_too_large_event_are_yielded(fake):
    """
    The chunks that come in one piece with an event that is too large reach the reader
    before the error does.
    """
    fake.play(SSE, Event(chunk("a"), chunk("x" * 10_000)))
    said = []

    async with in_process(fake, max_event_bytes=5_000) as client:
        with pytest.raises(asi1.StreamDecodeError, match="max_event_bytes"):
            async with client.chat.completions.stream(messages="Hi") as opened:
                async for each in opened:
                    said.append(each.text)  # noqa: PERF401 - it breaks off

    assert ["a"] == said


async def test_a_large_event_is_read_by_default(fake):
    """
    An event of some MiB is nothing special.
    """
    fake.fault("giant_event", mib=4)

    answer = await ask(fake)

    assert 4 * 1024 * 1024 == len(answer.text)


@both_forms
async def test_a_compressed_answer_is_read(fake, stream):
    """
    Compression is not asked for, and understood where it comes all the same.
    """
    fake.fault("gzip_stream")

    answer = await ask(fake, stream=stream)

    assert TEXT == answer.text
    assert "identity" == fake.requests[0].headers["accept-encoding"]


async def test_the_time_to_the_first_token_is_told(fake):
    """
    The account of a stream tells when the first thought or text came; a chunk that
    says nothing does not count.
    """
    fake.play(
        SSE, Pause(1), Event(chunk()), Pause(2), Event(chunk("Hi")), Pause(4), DONE
    )

    async with (
        in_process(fake) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        assert stream.response.time_to_first_token is None
        await stream.get_final_completion()

    assert pytest.approx(3) == stream.response.time_to_first_token
    assert pytest.approx(7) == stream.response.elapsed


async def test_the_account_of_a_reply_is_on_the_answer(fake):
    """
    Status, request id, headers and rate limits of a reply are on the answer; cookies
    are not.
    """
    fake.reply(
        "Hi.",
        request_id="req-1",
        headers={"x-ratelimit-remaining-tokens": "77", "set-cookie": "a=b"},
    )

    info = (await ask(fake, stream=False)).response

    assert (200, "req-1", 77) == (
        info.status,
        info.request_id,
        info.rate_limits.remaining_tokens,
    )
    assert "set-cookie" not in info.headers
