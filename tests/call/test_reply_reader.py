"""How a reply is read: as an answer, a truncated or broken answer, or an error."""

from __future__ import annotations

import json
import logging
import pickle

import anyio
import pytest

from anyio.lowlevel import checkpoint

import asi1

from asi1._call import reply_reader
from asi1.testing import FAULTS, Close, Data, FakeASI1, Head, Pause, Reset, Stall

from ..support.pairs import in_pairs
from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process
from ..support.virtual_time import advance


pytestmark = pytest.mark.virtual_time

both_forms = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


async def ask(fake, *, stream=True, **options):
    async with in_process(fake, **options) as client:
        if not stream:
            return await client.chat.completions.create(messages="Hi")
        async with client.chat.completions.stream(messages="Hi") as opened:
            return await opened.get_final_completion()


@pytest.mark.system
@in_pairs("fault", sorted(FAULTS), "stream", [False, True])
async def test_every_fault_ends_in_an_answer_or_an_api_error(fault, stream):
    """
    Whatever a server does, a call ends within its total timeout, with an answer or with
    an `APIError`. An error of an underlying library never reaches the caller.
    """
    size = {"mib": 2} if "mib" in FAULTS[fault].options else {}
    fake = FakeASI1(seed=1)
    fake.fault(fault, times=None, **size)
    limits = asi1.Timeouts(total=60, first_token=20, idle=10)

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
async def test_call_succeeds_whatever_the_server_does_after_a_complete_answer(
    fake, fault, most, stream
):
    """
    Once the answer is complete, no fault of the server makes the call fail, and the
    client waits at most ten seconds for the end of the response body.
    """
    fake.fault(fault)
    began = anyio.current_time()

    answer = await ask(fake, stream=stream)

    assert (TEXT, "stop") == (answer.text, answer.finish_reason)
    assert most >= anyio.current_time() - began
    assert 1 == len(fake.requests) == len(answer.response.attempts)


async def test_comments_after_a_complete_answer_do_not_prolong_the_call(fake):
    """
    SSE comments after the finish reason do not prolong the call: ten seconds after the
    finish reason the stream ends without an error.
    """
    beats = [Pause(1), Data(b": still here\n\n")] * 60
    fake.play(SSE, Event(chunk("All.", finish="stop")), *beats)

    began = anyio.current_time()
    answer = await ask(fake)

    assert "All." == answer.text
    assert pytest.approx(10) == anyio.current_time() - began


@both_forms
async def test_empty_usage_does_not_replace_earlier_token_counts_of_the_reply(
    fake, stream
):
    """
    If a reply has token counts and later an empty usage, the answer keeps the token
    counts, and the usage of the conversation includes them.
    """
    fake.fault("dialect_usage_emptied")

    async with in_process(fake) as client:
        chat = client.conversation()
        if stream:
            answer = await chat.stream("Hi").get_final_completion()
        else:
            answer = await chat.ask("Hi")

    assert (9, 8, 17) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    )
    assert 17 == chat.usage.total_tokens


@both_forms
async def test_logprobs_of_all_tokens_are_in_the_answer(fake, stream):
    """
    An answer has the log probabilities of all its tokens, with or without streaming.
    """
    fake.fault("dialect_logprobs")

    answer = await ask(fake, stream=stream)

    logprobs = answer.choices[0].extra["logprobs"]["content"]
    assert TEXT == "".join(each["token"] for each in logprobs)


async def test_usage_is_read_after_the_finish_reason(fake):
    """
    The client reads the stream past the finish reason, since the server may send the
    token counts after the finish reason.
    """
    usage = {"choices": [], "usage": {"total_tokens": 9}}
    fake.play(SSE, Event(chunk("All.", finish="stop")), Pause(9), Event(usage), DONE)

    answer = await ask(fake)

    assert 9 == answer.usage.total_tokens


@pytest.mark.system
@pytest.mark.parametrize(
    "fault",
    [name for name in FAULTS if name.startswith("dialect_") and "unfin" not in name],
)
async def test_answer_has_the_same_text_in_every_servers_stream_format(fake, fault):
    """
    The dialect faults imitate the stream formats of several servers. In each of these
    formats an answer has the same text, and the finish reason that the server sent.
    """
    fake.fault(fault)

    answer = await ask(fake)

    assert TEXT == answer.text.strip()
    reason = "tool_calls" if answer.message.tool_calls else "stop"
    assert reason == answer.finish_reason


@pytest.mark.system
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
        ("errors_event", asi1.ServerStreamError, "one two three"),
        ("choice_error", asi1.ServerStreamError, "one two three"),
        ("delta_error", asi1.ServerStreamError, "one two three"),
    ],
)
async def test_broken_stream_raises_its_error_with_the_partial_answer(
    fake, fault, error, text
):
    """
    A stream that breaks first yields all received chunks. Then, instead of ending
    normally, it raises the error class for that kind of break, with the partial answer.
    """
    fake.fault(fault)
    got = []

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        with pytest.raises(asi1.StreamError) as caught:
            async for piece in stream.text_stream:
                got.append(piece)  # noqa: PERF401 - the loop raises

    assert error is type(caught.value)
    assert text == "".join(got) == caught.value.partial.text
    assert caught.value.partial.response.status == 200
    assert 200 == caught.value.response.status
    assert 1 == len(fake.requests)


@both_forms
@pytest.mark.parametrize(
    "setup",
    [
        pytest.param({"n": 2}, id="option"),
        pytest.param({"extra_body": {"n": 2}}, id="extra-body"),
    ],
)
async def test_stream_without_all_requested_choices_is_truncated(fake, setup, stream):
    """
    If the request's body asks for two choices, a stream that ends after the first
    choice is truncated, whether the option `n` or ``extra_body`` asked for two.
    """
    fake.play(SSE, Event(chunk("One.", finish="stop")), times=None)

    with pytest.raises(asi1.StreamTruncatedError) as caught:
        await ask(fake, stream=stream, default_options=setup)

    assert "One." == caught.value.partial.text


async def test_truncated_tool_call_is_only_in_the_partial_answer(fake):
    """
    A tool call with truncated arguments is never returned as finished. The stream
    raises an error whose partial answer has the part of the tool call that was
    received.
    """
    fake.fault("tool_args_truncated")

    with pytest.raises(asi1.StreamTruncatedError) as caught:
        await ask(fake)

    (call,) = caught.value.partial.message.tool_calls
    assert "list_files" == call.function.name
    assert not call.function.arguments.endswith("}")


