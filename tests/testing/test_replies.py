"""The fake's replies without faults, received through the in-process transport."""

from __future__ import annotations

import json

from pathlib import Path

import anyio
import httpx
import pytest

import asi1

from asi1 import AsyncASI1, BadRequestError
from asi1.testing import Data, FakeASI1, Head, RecordedRequest


URL = "http://127.0.0.1:1/v1/chat/completions"
SAMPLES = Path(__file__).parent.parent / "samples"
TEXT = "Otters float on their backs, all nine of them.  "
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
GENERATIONS = ["2025", "2026", "guide"]
IDS = ["call_1", "", None]
BIG = 2**70


async def ask(fake, *, stream=False, **body):
    async with httpx.AsyncClient(transport=fake.transport, timeout=None) as client:
        return await client.post(URL, json={"stream": stream, **body})


def chunks(response):
    events = response.text.split("\n\n")
    assert ["data: [DONE]", ""] == events[-2:]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def deltas(response):
    return [c["delta"] for chunk in chunks(response) for c in chunk["choices"]]


def shape(value):
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


def successive_shapes(values):
    """
    Return each JSON value's keys and types, unless equal to those of the value before.
    """
    found = []
    for value in map(shape, values):
        if not found or found[-1] != value:
            found.append(value)
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("words", [1, 2, 3, 50])
async def test_texts_of_all_chunks_add_up_to_the_scripted_text(fake, generation, words):
    """
    The texts of a stream's chunks add up to the scripted text, whatever the number of
    chunks.
    """
    fake.reply(TEXT, generation=generation, chunk_words=words)

    got = [d.get("content") for d in deltas(await ask(fake, stream=True))]

    assert TEXT == "".join(piece or "" for piece in got)


async def test_stream_in_the_format_of_2025_has_the_keys_and_types_of_a_recording(fake):
    """
    A scripted stream in the format of 2025 has chunks with the same keys and types as a
    recorded stream of the service, in the same order.
    """
    captured = (SAMPLES / "otters.sse").read_bytes()
    fake.stream_of(captured)
    fake.reply(TEXT, thoughts=["They float.", "Say how many."], chunk_words=1)

    capture, made = [chunks(await ask(fake, stream=True)) for _ in range(2)]

    assert successive_shapes(capture) == successive_shapes(made)


async def test_stream_in_the_format_of_2025_has_thoughts_next_to_choices(fake):
    """
    In the format of 2025, the key `thought` of a chunk is a string next to `choices`.
    """
    fake.reply("Nine.", thoughts=["They float.", "Say it."], chunk_words=2)

    thinking = [c for c in chunks(await ask(fake, stream=True)) if "thought" in c]

    assert "They float.\nSay it." == "".join(c["thought"] for c in thinking)
    assert [["role", "delta"], ["delta"]] == [list(c["choices"][0]) for c in thinking]


async def test_thoughts_in_the_format_of_2026_are_in_reasoning_content(fake):
    """
    In the format of 2026, thoughts are in `reasoning_content`, in chunks and bodies.
    """
    fake.reply("Nine.", thoughts=["a", "b"], generation="2026", times=2)

    stream, body = await ask(fake, stream=True), await ask(fake)
    reasons = [d.get("reasoning_content") or "" for d in deltas(stream)]

    assert "a\nb" == "".join(reasons)
    assert "a\nb" == body.json()["choices"][0]["message"]["reasoning_content"]
    assert 2 == body.json()["usage"]["reasoning_tokens"]


async def test_thoughts_in_the_format_of_the_guide_are_a_top_level_key(fake):
    """
    In the format "guide", that of the API's first guide, thoughts are a top-level key
    of chunks and bodies.
    """
    fake.reply("Nine.", thoughts="one thought", generation="guide", times=2)

    stream, body = await ask(fake, stream=True), await ask(fake)

    assert "one thought" == "".join(c.get("thought", "") for c in chunks(stream))
    assert ["one thought"] == body.json()["thought"]