@pytest.mark.parametrize("name", ["error", "Error", "ERROR"])
async def test_error_event_in_the_form_of_a_chunk_is_an_error(fake, name):
    """
    An event named "error", in any case, is an error even if its data is a chunk.
    """
    error = f"event: {name}\ndata: {json.dumps(chunk('overloaded'))}\n\n"
    fake.play(SSE, Event(chunk("Hello")), Data(error.encode()), DONE)

    with pytest.raises(asi1.ServerStreamError) as caught:
        await ask(fake)

    assert "Hello" == caught.value.partial.text


async def test_exception_for_an_error_event_has_its_message_code_and_type(fake):
    """
    The exception raised for an error event in a stream has the event's message, code
    and type.
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
async def test_json_or_stream_is_read_whichever_was_requested(fake, fault, stream):
    """
    The answer is read from a JSON body in reply to a request for a stream, and from a
    stream in reply to a request for JSON.
    """
    fake.fault(fault)

    answer = await ask(fake, stream=stream)

    assert TEXT == answer.text
    assert answer.usage.total_tokens > 0


async def test_json_in_place_of_a_stream_is_one_chunk(fake):
    """
    If the server answers a request for a stream with a JSON body, the stream yields a
    single chunk with the complete text.
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
async def test_json_body_is_read_as_json_whatever_its_content_type(
    fake, content_type, stream
):
    """
    A body that begins like JSON is read as JSON whatever its content-type, since
    servers and proxies send wrong content types.
    """
    body = b'{"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}'
    kind = (("content-type", content_type),) if content_type else ()
    fake.play(Head(200, kind), Data(body[:20]), Data(body[20:]))

    answer = await ask(fake, stream=stream)

    assert "Hi." == answer.text


@pytest.mark.system
@both_forms
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("html_200", "an HTML page (Sign in)"),
        ("null_200", "null"),
        ("array_200", "JSON of another kind"),
        ("string_200", "hello"),
        ("blank_200", "an empty body"),
        ("no_content_204", "an empty body"),
        ("accepted_202", "a JSON object without choices"),
        ("json_error_200", "The model is not available."),
        ("errors_200", "The model is not available."),
        ("choice_error_200", "The model is not available."),
        ("gzip_bad_crc", "gzip"),
        ("double_gzip", "gzip, gzip"),
        ("unknown_encoding", "x-rot13"),
    ],
)
async def test_success_status_without_an_answer_raises_response_error(
    fake, fault, words, stream
):
    """
    A reply that has a success status but contains no answer raises `APIResponseError`,
    whose message describes the body; the call is not retried.
    """
    fake.fault(fault, times=None)

    with pytest.raises(asi1.APIResponseError) as caught:
        await ask(fake, stream=stream)

    assert asi1.APIResponseError is type(caught.value)
    assert words in str(caught.value)
    assert 1 == len(fake.requests)


async def test_stream_with_done_but_without_a_chunk_is_an_error(fake):
    """
    A stream that consists only of the event [DONE] contains no answer: the call raises
    an error.
    """
    fake.fault("done_only")

    with pytest.raises(asi1.APIResponseError, match="without a single chunk"):
        await ask(fake)


async def test_done_completes_a_stream_without_a_finish_reason(fake):
    """
    The event [DONE] completes a stream, even if no chunk had a finish reason.
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
async def test_truncated_json_body_raises_and_is_not_retried(fake, fault, error):
    """
    A truncated JSON body raises an error; the call is not retried, since the model has
    already answered and the server may bill the call.
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
async def test_status_error_has_the_message_of_an_error_body_in_any_format(
    fake, fault, status, words, stream
):
    """
    A status error has the server's message, whatever the format of the error body; an
    API key that the server echoed is replaced by stars.
    """
    fake.fault(fault)

    with pytest.raises(asi1.APIStatusError) as caught:
        await ask(fake, stream=stream, max_retries=0)

    assert (status, words) == (caught.value.status_code, caught.value.message)
    assert "test-key" not in repr(vars(caught.value))


async def test_secret_of_the_query_is_redacted_in_an_error(fake, fake_client):
    """
    If an error body echoes a secret of the request's query, the error shows stars in
    place of the secret.
    """
    fake.reply_json(b'{"error": {"message": "bad otter-secret-123"}}', status=400)

    with pytest.raises(asi1.BadRequestError) as caught:
        await fake_client.request(
            "GET", "/models", extra_query={"api_key": "otter-secret-123"}
        )

    assert "bad ***" == caught.value.message


async def test_error_body_is_cut_at_64_kib(fake):
    """
    The `body` of an error contains at most the first 64 KiB of the error body.
    """
    fake.fault("giant_error_500", mib=2)

    with pytest.raises(asi1.InternalServerError) as caught:
        await ask(fake, stream=False, max_retries=0)

    assert 64 * 1024 >= len(caught.value.body)


@pytest.mark.parametrize("name", ["redirect", "redirect_loop"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_raises_an_error_that_names_its_target(fake, name, status):
    """
    A redirect is not followed, but raises an error that names the redirect's target.
    """
    fake.fault(name, status=status, times=None)

    with pytest.raises(asi1.APIStatusError, match=r"redirected to .*/v1/") as caught:
        await ask(fake, stream=False)

    assert status == caught.value.status_code
    assert 1 == len(fake.requests)


async def test_event_or_body_above_max_event_bytes_is_an_error(fake):
    """
    An event or a body larger than `max_event_bytes` ends the call with an error that
    names this setting.
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
    Chunks that precede an event above `max_event_bytes` in the same network read are
    yielded before the error is raised.
    """
    fake.play(SSE, Event(chunk("a"), chunk("x" * 10_000)))
    texts = []

    async with in_process(fake, max_event_bytes=5_000) as client:
        with pytest.raises(asi1.StreamDecodeError, match="max_event_bytes"):
            async with client.chat.completions.stream(messages="Hi") as opened:
                async for each in opened:
                    texts.append(each.text)  # noqa: PERF401 - the loop raises

    assert ["a"] == texts


async def test_event_of_four_mib_is_read_by_default(fake):
    """
    An event of 4 MiB is read, since the default of `max_event_bytes` is larger.
    """
    fake.fault("giant_event", mib=4)

    answer = await ask(fake)

    assert 4 * 1024 * 1024 == len(answer.text)


@both_forms
async def test_compressed_answer_is_read(fake, stream):
    """
    The client does not ask for a compressed body, but decompresses a body that the
    server has compressed.
    """
    fake.fault("gzip_stream")

    answer = await ask(fake, stream=stream)

    assert TEXT == answer.text
    assert "identity" == fake.requests[0].headers["accept-encoding"]


async def test_time_to_first_token_is_the_time_until_the_first_text(fake):
    """
    The `time_to_first_token` of a stream is the time until the first thought or text
    arrives; a chunk without text does not count.
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


async def test_answer_has_the_response_metadata_without_cookies(fake):
    """
    The response metadata of an answer has the reply's status, request id, headers and
    rate limits; the reply's cookies are omitted.
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


@both_forms
@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        (
            "dialect_tool_calls_one_index",
            [("", "add", '{"n":1}'), ("", "sub", '{"n":2}')],
        ),
        ("dialect_tool_name_repeated", [("c1", "add", '{"n":1}')]),
        ("dialect_tool_id_changes", [("c1", "add", '{"n":1}')]),
        ("dialect_tool_arguments_twice", [("c1", "add", '{"n":1}')]),
    ],
)
async def test_tool_calls_are_complete_whichever_ids_their_fragments_have(
    fake, fault, calls, stream
):
    """
    Each tool call of a stream is complete and separate from other tool calls, whichever
    indexes, ids and names the server sends with the fragments.
    """
    fake.fault(fault)

    answer = await ask(fake, stream=stream)

    assert calls == [
        (call.id, call.function.name, call.function.arguments)
        for call in answer.message.tool_calls
    ]


@both_forms
async def test_thinking_parts_are_thoughts_with_and_without_streaming(fake, stream):
    """
    Content parts of type "thinking" are thoughts, not text, streamed or not.
    """
    fake.fault("dialect_thinking_parts")

    answer = await ask(fake, stream=stream)

    assert ("Count to eight.", TEXT) == (answer.thoughts, answer.text)


HALF, OTHER, OTTER = "\ud83e", "\udda6", "\U0001f9a6"


@both_forms
@pytest.mark.parametrize(
    ("pieces", "end", "read"),
    [
        pytest.param([HALF, OTHER], [DONE], OTTER, id="halves"),
        pytest.param(
            ["a", f"b{HALF}", "", f"{OTHER}c"], [DONE], f"ab{OTTER}c", id="inside"
        ),
        pytest.param(["a", "b", HALF, "c", "d"], [DONE], "ab\ufffdcd", id="alone"),
        pytest.param(["a", OTHER, "c"], [DONE], "a\ufffdc", id="second-half-alone"),
        pytest.param(
            ["a", HALF], [Event(chunk(finish="stop"))], "a\ufffd", id="finish-reason"
        ),
        pytest.param(
            ["a"], [Event(chunk(HALF, finish="stop"))], "a\ufffd", id="with-the-reason"
        ),
        pytest.param(["a", HALF], [DONE], "a\ufffd", id="done"),
    ],
)
async def test_texts_of_a_stream_have_no_lone_surrogates(
    fake, pieces, end, read, stream
):
    """
    Each text of a stream can be encoded as UTF-8. A surrogate pair that is split over
    two chunks is one character in the second chunk; a lone surrogate becomes U+FFFD.
    """
    fake.play(SSE, Event(*map(chunk, pieces)), *end, times=None)

    async with in_process(fake) as client:
        opened = client.chat.completions.stream(messages="Hi")
        chunks = [item async for item in opened]
        answer = await ask(fake, stream=stream)

    assert read == "".join(item.text for item in chunks) == answer.text
    everything = [*chunks, answer, opened.snapshot()]
    for item in everything:
        assert item.to_json() == json.dumps(
            item.to_dict(), ensure_ascii=False, separators=(",", ":")
        )
        assert item == pickle.loads(pickle.dumps(item))
        repr(item).encode()
        item.text.encode()


@pytest.mark.parametrize("each", [True, False], ids=["one-by-one", "at-once"])
async def test_halves_of_a_surrogate_pair_are_joined_however_chunks_arrive(fake, each):
    """
    The halves of a surrogate pair are joined whether their chunks arrive in one network
    read or in several. The texts of later chunks are complete.
    """
    texts = ["a", HALF, OTHER, "b", "c", f"\u20ac{HALF}", f"{OTHER}d", "e"]
    steps = [Event(chunk(text)) for text in texts]
    pauses = [item for step in steps for item in (step, Pause(0.1))]
    fake.play(SSE, *(pauses if each else steps), DONE)

    async with in_process(fake) as client:
        opened = client.chat.completions.stream(messages="Hi")
        read = [item.text async for item in opened]

    assert ["a", "", OTTER, "b", "c", "\u20ac", f"{OTTER}d", "e"] == read


@pytest.mark.parametrize(
    ("end", "error"),
    [
        pytest.param([], asi1.StreamTruncatedError, id="truncated"),
        pytest.param(
            [Data(b'data: {"error": {"message": "\\ud83e", "a": "\\udda6"}}\n\n')],
            asi1.ServerStreamError,
            id="error-event",
        ),
        pytest.param(
            [Data(b"data: {\\ud83e}\n\n")], asi1.StreamDecodeError, id="invalid-json"
        ),
    ],
)
async def test_errors_have_no_lone_surrogates(fake, end, error):
    """
    The texts in an error and in its partial answer can be encoded as UTF-8.
    """
    fake.play(SSE, Event(chunk("a"), chunk(f"b{HALF}")), *end)

    with pytest.raises(error) as caught:
        await ask(fake)

    assert "ab\ufffd" == caught.value.partial.text
    assert caught.value == pickle.loads(pickle.dumps(caught.value))
    repr(vars(caught.value)).encode()
    str(caught.value).encode()