@pytest.mark.parametrize(
    ("generation", "members", "choice"),
    [
        pytest.param(
            "guide",
            "id object model choices usage",
            "index message finish_reason stop_reason",
            id="guide",
        ),
        pytest.param(
            "2025",
            "model id executable_data intermediate_steps conversation_id thought "
            "tool_thought choices usage",
            "index finish_reason message",
            id="2025",
        ),
        pytest.param(
            "2026",
            "id object created model choices service_tier system_fingerprint metadata "
            "usage",
            "index finish_reason logprobs matched_stop message",
            id="2026",
        ),
    ],
)
async def test_json_body_has_the_keys_of_the_scripted_generation(
    fake, generation, members, choice
):
    """
    A JSON body has the keys of the scripted `generation`, and the requested model.
    """
    fake.reply(TEXT, generation=generation)

    body = (await ask(fake, model="asi1-tiny")).json()

    assert members.split() == list(body)
    assert choice.split() == list(body["choices"][0])
    assert TEXT == body["choices"][0]["message"]["content"]
    assert "asi1-tiny" == body["model"]


@pytest.mark.parametrize(
    ("generation", "size"), [("2025", 20), ("2026", 32), ("guide", 20)]
)
async def test_id_of_an_answer_has_the_form_of_its_generation(fake, generation, size):
    """
    An answer's id is "id_" plus 17 characters, or 32 hex digits in the format of 2026.
    """
    fake.reply(TEXT, generation=generation)

    assert size == len((await ask(fake)).json()["id"])


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_stream_has_the_scripted_usage_once_and_no_empty_usage(fake, generation):
    """
    A stream contains the scripted usage once, or no usage if the scripted one is empty.
    """
    fake.reply(TEXT, usage=USAGE, generation=generation, times=2)
    fake.reply(TEXT, usage={}, generation=generation, times=2)

    told = [c for c in chunks(await ask(fake, stream=True)) if c.get("usage")]
    body = (await ask(fake)).json()
    silent = [c for c in chunks(await ask(fake, stream=True)) if c.get("usage")]

    assert [USAGE] == [{k: c["usage"][k] for k in USAGE} for c in told]
    assert USAGE == {k: body["usage"][k] for k in USAGE}
    assert not silent
    assert "usage" not in (await ask(fake)).json()


async def test_estimated_token_counts_include_repetitions_and_add_up(fake):
    """
    Token counts that the fake estimates include each repetition of the text, and the
    total count is the sum of the other counts.
    """
    fake.reply("one two", repeat=5, thoughts=["three four"])

    usage = (await ask(fake)).json()["usage"]

    assert 12 == usage["completion_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + 12


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_streamed_tool_calls_come_in_fragments(fake, generation):
    """
    A streamed tool call begins with its id and name; its arguments follow in fragments.
    """
    given = {"id": "call_1", "function": {"name": "f", "arguments": '{"path": "a b"}'}}
    short = {"name": "g", "arguments": {"n": 1}}
    fake.reply("", tool_calls=[given, short], generation=generation)

    response = await ask(fake, stream=True)
    calls = {0: ["", ""], 1: ["", ""]}
    for delta in deltas(response):
        for part in delta.get("tool_calls") or ():
            calls[part["index"]][0] += part["function"].get("name", "")
            calls[part["index"]][1] += part["function"]["arguments"]

    assert {0: ["f", '{"path": "a b"}'], 1: ["g", '{"n":1}']} == calls
    assert "tool_calls" in response.text


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("text", "content"), [("", None), ("Wait.", "Wait.")])
async def test_json_body_has_tool_calls_in_its_message(fake, generation, text, content):
    """
    A JSON body has OpenAI's tool_calls, and null as content if the text is empty.
    """
    fake.reply(text, tool_calls=[{"name": "g"}], generation=generation)

    choice = (await ask(fake)).json()["choices"][0]
    (call,) = choice["message"]["tool_calls"]

    assert {"name": "g", "arguments": "{}"} == call["function"]
    assert content == choice["message"]["content"]
    assert "tool_calls" == choice["finish_reason"]