@both_forms
@pytest.mark.parametrize(
    ("end", "error"),
    [
        pytest.param([DONE], None, id="done"),
        pytest.param([Data(b"data: [DONE]")], None, id="done-without-blank-line"),
        pytest.param([], asi1.StreamTruncatedError, id="truncated"),
        pytest.param([Data(b"data: {")], asi1.StreamTruncatedError, id="cut-event"),
        pytest.param(
            [Data(b'data: {"error": {"code": 429}}\n\n')],
            asi1.ServerStreamError,
            id="error-event",
        ),
    ],
)
@pytest.mark.parametrize(
    "begin",
    [
        pytest.param([Event(chunk(), chunk(HALF))], id="one-chunk"),
        pytest.param([Event(chunk(), chunk(HALF)), Pause(1)], id="and-a-pause"),
        pytest.param([Event(*[chunk()] * 1200, chunk(HALF)), Pause(1)], id="many"),
    ],
)
async def test_half_character_at_the_end_is_delivered_after_the_chunks_before_it(
    fake, begin, end, error, stream
):
    """
    The first half of a surrogate pair at the end of a stream is a part of the answer:
    it is delivered as U+FFFD, after the chunks before it, even if it is the only text,
    and the call is not retried, though the stream breaks after it.
    """
    fake.play(SSE, *begin, *end, times=None)
    read, failed = [], None

    async with in_process(fake) as client:
        try:
            if stream:
                opened = client.chat.completions.stream(messages="Hi")
                async for item in opened:
                    read.append(item.text)  # noqa: PERF401 - up to the error
                answer = opened.snapshot()
            else:
                answer = await client.chat.completions.create(messages="Hi")
        except asi1.StreamError as caught:
            answer, failed = caught.partial, type(caught)

    assert (error, "\ufffd") == (failed, answer.text)
    assert 1 == len(fake.requests)
    if stream:
        assert (len(read) - 1) * [""] + ["\ufffd"] == read
        assert len(read) in (3, 1001)  # at most 1000 chunks are buffered
        assert opened.response.time_to_first_token is not None


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("content", [r"a\ud83e", r"\udda6a", r"\udda6\ud83e"])
async def test_lone_surrogate_in_a_json_body_is_read_as_u_fffd(fake, status, content):
    """
    A lone surrogate anywhere in a JSON body is read as U+FFFD, in answers and in
    errors.
    """
    choice = f'{{"message":{{"content":"{content}"}},"{content}":["{content}"]}}'
    inner = f'"error":{{"message":"{content}","code":"{content}"}}'
    body = f'{{"id":"{content}",{inner},"x":"{content}"}}'
    if status == 200:
        body = f'{{"id":"{content}","model":"{content}","choices":[{choice}]}}'
    fake.reply_json(body.encode(), status=status)

    try:
        result = await ask(fake, stream=False)
        texts = json.dumps(result.to_dict(), ensure_ascii=False)
    except asi1.BadRequestError as error:
        result = error
        texts = json.dumps([str(error), error.code, error.body], ensure_ascii=False)

    shown = content.replace(r"\ud83e", "\ufffd").replace(r"\udda6", "\ufffd")
    assert f'"{shown}"' in texts
    texts.encode()
    assert result == pickle.loads(pickle.dumps(result))


JSON = Head(200, (("content-type", "application/json"), ("retry-after", "7")))
EVENTS = Head(200, (*SSE.headers, ("retry-after", "7")))
BUSY = {"message": "Slow down.", "code": 429}
BUSY_REPLIES = [
    pytest.param((JSON, Data(b'{"error": {"code": 429}}')), id="body"),
    pytest.param((JSON, Data(b'{"errors": [{"code": "429"}]}')), id="body-errors"),
    pytest.param((EVENTS, Event({"error": BUSY})), id="event"),
    pytest.param((EVENTS, Event({"errors": [BUSY]})), id="event-errors"),
    pytest.param((EVENTS, Event({"choices": [{"error": BUSY}]})), id="choice"),
    pytest.param(
        (EVENTS, Event({"choices": [{"delta": {"error": BUSY}}]})), id="delta"
    ),
    pytest.param(
        (EVENTS, Data(b"event: error\ndata: overloaded\n\n")), id="named-event"
    ),
]


@both_forms
@pytest.mark.parametrize("busy", BUSY_REPLIES)
async def test_temporary_error_with_status_200_is_retried(fake, busy, stream):
    """
    An error for a rate limit or an overload that comes with the status 200, before the
    first part of the answer, is retried after the wait that the reply's headers ask
    for.
    """
    fake.play(*busy)
    fake.reply("Better.")
    began = anyio.current_time()

    answer = await ask(fake, stream=stream)

    assert ("Better.", 2) == (answer.text, len(answer.response.attempts))
    assert 7 <= anyio.current_time() - began <= 7.7 + 1


@both_forms
@pytest.mark.parametrize("busy", BUSY_REPLIES)
async def test_temporary_error_with_status_200_is_raised_after_the_last_attempt(
    fake, busy, stream
):
    """
    If each attempt ends in a temporary error, the error of the last attempt is raised,
    with the wait that the server asks for.
    """
    fake.play(*busy, times=None)

    with pytest.raises(asi1.APIError) as caught:
        await ask(fake, stream=stream)

    assert isinstance(caught.value, asi1.APIResponseError | asi1.ServerStreamError)
    assert (True, 7.0) == (caught.value.retryable, caught.value.retry_after)
    assert 3 == len(fake.requests) == len(caught.value.response.attempts)


@both_forms
async def test_list_of_strings_named_errors_is_not_an_error(fake, stream):
    """
    A list of strings under ``errors`` beside an answer is only added to the answer's
    `extra`.
    """
    warned = {"errors": ["the model is deprecated"]}
    message = {"role": "assistant", "content": "one two"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], **warned}
    fake.play(JSON, Data(json.dumps(body).encode()))
    texts = [{**chunk("one "), **warned}, {**chunk("two", finish="stop"), **warned}]
    fake.play(SSE, *map(Event, texts), DONE)

    for _ in range(2):
        answer = await ask(fake, stream=stream)

        assert ("one two", warned) == (answer.text, answer.extra)


@both_forms
async def test_temporary_error_after_the_first_chunk_is_not_retried(fake, stream):
    """
    After the first chunk, a temporary error is raised at once with the partial answer,
    and its ``retryable`` is false.
    """
    fake.play(SSE, Event(chunk("one"), {"choices": [{"error": BUSY}]}), times=None)

    with pytest.raises(asi1.ServerStreamError) as caught:
        await ask(fake, stream=stream)

    assert ("one", False) == (caught.value.partial.text, caught.value.retryable)
    assert 1 == len(fake.requests)


@both_forms
@pytest.mark.parametrize(
    "fault", ["errors_200", "choice_error_200", "errors_event", "choice_error"]
)
async def test_turn_that_ends_in_an_error_with_status_200_is_not_in_the_history(
    fake, fault, stream
):
    """
    An error in a reply with status 200 fails the conversation turn, leaves the history
    unchanged, and is a ``failed`` event in `to_sse`.
    """
    fake.fault(fault, times=None)

    async with in_process(fake) as client:
        chat = client.conversation()
        with pytest.raises(asi1.APIError):
            if stream:
                await chat.stream("Hi").get_final_completion()
            else:
                await chat.ask("Hi")
        events = client.chat.completions.stream(messages="Hi").to_sse()
        sent = b"".join([each async for each in events])
        results = client.chat.completions.map(["Hi"], return_exceptions=True)
        (result,) = [each async for each in results]

    assert () == tuple(chat.messages)
    assert b"event: failed" in sent
    assert b"event: done" not in sent
    assert isinstance(result, asi1.APIError)


@pytest.mark.parametrize("size", [1, 20_000])
async def test_complete_message_in_the_last_chunk_is_not_delivered_again(fake, size):
    """
    If the last chunk repeats the complete message, the text is in the answer only once,
    and the stream's reader gets the text only once, however long the text is.
    """
    text = "one two " * size
    message = {"role": "assistant", "content": text * 2}
    last = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    fake.play(SSE, Event(chunk(text), chunk(text), last), DONE, times=3)

    assert text * 2 == (await ask(fake, stream=False)).text
    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        texts = [each.text async for each in stream]
        events = client.chat.completions.stream(messages="Hi").to_sse()
        sent = b"".join([each async for each in events])

    assert ([text, text, ""], "stop") == (texts, stream.snapshot().finish_reason)
    assert size * 2 == sent.count(b"one two")


# Events that carry no part of an answer.
SIGNS = [
    pytest.param(Event({"type": "ping"}), id="ping"),
    pytest.param(Event({}), id="empty-object"),
    pytest.param(Event({"id": "c", "choices": []}), id="no-choices"),
    pytest.param(Event(chunk()), id="empty-delta"),
    pytest.param(
        Event({"choices": [{"delta": {"role": "assistant", "content": ""}}]}), id="role"
    ),
    pytest.param(Event({"usage": {"total_tokens": 0}}), id="usage-of-zeros"),
    pytest.param(Event({"model": "asi1", "at": 7}), id="time"),
    pytest.param(Data(b"event: ping\ndata: ping\n\n"), id="named-ping"),
    pytest.param(Data(b'event: ping\ndata: {"at": 7}\n\n'), id="named-json"),
    pytest.param(
        Data(b'event: ping\ndata: {"id": "c", "time": {"a": 1}}\n\n'), id="named-object"
    ),
    pytest.param(
        Data(b'event: Keep-Alive\ndata: {"choices": [], "time": {"a": 1}}\n\n'),
        id="named-keep-alive",
    ),
    pytest.param(Event({"object": "ping", "message": "alive"}), id="ping-as-object"),
    pytest.param(
        Event({"type": "ping", "choices": [{"delta": {}, "ts": {"at": 1}}]}),
        id="ping-with-choice",
    ),
    pytest.param(Event({"choices": [{"delta": {}, "ts": 1}]}), id="time-in-choice"),
    pytest.param(Data(b"data:\n\n"), id="no-data"),
    pytest.param(Data(b": alive\n\n"), id="comment"),
]


@pytest.mark.system
@both_forms
@pytest.mark.parametrize("sign", SIGNS)
async def test_idle_timeout_ignores_events_without_content(fake, sign, stream):
    """
    After the first part of an answer, events that carry no further part do not restart
    the idle timeout.
    """
    fake.play(SSE, Event(chunk("one")), *[sign, Pause(0.1)] * 100, times=None)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError) as caught:
        await ask(fake, stream=stream, timeout=asi1.Timeouts(idle=1))

    assert ("idle", "one") == (caught.value.phase, caught.value.partial.text)
    assert pytest.approx(1) == anyio.current_time() - began


@both_forms
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [
                Data(b'event: ping\ndata: {"time": {"a": %d}}\n\n' % n)
                for n in range(100)
            ],
            id="named",
        ),
        pytest.param(
            [Event({"object": "ping", "time": {"a": n}}) for n in range(100)],
            id="object",
        ),
        pytest.param(
            [
                Event({"choices": [{"delta": {"content": ""}, "ts": n}]})
                for n in range(100)
            ],
            id="choice",
        ),
        pytest.param(
            [Event({"choices": [{"delta": {"ts": n}}]}) for n in range(100)],
            id="delta",
        ),
    ],
)
async def test_time_of_a_ping_does_not_restart_the_idle_timeout(fake, events, stream):
    """
    Pings that differ only in the server's time do not restart the idle timeout.
    """
    later = [step for event in events for step in (Pause(0.1), event)]
    fake.play(SSE, Event(chunk("one")), *later, times=None)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError) as caught:
        await ask(fake, stream=stream, timeout=asi1.Timeouts(idle=1))

    assert ("idle", "one") == (caught.value.phase, caught.value.partial.text)
    assert pytest.approx(1) == anyio.current_time() - began


@both_forms
async def test_repeated_tool_call_restarts_the_idle_timeout_only_once(fake, stream):
    """
    A tool call fragment that is sent repeatedly restarts the idle timeout only once.
    """
    part = {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c1"}]}}]}
    fake.play(SSE, *[Event(part), Pause(0.1)] * 100, times=None)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError) as caught:
        await ask(fake, stream=stream, timeout=asi1.Timeouts(idle=1))

    assert "idle" == caught.value.phase
    assert pytest.approx(1) == anyio.current_time() - began


@pytest.mark.parametrize("sign", SIGNS)
async def test_events_without_content_do_not_stop_the_first_token_timeout(fake, sign):
    """
    Before the first part of an answer, events without a part of the answer do not stop
    the first-token timeout.
    """
    fake.play(SSE, *[sign, Pause(0.1)] * 100, times=None)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError) as caught:
        await ask(fake, timeout=asi1.Timeouts(first_token=2, idle=1))

    assert ("first_token", None) == (caught.value.phase, caught.value.partial)
    assert pytest.approx(2) == anyio.current_time() - began