async def test_scripted_reply_may_have_tool_calls_and_no_text(fake, fake_client):
    """A scripted reply may have tool calls and no text."""
    fake.reply(tool_calls=[{"name": "dive", "arguments": {"depth": 9}}])

    answer = await fake_client.chat.completions.create(messages="Dive.")

    assert ("", "tool_calls") == (answer.text, answer.finish_reason)
    assert ['{"depth":9}'] == [c.function.arguments for c in answer.message.tool_calls]


async def test_tool_call_has_the_scripted_id_or_a_random_one(fake):
    """
    A tool call that is scripted with an id is sent with this id, even if it is empty or
    null. A tool call that is scripted without an id gets a random id.
    """
    fake.reply("", tool_calls=[{"name": "g"}, *({"id": i, "name": "g"} for i in IDS)])

    message = (await ask(fake)).json()["choices"][0]["message"]
    random_id, *scripted = [call["id"] for call in message["tool_calls"]]

    assert random_id.startswith("call_")
    assert IDS == scripted


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_may_depend_on_the_request(fake, stream):
    """
    A function may make the tool calls from the request. If it makes none, the answer
    ends with the finish reason "stop".
    """
    fake.reply(
        "Done.",
        tool_calls=lambda r: [] if "tool" in r.json["messages"] else [{"name": "g"}],
        times=None,
    )

    first = await ask(fake, stream=stream, messages=["user"])
    second = await ask(fake, stream=stream, messages=["user", "tool"])

    assert '"tool_calls"' in first.text
    assert '"name":"g"' in first.text
    assert '"stop"' in second.text
    assert '"name":"g"' not in second.text


@pytest.mark.parametrize(
    "calls",
    ["g", {"name": "g"}, [{"nam": "g"}], [{"function": {}}], ["g"], [{"name": 3}], 7],
)
async def test_scripting_malformed_tool_calls_raises_a_type_error(fake, calls):
    """
    Scripting tool calls that are not a list, or have no name, raises a TypeError. If a
    function makes such tool calls, the reply is a 500 with the error's message.
    """
    with pytest.raises(TypeError, match="tool_calls: must be a list of calls"):
        fake.reply("", tool_calls=calls)

    fake.reply("", tool_calls=lambda _: calls)
    response = await ask(fake)

    assert 500 == response.status_code
    assert "tool_calls: must be a list of calls" in response.text


async def test_scripted_finish_reason_replaces_the_default(fake):
    """
    A scripted finish reason replaces the default, even in an answer with tool calls.
    """
    fake.reply("cut sho", finish_reason="length", tool_calls=[{"name": "g"}])

    assert "length" == (await ask(fake)).json()["choices"][0]["finish_reason"]


async def test_request_id_of_a_reply_is_the_scripted_one_or_the_answers_id(fake):
    """
    The header x-request-id is the scripted `request_id`, or by default the answer's id;
    other scripted headers are also sent.
    """
    fake.reply(TEXT, request_id="req-1", headers={"X-Extra": "yes"}, times=2)
    fake.reply(TEXT)

    for stream in (True, False):
        headers = (await ask(fake, stream=stream)).headers
        assert ("req-1", "yes") == (headers["x-request-id"], headers["x-extra"])
    answer = await ask(fake)
    assert answer.json()["id"] == answer.headers["x-request-id"]


async def test_scripted_function_returns_the_text_for_a_request(fake):
    """
    If the scripted text is a function, its result for the request is the answer's text.
    """
    fake.reply(lambda request: request.json["messages"][::-1])

    answer = await ask(fake, messages="stop")

    assert "pots" == answer.json()["choices"][0]["message"]["content"]


async def test_scripted_function_that_raises_gives_a_500_that_names_the_error(fake):
    """
    If a scripted function raises, the client gets a 500 that names the error, because
    an exception in the server's thread would not reach the test.
    """
    fake.reply(lambda request: request.json["nowhere"])

    response = await ask(fake)

    assert 500 == response.status_code
    assert "KeyError('nowhere')" in response.json()["error"]["message"]