@pytest.mark.system
@both_forms
@pytest.mark.parametrize("sign", SIGNS)
async def test_overload_after_events_without_content_is_retried(fake, sign, stream):
    """
    A call whose server reports an overload is retried even after events that carry no
    part of an answer. The caller gets only the chunks of the second attempt.
    """
    fake.play(SSE, sign, sign, Event({"error": BUSY}))
    fake.play(SSE, sign, Event(chunk("Hi.", finish="stop")), DONE)

    answer = await ask(fake, stream=stream, retry=asi1.RetryPolicy(wait_first=0))

    assert ("Hi.", 2) == (answer.text, len(answer.response.attempts))


@pytest.mark.parametrize("sign", SIGNS)
async def test_events_without_content_after_the_finish_reason_do_not_prolong_the_call(
    fake, sign
):
    """
    After the finish reason, the client waits at most ten seconds for the token counts.
    Events that carry no part of the answer do not prolong this wait.
    """
    fake.play(SSE, Event(chunk("All.", finish="stop")), *[Pause(1), sign] * 60)
    began = anyio.current_time()

    answer = await ask(fake)

    assert "All." == answer.text
    assert pytest.approx(10) == anyio.current_time() - began


@both_forms
async def test_events_after_a_complete_answer_do_not_prolong_the_call(fake, stream):
    """
    Whatever a server sends after the finish reason, the call ends ten seconds after the
    finish reason.
    """
    changing = [[Pause(1), Event({"choices": [], "time": {"t": n}})] for n in range(30)]
    begun = [[Pause(1), Data(b"data: "[n : n + 1])] for n in range(6)]
    for steps in (changing, begun):
        later = [step for pair in steps for step in pair]
        fake.play(SSE, Event(chunk("All.", finish="stop")), *later, Pause(60))
        began = anyio.current_time()

        answer = await ask(fake, stream=stream)

        assert "All." == answer.text
        assert pytest.approx(10) == anyio.current_time() - began


@pytest.mark.parametrize("sign", SIGNS)
async def test_answer_is_complete_despite_events_without_content(fake, sign):
    """
    An answer is complete even if events that only show that the server is alive arrive
    among its chunks.
    """
    words = [sign, Event(chunk("one ")), sign, Event(chunk("two", finish="stop")), sign]
    fake.play(SSE, *words, DONE)

    answer = await ask(fake)

    assert ("one two", "stop") == (answer.text, answer.finish_reason)


async def test_chunks_before_the_first_part_of_the_answer_wait_for_that_part(fake):
    """
    Chunks before the first part of the answer are buffered until that part arrives, so
    that a retry repeats no chunk. Then the reader receives all of them, in order.
    """
    opening = {"id": "a", "choices": [{"delta": {"role": "assistant"}}]}
    fake.play(SSE, Event(opening), Pause(1), Event(chunk("Hi.", finish="stop")), DONE)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        first = await anext(stream)
        waited = anyio.current_time()
        chunks = [first, *[each async for each in stream]]

    assert ["", "Hi."] == [each.text for each in chunks]
    assert "assistant" == first.choices[0].delta.role
    assert anyio.current_time() - waited < 1


@pytest.mark.system
async def test_at_most_a_thousand_chunks_without_text_are_buffered(fake):
    """
    At most a thousand chunks before the first part of the answer are buffered; further
    chunks are dropped.
    """
    fake.play(SSE, *[Event(chunk())] * 1500, Event(chunk("Hi.", finish="stop")), DONE)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        chunks = [each async for each in stream]

    assert (1001, "Hi.") == (len(chunks), chunks[-1].text)


async def test_chunks_without_text_are_buffered_up_to_a_megabyte(fake):
    """
    At most a megabyte of chunks before the first part of the answer is buffered.
    """
    large = Event({"choices": [], "debug": "x" * 300_000})
    fake.play(SSE, *[large] * 10, Event(chunk("Hi.", finish="stop")), DONE)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        chunks = [each async for each in stream]

    assert len(chunks) <= 5
    assert "Hi." == chunks[-1].text


async def test_stream_of_empty_deltas_is_an_empty_answer(fake):
    """
    A stream of empty deltas that ends with [DONE] is an empty answer. A stream that has
    only pings contains no answer.
    """
    fake.play(SSE, Event(chunk()), DONE)
    fake.play(SSE, Event({"type": "ping"}), DONE)

    assert "" == (await ask(fake)).text
    with pytest.raises(asi1.APIResponseError, match="without a single chunk"):
        await ask(fake)


NO_PART = pytest.mark.parametrize(
    "steps",
    [
        pytest.param([], id="empty"),
        pytest.param([Data(b"\xef\xbb\xbf \n\n")], id="blank"),
        pytest.param([Data(b": hi\n\nevent: ping\ndata: {}\n\n")], id="pings"),
        pytest.param(
            [Event({"choices": [{"delta": {"role": "assistant"}}]})], id="role"
        ),
        pytest.param([Data(b'data: {"choices": [{"del')], id="cut-event"),
    ],
)


@NO_PART
async def test_stream_that_ends_before_the_first_part_of_its_answer_is_retried(
    fake, steps
):
    """
    A stream that ends cleanly, but without a part of the answer and without [DONE], is
    retried: no chunk is returned twice.
    """
    fake.play(SSE, *steps, times=2)
    fake.play(SSE, Event(chunk("Hi."), chunk(finish="stop")), DONE)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        chunks = [each async for each in stream]

    assert ["Hi.", ""] == [each.text for each in chunks]
    assert 3 == len(fake.requests)


@NO_PART
@both_forms
async def test_stream_without_a_part_of_the_answer_is_a_truncated_stream(
    fake, steps, stream
):
    """
    A stream that ends without a part of the answer raises `StreamTruncatedError` with a
    partial answer that has no text. Without streaming, the call is not retried, since
    the model has probably written its answer.
    """
    fake.play(SSE, *steps, times=None)

    with pytest.raises(asi1.StreamTruncatedError) as caught:
        await ask(fake, stream=stream)

    assert "" == caught.value.partial.text
    assert (3 if stream else 1) == len(fake.requests)
    assert stream == caught.value.retryable


@both_forms
async def test_spaces_before_a_json_body_do_not_restart_the_idle_timeout(fake, stream):
    """
    Spaces that a server sends while the model works are not a part of a JSON answer,
    and do not restart the idle timeout.
    """
    fake.play(JSON, *[Data(b" "), Pause(0.1)] * 100)
    limits = asi1.Timeouts(idle=1, first_token=1)
    began = anyio.current_time()

    with pytest.raises(asi1.APITimeoutError):
        await ask(fake, stream=stream, timeout=limits)

    assert pytest.approx(1) == anyio.current_time() - began