@pytest.mark.virtual_time
async def test_fake_waits_before_a_reply_and_after_each_event(fake):
    """
    The fake waits `delay` seconds before the first byte of a reply, and `chunk_delay`
    seconds after each event.
    """
    fake.reply("one two", chunk_words=1, delay=3, chunk_delay=10)
    start = anyio.current_time()

    response = await ask(fake, stream=True)

    assert 3 + 10 * (len(chunks(response)) + 1) == anyio.current_time() - start


@pytest.mark.parametrize(
    "options",
    [
        {"generation": "2024"},
        {"chunk_words": 0},
        {"repeat": 0},
        {"delay": -1},
        {"times": 0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_invalid_option_of_a_reply_is_a_value_error(fake, options):
    """
    Scripting a reply with an invalid value of an option raises a ValueError.
    """
    with pytest.raises(ValueError, match=r"."):
        fake.reply(TEXT, **options)


@pytest.mark.parametrize("text", [None, 5, ["Hel", "lo"], {"a": 1}])
def test_scripted_text_that_is_not_a_str_or_function_is_a_type_error(fake, text):
    """
    Scripting a text that is neither a str nor a function raises a TypeError.
    """
    with pytest.raises(TypeError, match="text: must be a str, or a function"):
        fake.reply(text)


def test_unknown_option_of_a_reply_is_a_type_error(fake):
    """
    Scripting a reply with an unknown option raises a TypeError.
    """
    with pytest.raises(TypeError):
        fake.reply(TEXT, thougts=["spelt wrongly"])


async def test_fakes_with_the_same_seed_send_the_same_bytes():
    """
    Two fakes with the same seed reply to the same requests with the same bytes; a fake
    with another seed replies with other bytes.
    """
    first, again, other = [(await ask(FakeASI1(seed=s))).content for s in (1, 1, None)]

    assert first == again
    assert first != other


async def pieces_of(fake):
    async with (
        httpx.AsyncClient(transport=fake.transport) as client,
        client.stream("POST", URL, json={}) as response,
    ):
        return [piece async for piece in response.aiter_raw()]


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
async def test_recorded_body_is_sent_byte_for_byte(fake, framing):
    """
    A recorded body arrives unchanged, whatever its options `cut` and `framing`.
    """
    path = SAMPLES / "otters.sse"
    expected = path.read_bytes()
    for cut in ("whole", 5):
        fake.stream_of(path, cut=cut, framing=framing)

        assert expected == b"".join(await pieces_of(fake))


async def test_option_cut_sets_the_pieces_of_a_recorded_body(fake):
    """
    Depending on `cut`, a recorded body is sent in one piece, byte by byte, or in random
    pieces, which depend only on the seed that `cut` gives.
    """
    source = bytes(range(1, 101))
    for cut in ("whole", "bytes", 1, 1, 2):
        fake.stream_of(source, cut=cut)

    whole, single, one, same, two = [await pieces_of(fake) for _ in range(5)]

    assert [source] == whole
    assert [bytes((n,)) for n in source] == single
    assert one == same != two
    assert 6 == len(one)


@pytest.mark.parametrize("source", [b"", b"x"])
async def test_recorded_body_of_zero_or_one_bytes_is_sent_unchanged(fake, source):
    """
    A recorded body of zero or one bytes is sent unchanged even with ``cut="bytes"``.
    """
    fake.stream_of(source, cut="bytes")

    assert source == b"".join(await pieces_of(fake))


@pytest.mark.virtual_time
async def test_fake_waits_before_each_piece_of_a_recorded_body(fake):
    """
    The fake waits `delay` seconds before it sends each piece of a recorded body.
    """
    fake.stream_of(b"four", cut="bytes", delay=5, content_type="text/odd")
    start = anyio.current_time()

    response = await ask(fake)

    assert 20 == anyio.current_time() - start
    assert "text/odd" == response.headers["content-type"]


def test_scripting_a_recorded_body_from_a_missing_file_is_an_os_error(fake, tmp_path):
    """
    Scripting a recorded body from a file that does not exist raises an OSError.
    """
    with pytest.raises(OSError, match="nowhere"):
        fake.stream_of(tmp_path / "nowhere.sse")


@pytest.mark.parametrize(
    ("options", "headers", "text"),
    [
        pytest.param(
            {"message": "Slow.", "code": 7, "type": "t", "retry_after": 1.5},
            {"retry-after": "1.5", "content-type": "application/json"},
            '{"error":{"message":"Slow.","type":"t","code":7}}',
            id="error-object",
        ),
        pytest.param(
            {"body": {"detail": "x"}, "headers": {"x-a": "b"}},
            {"x-a": "b", "content-type": "application/json"},
            '{"detail":"x"}',
            id="json",
        ),
        pytest.param(
            {"body": "oops"},
            {"content-type": "text/plain; charset=utf-8"},
            "oops",
            id="text",
        ),
        pytest.param({"body": b"[1"}, {"content-length": "2"}, "[1", id="bytes"),
    ],
)
async def test_fail_sends_the_given_status_headers_and_body(
    fake, options, headers, text
):
    """
    An error reply has the scripted status, headers and body.
    """
    fake.fail(429, **options)

    response = await ask(fake)

    assert (429, text) == (response.status_code, response.text)
    assert headers.items() <= dict(response.headers).items()
    assert response.headers["x-request-id"].startswith("id_")


async def test_reply_json_encodes_values_and_sends_bytes_unchanged(fake):
    """
    `reply_json` encodes a JSON value, but sends bytes unchanged, even invalid JSON.
    """
    fake.reply_json([None, 1], status=201, headers={"x-a": "b"})
    fake.reply_json(b'{"half":')

    first, second = await ask(fake), await ask(fake)

    assert (201, [None, 1], "b") == (
        first.status_code,
        first.json(),
        first.headers["x-a"],
    )
    assert b'{"half":' == second.content


def test_scripting_a_value_that_json_cannot_represent_is_a_type_error(fake):
    """
    Scripting a JSON reply with a value that JSON cannot represent raises a TypeError.
    """
    with pytest.raises(TypeError):
        fake.reply_json({"now": object()})


async def test_queued_replies_are_sent_before_the_reply_with_times_none(fake):
    """
    Queued replies are sent in order; each later request gets the reply with times=None.
    """
    fake.fail(503, times=None)
    fake.reply("a", times=2)
    fake.fail(418)

    assert 3 == fake.pending
    got = [(await ask(fake)).status_code for _ in range(5)]
    assert [200, 200, 418, 503, 503] == got
    assert 0 == fake.pending


async def test_clear_removes_replies_and_requests(fake):
    """
    `FakeASI1.clear` removes all queued replies, the reply with ``times=None``, and all
    recorded requests.
    """
    fake.fail(503, times=None)
    fake.reply("a", times=2)
    await ask(fake)

    fake.clear()

    assert (0, []) == (fake.pending, fake.requests)
    assert 200 == (await ask(fake)).status_code


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"stream":1}'])
async def test_unscripted_fake_gives_a_default_answer(fake, body):
    """
    Without scripted replies, the fake sends text and thoughts for any request body.
    """
    async with httpx.AsyncClient(transport=fake.transport) as client:
        answer = (await client.post(URL, content=body)).json()

    assert "chat.completion" == answer["object"]
    assert answer["thought"]
    assert answer["choices"][0]["message"]["content"].startswith("Hello")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/image/generate", 200),
        ("POST", "/v1/image/edit", 200),
        ("GET", "/v1/image/generate", 405),
        ("GET", "/v1/image/edit", 405),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/completions", 404),
        ("POST", "/chat/completions", 404),
    ],
)
async def test_unscripted_fake_refuses_other_paths_and_methods(
    fake, method, path, status
):
    """
    Without scripted replies, only POSTs to the chat and image paths get a reply; other
    requests get an error.
    """
    async with httpx.AsyncClient(transport=fake.transport) as client:
        response = await client.request(method, f"http://127.0.0.1:1{path}")

    assert status == response.status_code
    assert (status == 200) == ("images" in response.json())