async def test_idle_timeout_runs_again_once_a_slow_reader_has_read(fake):
    """
    The idle timeout does not run while the reader pauses. Once the reader has read, the
    timeout runs again, even if the last chunks carry no part of the answer.
    """
    empty = [Pause(0.01), Event(chunk())] * 30
    fake.play(SSE, Event(chunk("one")), *empty, Stall())

    async with in_process(fake, timeout=asi1.Timeouts(idle=1)) as client:
        stream = client.chat.completions.stream(messages="Hi")
        await anext(stream)
        await anyio.sleep(60)
        with anyio.fail_after(100), pytest.raises(asi1.APITimeoutError) as caught:
            await stream.get_final_completion()

    assert ("idle", "one") == (caught.value.phase, caught.value.partial.text)


async def turns_during(fake, *, stream, stop_after=None):
    """
    Make a call; return how often a second task ran meanwhile, and whether the call
    ended.

    With *stop_after*, the call is cancelled once the second task has run that often.
    """
    turns, ended = 0, False

    async def count(scope):
        nonlocal turns
        while not ended:
            turns += 1
            if turns == stop_after:
                scope.cancel()
                return
            await checkpoint()

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(count, scope)
            await ask(fake, stream=stream)
            ended = True
    return turns, ended


FLOODS = [
    ("flood_chunks", 30_000),
    ("flood_comments", 500_000),
    ("flood_empty_data", 30_000),
    ("flood_ids", 250_000),
    ("flood_tool_call_events", 4_000),
    ("flood_tool_calls", 10_000),
]


@pytest.mark.system
@in_pairs("flood", FLOODS, "stream", [False, True])
async def test_other_tasks_run_while_many_events_are_read(fake, flood, stream):
    """
    While a call reads many events, or one event with many objects, that arrived in one
    write, another task runs many times.
    """
    name, count = flood
    fake.fault(name, count=1)
    fake.fault(name, count=count)

    few, _ = await turns_during(fake, stream=stream)
    many, _ = await turns_during(fake, stream=stream)

    assert many - few >= 30


@pytest.mark.system
@in_pairs("flood", FLOODS, "stream", [False, True])
async def test_call_that_reads_many_events_can_be_cancelled(fake, flood, stream):
    """
    A call that reads a flood of events from one write can be cancelled at once.
    """
    name, count = flood
    fake.fault(name, count=1)
    fake.fault(name, count=count)

    few, _ = await turns_during(fake, stream=stream)
    turns, ended = await turns_during(fake, stream=stream, stop_after=few + 5)

    assert (few + 5, False) == (turns, ended)


async def turns_after_the_timeout(fake, *, stream, late):
    """
    Run a second task beside a call, which times out when this task has run *late*
    times. Return how many more times the task runs until the call raises its error.
    """
    turns, ended = 0, False

    async def count():
        nonlocal turns
        while not ended:
            turns += 1
            if turns == late:
                advance(1)
            await checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        with pytest.raises(asi1.APITimeoutError) as caught:
            await ask(fake, stream=stream, timeout=1)
        ended = True
    assert "total" == caught.value.phase
    return turns - late


@pytest.mark.system
@in_pairs(
    "flood",
    [*FLOODS, ("flood_comments", 1_000_000), ("flood_tool_calls", 20_000)],
    "stream",
    [False, True],
)
async def test_total_timeout_ends_a_read_of_many_events(fake, flood, stream):
    """
    The total timeout ends a call that reads a flood of events from one write. After the
    timeout other tasks run at most six times before the call raises its error: once
    while it still reads, and at most five times while it closes the reply.
    """
    name, count = flood
    fake.fault(name, count=1)
    fake.fault(name, count=count)

    few, _ = await turns_during(fake, stream=stream)
    turns = await turns_after_the_timeout(fake, stream=stream, late=few + 5)

    assert turns <= 6


@both_forms
@pytest.mark.parametrize("size", [1, 300, 1000])
async def test_all_tool_calls_of_a_large_body_are_read(fake, stream, size):
    """
    With and without streaming, an answer has every tool call of a JSON body, however
    many tool calls the body has.
    """
    calls = [{"id": f"c{n}", "function": {"name": f"f{n}"}} for n in range(size)]
    message = {"content": "x", "tool_calls": [*calls, None, 7]}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    body = json.dumps({"choices": choices}).encode()
    fake.play(Head(200, (("content-type", "application/json"),)), Data(body))

    answer = await ask(fake, stream=stream)

    assert "x" == answer.text
    assert [f"c{n}" for n in range(size)] == [c.id for c in answer.message.tool_calls]
    assert "tool_calls" == answer.finish_reason


@both_forms
@pytest.mark.parametrize("generation", ["guide", "2025", "2026"])
async def test_answer_whose_thoughts_used_all_tokens_is_logged_once(
    fake, caplog, stream, generation
):
    """
    If the thoughts used all tokens of an answer, the answer is `exhausted`, and one
    line in the log says so, without the thoughts.
    """
    caplog.set_level(logging.WARNING, "asi1")
    fake.reply("", thoughts=["Otters."], finish_reason="length", generation=generation)

    answer = await ask(fake, stream=stream)

    assert answer.exhausted
    (line,) = caplog.messages
    assert "thoughts used all tokens" in line
    assert "Otters" not in line


@both_forms
@pytest.mark.parametrize(("text", "reason"), [("Swim", "length"), ("", "stop")])
async def test_only_an_answer_whose_thoughts_used_all_tokens_is_logged(
    fake, caplog, stream, text, reason
):
    """
    An answer that has text, or a finish reason other than "length", is not `exhausted`,
    and the log does not mention it.
    """
    caplog.set_level(logging.WARNING, "asi1")
    fake.reply(text, thoughts=["Otters."], finish_reason=reason)

    answer = await ask(fake, stream=stream)

    assert not answer.exhausted
    assert [] == caplog.messages


async def test_json_answer_whose_thoughts_used_all_tokens_is_logged(fake, caplog):
    """
    If a server sends JSON instead of a stream, an `exhausted` answer is logged once.
    """
    caplog.set_level(logging.WARNING, "asi1")
    message = {"role": "assistant", "content": None, "reasoning_content": "Otters."}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    fake.reply_json({"choices": [choice]})

    answer = await ask(fake)

    assert answer.exhausted
    assert 1 == len(caplog.messages)