async def test_unscripted_fake_refuses_a_request_without_messages(fake, fake_client):
    """
    As the service does, a fake refuses a request whose list of messages is empty,
    unless a reply is scripted for it.
    """
    request = fake_client.request
    empty = {"messages": []}

    with pytest.raises(asi1.BadRequestError, match="messages: at least one is needed"):
        await request("POST", "/chat/completions", json=empty)
    fake.reply("Hi.")
    assert 200 == (await request("POST", "/chat/completions", json=empty)).status_code


async def test_queued_reply_answers_any_path_under_v1(fake):
    """
    A queued reply is sent to the next request whose path begins with /v1/; requests
    with other paths leave the reply queued.
    """
    fake.reply_json({"agents": []})
    async with httpx.AsyncClient(transport=fake.transport) as client:
        outside = await client.get("http://127.0.0.1:1/agents")
        inside = await client.get("http://127.0.0.1:1/v1/agents?limit=1")

    assert (404, 200) == (outside.status_code, inside.status_code)
    assert ["/agents", "/v1/agents"] == [r.path for r in fake.requests]
    assert ["", "limit=1"] == [r.query for r in fake.requests]


async def test_require_key_refuses_a_request_without_a_key():
    """
    With `require_key`, a request without an API key gets 401, not the queued reply.
    """
    fake = FakeASI1(require_key=True)
    fake.reply("a")

    assert fake.require_key
    assert 401 == (await ask(fake)).status_code
    assert 1 == fake.pending
    fake.require_key = False
    assert 200 == (await ask(fake)).status_code