WHOLE = b'{"choices": [{"message": {"content": "}{"}, "finish_reason": "stop"}]}'
LARGE = (
    b'{"choices": [{"message": {"content": "%b"}, "finish_reason": "length"}],'
    b' "more": [%b{}]}'
    % (
        b"a" * 40_000,
        b"{}, " * 9_000,
    )
)
IMAGE = b'{"data": [{"url": "https://cdn.example/otter.png"}]}'
JSON_HEADS = {
    "chunked": Head(200, (("content-type", "application/json"),)),
    "length": Head(200, (("content-type", "application/json"),), "length", 10**6),
    "as-events": SSE,
    "untyped": Head(200),
}


@pytest.mark.system
@pytest.mark.parametrize("method", ["create", "stream", "generate"])
@pytest.mark.parametrize("end", [Reset(), Close(), Stall()])
@pytest.mark.parametrize("head", JSON_HEADS)
@pytest.mark.parametrize("body", ["whole", "spaced", "in-pieces", "large"])
async def test_complete_json_answer_is_returned_however_its_body_ends(
    fake, method, end, head, body
):
    """
    A complete JSON answer is returned even if the response body does not end properly:
    the connection is reset or closed, or no further bytes arrive for ten seconds.
    """
    data = IMAGE if method == "generate" else LARGE if body == "large" else WHOLE
    pieces = {
        "spaced": [data + b" \n", b" ", b"\n"],
        "in-pieces": [data[:50], data[50:]],
    }
    fake.play(JSON_HEADS[head], *map(Data, pieces.get(body, [data])), end)

    began = anyio.current_time()
    if method == "generate":
        async with in_process(fake) as client:
            image = await client.images.generate("an otter")
        assert "https://cdn.example/otter.png" == image.url
    else:
        answer = await ask(fake, stream=method == "stream")
        assert json.loads(data)["choices"][0]["message"]["content"] == answer.text
        assert [None] == [each.cause for each in answer.response.attempts]

    seconds = 10 if isinstance(end, Stall) else 0
    assert pytest.approx(seconds, abs=0.3) == anyio.current_time() - began


@pytest.mark.parametrize("size", [10, 10_000])
@pytest.mark.parametrize("braces", [0, 1, 63, 64, 65, 500])
def test_each_brace_after_a_position_of_a_body_is_counted_once(size, braces):
    """
    The count of braces in a body, from a position to its end, includes each brace once,
    and none before the position, whether the body is short or long.
    """
    start = bytearray(b"{{")
    body = start + b"x" * size + b"{x" * braces

    assert braces == reply_reader._count(body, b"{", len(start))
    assert 0 == reply_reader._count(body, b"}", len(start))


@both_forms
async def test_complete_json_answer_is_returned_when_the_total_timeout_passes(
    fake, stream
):
    """
    If the total timeout passes after a complete JSON answer has arrived, the call
    returns the answer.
    """
    fake.play(JSON_HEADS["chunked"], Data(WHOLE), Stall())

    assert "}{" == (await ask(fake, stream=stream, timeout=3)).text


@both_forms
async def test_json_body_that_pauses_after_an_inner_brace_is_read_to_its_end(
    fake, stream
):
    """
    A JSON body is read to its end even if the server pauses for 50 seconds after a
    brace inside the body.
    """
    parts = WHOLE.partition(b"}{")
    begun = b'{"system": "}{}", "note": "{}"', b", " + WHOLE[1:]
    fake.play(JSON_HEADS["chunked"], Data(begun[0]), Pause(50), Data(begun[1]))
    fake.play(JSON_HEADS["chunked"], Data(parts[0] + b"}"), Pause(50), Data(WHOLE[39:]))

    assert "}{" == (await ask(fake, stream=stream)).text
    assert "}{" == (await ask(fake, stream=stream)).text


@both_forms
async def test_complete_json_error_with_status_200_is_raised_although_the_body_breaks(
    fake, stream
):
    """
    A complete JSON error in a reply with status 200 is raised with its message, even if
    the connection breaks before the end of the body.
    """
    fake.play(JSON_HEADS["chunked"], Data(b'{"error": {"message": "no"}}'), Reset())

    with pytest.raises(asi1.APIResponseError, match=r"no\Z"):
        await ask(fake, stream=stream)


@both_forms
@pytest.mark.parametrize("end", [Reset(), Close()])
async def test_truncated_json_answer_is_an_error(fake, stream, end):
    """
    A JSON answer that is truncated is an error, even if its last byte is a brace.
    """
    fake.play(JSON_HEADS["chunked"], Data(WHOLE[:-2]), end, times=None)

    with pytest.raises(asi1.APIConnectionError):
        await ask(fake, stream=stream)


@both_forms
@pytest.mark.parametrize("end", [Data(b""), Close(), Reset(), Stall()])
async def test_first_of_several_json_lines_is_not_taken_for_the_answer(
    fake, stream, end
):
    """
    A chunk without a finish reason is not taken for a whole JSON answer, so a body of
    JSON lines is an error, not the text of the first line.
    """
    lines = [json.dumps(chunk(word)).encode() + b"\n" for word in ("a", "b")]
    fake.play(JSON_HEADS["chunked"], *map(Data, lines), end)

    with pytest.raises(asi1.APIError):
        await ask(fake, stream=stream, max_retries=0)


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([Event(chunk("a"))], asi1.StreamTruncatedError),
        ([Event(chunk("a"), {"error": {"message": "no"}})], asi1.ServerStreamError),
        ([Event(chunk("a")), Data(b"data: {x\n\n")], asi1.StreamDecodeError),
        ([Event(chunk("a")), Reset()], asi1.StreamInterruptedError),
    ],
)
async def test_create_raises_a_stream_error_for_a_broken_stream_that_was_not_requested(
    fake, steps, error
):
    """
    If the server sends a stream although none was requested, and the stream breaks,
    `create` raises a `StreamError` with the partial answer, as its docstring says.
    """
    fake.play(SSE, *steps)

    with pytest.raises(error) as caught:
        await ask(fake, stream=False)

    assert isinstance(caught.value, asi1.StreamError)
    assert "a" == caught.value.partial.text
    assert "StreamError: " in asi1.AsyncCompletions.create.__doc__