async def test_play_sends_the_given_steps(fake):
    """
    `FakeASI1.play` sends the given steps of a reply one after another.
    """
    fake.play(Head(202, (("x-a", "b"),)), Data(b"one"), Data(b""), Data(b"two"))

    response = await ask(fake)

    assert (202, "b", "onetwo") == (
        response.status_code,
        response.headers["x-a"],
        response.text,
    )


@pytest.mark.parametrize(
    ("script", "read"),
    [
        (
            lambda f: f.reply_json({"choices": [{}], "big": BIG}),
            lambda answer: answer.extra["big"],
        ),
        (
            lambda f: f.reply("Hi", extra={"big": [BIG]}),
            lambda answer: answer.extra["big"][0],
        ),
        (
            lambda f: f.reply("", tool_calls=[{"name": "a", "arguments": {"n": BIG}}]),
            lambda answer: json.loads(answer.message.tool_calls[0].function.arguments)[
                "n"
            ],
        ),
        (lambda f: f.fail(400, body={"n": BIG}), lambda error: error.body["n"]),
    ],
    ids=["json", "extra", "arguments", "error"],
)
async def test_integers_of_any_size_are_sent_and_recorded(fake, script, read):
    """
    Replies and recorded requests keep integers of more than 64 bits, as JSON does.
    """
    script(fake)
    async with AsyncASI1("test-key", URL[:-17], transport=fake.transport) as client:
        try:
            result = await client.chat.completions.create(messages="Hi", seed=BIG)
        except BadRequestError as error:
            result = error

    assert BIG == read(result) == fake.requests[0].json["seed"]


def test_json_of_a_recorded_request_without_json_is_a_value_error():
    """
    `RecordedRequest.json` raises a ValueError if the request's body is not JSON.
    """
    with pytest.raises(ValueError, match=r"."):
        _ = RecordedRequest(method="POST", path="/", body=b"{").json


def test_recorded_stream_has_the_content_that_its_json_file_states():
    """
    The recorded stream otters.sse has the number of chunks, the texts and the usage
    that otters.json states.
    """
    figures = json.loads((SAMPLES / "otters.json").read_text(encoding="utf-8"))
    sent = (SAMPLES / "otters.sse").read_text(encoding="utf-8")
    got = chunks(httpx.Response(200, text=sent))
    content = "".join(d["content"] for c in got for d in [c["choices"][0]["delta"]])
    thoughts = "".join(c.get("thought", "") for c in got)

    assert figures["chunks"] == len(got)
    assert (figures["content"], figures["content_length"]) == (content, len(content))
    assert (figures["thoughts"], figures["thoughts_length"]) == (
        thoughts,
        len(thoughts),
    )
    assert figures["usage"] == got[-1]["usage"]
    assert figures["finish_reason"] == got[-1]["choices"][0]["finish_reason"]
