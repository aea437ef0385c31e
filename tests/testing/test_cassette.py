"""The replies that a cassette's file records and replays."""

import gzip
import json
import os
import subprocess
import sys

import anyio
import attrs
import httpx
import pytest

import asi1

from asi1 import ASI1, AsyncASI1, Budget, ConfigurationError, RetryPolicy, Spent
from asi1.testing import CassetteError, Data, FakeASI1, Head, Pause, cassette
from asi1.testing._exchange import Exchange
from asi1.testing._tape import Tape

from ..support.executed_lines import lines_of
from ..support.talk import DONE, SSE, Event, chunk


KEY = "sk-0123456789abcdef"
STALL = Pause(3600)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 9


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cassettes" / "otter.jsonl"


@attrs.frozen
class Otter:
    """A type for `response_format`, to which answers are parsed."""

    name: str


def weather(city: str) -> str:
    """Return the weather in *city*."""
    return f"It rains in {city}."


def client_of(fake, path, mode="replay-or-record", key=KEY, **options):
    tape = cassette(path, mode, transport=fake.transport, **options)
    retry = RetryPolicy(wait_first=0)
    return AsyncASI1(key, fake.base_url, transport=tape, retry=retry)


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def ask(client, text="Hi", **options):
    return (await client.chat.completions.create(messages=text, **options)).text


async def read(client, text="Hi"):
    async with client.chat.completions.stream(messages=text) as stream:
        return [each.text async for each in stream]


def script(fake):
    fake.fail(503)
    fake.reply("Hello \u00f6tter")
    fake.reply("One two three", chunk_words=1)
    fake.reply('{"name": "Lutra"}')
    fake.reply("", tool_calls=[{"name": "weather", "arguments": {"city": "Oslo"}}])
    fake.reply("Take an umbrella.")
    fake.image(PNG)
    fake.reply_json({"models": ["asi1-mini"]})


async def everything(client):
    """Make one call of each kind, and return their results."""
    chat = client.chat.completions
    found = [await ask(client), await read(client)]
    parsed = await chat.parse(messages="Who?", response_format=Otter)
    async with chat.run_tools(messages="Rain?", tools=[weather]) as run:
        ran = (await run.until_done()).answer.text
    image = await client.images.generate("an otter")
    models = await client.request("GET", "/models")
    return [*found, parsed.parsed, ran, image.bytes, models.json()]


async def test_every_kind_of_call_is_replayed_as_it_was_recorded(path):
    """
    All calls of a program, retries included, are recorded, and replayed without sending
    anything. The key is not in the file, and the replaying client may have another key.
    """
    fake, empty = FakeASI1(seed=1), FakeASI1()
    script(fake)
    async with client_of(fake, path) as client:
        recorded = await everything(client)
    async with client_of(empty, path, "replay", key="another-key") as client:
        replayed = await everything(client)
    async with client_of(empty, path, times=True) as client:
        timed = await everything(client)

    assert ["Hello \u00f6tter", Otter("Lutra"), PNG] == [recorded[n] for n in (0, 2, 4)]
    assert recorded == replayed == timed
    assert [] == empty.requests
    assert 8 == len(lines(path)) == len(fake.requests)
    assert [503, *[200] * 7] == [line["response"]["status"] for line in lines(path)]
    assert KEY not in path.read_text("utf-8")


def test_blocking_client_records_over_sockets_and_replays_without_a_server(fake, path):
    """
    A blocking client records over the network through asi1's own transport, unless the
    cassette has another transport, and replays without a server.
    """
    fake.reply("Hello", times=2)
    texts = []
    for _ in range(2):
        with (
            cassette(path) as tape,
            ASI1(KEY, fake.base_url, transport=tape) as client,
        ):
            texts.append(client.chat.completions.create(messages="Hi").text)
            with client.chat.completions.stream(messages="Hi") as stream:
                texts.append(stream.get_final_completion().text)
        fake.stop()

    assert ["Hello"] * 4 == texts
    assert 2 == len(fake.requests)


async def test_cassette_can_be_the_transport_of_any_httpx_client(fake, path):
    """
    Any client of httpx may use a cassette as its transport. A body that is not text is
    recorded in base64, and a compressed body in its decompressed form.
    """
    packed = gzip.compress(b'{"a": 1}')
    plain = Head(200, (("content-type", "application/octet-stream"),))
    coded = Head(200, (("content-encoding", "gzip"), ("set-cookie", "secret=1")))
    replies = []
    fake.play(plain, Data(b"\xff\x00"), Data(b"text"))
    fake.play(coded, Data(packed))
    for mode in ("record", "replay"):
        tape = cassette(path, mode, transport=fake.transport)
        async with httpx.AsyncClient(transport=tape, base_url=fake.base_url) as client:
            for body in (b"\xfe", b"plain text"):
                reply = await client.post("/x?b=1&a=2", content=body)
                replies.append(reply.content)

    assert [b"\xff\x00text", b'{"a": 1}'] * 2 == [
        each.replace(b'{"a":1}', b'{"a": 1}') for each in replies
    ]
    first, second = lines(path)
    assert {"base64": "/g=="} == first["request"]["body"]
    assert {"text": "plain text"} == second["request"]["body"]
    assert {"json": {"a": 1}} == second["response"]["body"]
    assert "set-cookie" not in second["response"]["headers"]


async def test_stream_is_replayed_in_the_pieces_in_which_it_arrived(path):
    """
    A stream is recorded and replayed in the pieces in which the network delivered it,
    even if a piece ends in the middle of a character.
    """
    fake = FakeASI1()
    event = Event(chunk("\u00f6")).data.replace(b"\\u00f6", "\u00f6".encode())
    cut = event.index(b"\xb6")
    end = Event(chunk(finish="stop"))
    fake.play(SSE, Data(event[:cut]), Data(event[cut:]), end, DONE)
    async with client_of(fake, path) as client:
        recorded = await read(client)
    tape = cassette(path, "replay")
    async with tape, httpx.AsyncClient(transport=tape) as client:
        asked = lines(path)[0]["request"]
        request = client.build_request("POST", asked["url"], json=asked["body"]["json"])
        reply = await client.send(request, stream=True)
        pieces = [piece async for piece in reply.aiter_raw()]

    assert "\u00f6" in recorded
    assert [event[:cut], event[cut:], end.data, DONE.data] == pieces
    kinds = [type(p).__name__ for p in lines(path)[0]["response"]["body"]["pieces"]]
    assert ["dict", "dict", "str", "str"] == kinds


@pytest.mark.virtual_time
async def test_pauses_are_replayed_only_with_times_true(path):
    """
    A replay takes no time, unless ``times=True`` keeps the pauses between the pieces.
    """
    fake = FakeASI1()
    async with client_of(fake, path) as client:
        await read(client)
    line = lines(path)[0]
    pieces = [Event(chunk("a")), Event(chunk("b", finish="stop")), DONE]
    texts = [piece.data.decode() for piece in pieces]
    line["response"] |= {"body": {"pieces": texts}, "at": [1.5, 4.0, 4.0]}
    path.write_text(json.dumps(line) + "\n")
    took = []
    for times in (False, True):
        began = anyio.current_time()
        async with client_of(fake, path, "replay", times=times) as client:
            assert ["a", "b"] == await read(client)
        took.append(anyio.current_time() - began)

    assert [0, 4] == took


async def test_same_request_is_replayed_in_the_order_of_its_recordings(path):
    """
    Each recording of a request is replayed once, in order. After the last recording,
    the mode "replay" raises an error, and the mode "replay-or-record" sends the request
    and records it.
    """
    fake = FakeASI1()
    for number in range(3):
        fake.reply(f"answer {number}")
    async with client_of(fake, path) as client:
        recorded = [await ask(client) for _ in range(2)]
    async with client_of(fake, path, "replay") as client:
        replayed = [await ask(client) for _ in range(2)]
        with pytest.raises(
            CassetteError, match=r"has 2 recordings of POST .*once more"
        ):
            await ask(client)
    async with client_of(fake, path) as client:
        more = [await ask(client) for _ in range(3)]

    assert ["answer 0", "answer 1"] == recorded == replayed
    assert ["answer 0", "answer 1", "answer 2"] == more
    assert 3 == len(lines(path))


async def test_requests_are_compared_by_value_without_ids_and_headers(path):
    """
    When requests are compared, the order of a body's fields, the host, headers, and ids
    that are new in each call do not matter.
    """
    fake = FakeASI1()
    fake.reply("Hello")
    extra = {"session_id": "s1", "idempotency_key": "i1"}
    async with client_of(fake, path) as client:
        await ask(client, seed=1, temperature=0, extra_body=extra)
    tape = cassette(path, "replay")
    async with AsyncASI1("k", "http://localhost:9/v1", transport=tape) as client:
        text = await ask(
            client,
            temperature=0.0,
            seed=1,
            extra_body={"session_id": "s2"},
            session_id="s3",
            idempotency_key="auto",
            extra_headers={"x-trace": "1"},
        )

    assert "Hello" == text


async def test_error_for_an_unknown_request_compares_it_with_the_nearest_recording(
    path,
):
    """
    In the mode "replay", an unknown request is not sent and not retried. The error
    names the line of the nearest recorded request, and the differences. The request
    counts neither in `spent` nor in a budget.
    """
    fake = FakeASI1()
    fake.reply("A mammal.")
    fake.reply_json({"models": []})
    async with client_of(fake, path) as client:
        await ask(client, "What is an otter? " * 9, temperature=0)
        await client.request("GET", "/models")
    async with client_of(fake, path, "replay") as unlimited:
        client = unlimited.with_options(budget=Budget(requests=1))
        with pytest.raises(CassetteError) as caught:
            await ask(client, "What is an otter? " * 8 + "And a seal?", seed=1)
        with pytest.raises(CassetteError) as other:
            await client.request("GET", "/files", extra_query={"key": "sk-456789012"})
        with pytest.raises(CassetteError, match="does not exist"):
            gone = cassette(path.with_name("gone"), "replay")
            await ask(AsyncASI1(KEY, fake.base_url, transport=gone))

    assert Spent() == client.spent
    message = str(caught.value)
    assert f"{path} has no recording of this request: POST http" in message
    assert "The nearest recorded request, in line 1, differs:" in message
    assert "$.messages[0].content: recorded ..." in message
    assert "$.temperature: recorded 0, sent nothing" in message
    assert "$.seed: recorded nothing, sent 1" in message
    assert "line 2, differs:\n  the request: recorded " in str(other.value)
    assert "sk-456789012" not in str(other.value)
    assert 2 == len(fake.requests)


async def test_mode_record_replaces_the_file_and_mode_off_does_not_touch_it(path):
    """
    In the mode "record" every request is sent, and the first recording replaces the
    file. In the mode "off" every request is sent, and none is recorded.
    """
    fake = FakeASI1()
    fake.reply(lambda _: f"answer {len(fake.requests)}", times=None)
    texts = []
    for mode in ("record", "off", "record"):
        async with client_of(fake, path, mode) as client:
            texts += [await ask(client), await ask(client, "Ho")]
            assert 2 == len(lines(path))
    async with client_of(fake, path, "replay") as client:
        texts.append(await ask(client))

    assert [*[f"answer {n}" for n in range(1, 7)], "answer 5"] == texts


async def test_connection_errors_and_broken_replies_are_not_recorded(path):
    """
    A request that got no whole reply because the connection failed is not recorded.
    """
    fake = FakeASI1()
    for fault in ("reset_before_headers", "reset_mid_body"):
        fake.fault(fault)
        async with client_of(fake, path) as client:
            with pytest.raises(asi1.APIError):
                await ask(client.with_options(max_retries=0))

    assert not path.exists()


@pytest.mark.virtual_time
async def test_stream_that_was_closed_early_is_recorded_up_to_that_point(path):
    """
    A stream that its reader closed early is recorded and replayed up to that point. A
    reader that reads the replay beyond that point gets an error that says so.
    """
    fake = FakeASI1()
    fake.play(SSE, Event(chunk("Hel")), Pause(60), Event(chunk("lo", finish="stop")))

    async def first(client):
        async with client.chat.completions.stream(messages="Hi") as stream:
            return (await anext(stream)).text

    async with client_of(fake, path) as client:
        recorded = await first(client)
    async with client_of(fake, path, "replay") as client:
        replayed = await first(client)
    async with client_of(fake, path, "replay") as client:
        with pytest.raises(CassetteError, match="only up to here"):
            await read(client)

    assert "Hel" == recorded == replayed


@pytest.mark.virtual_time
@pytest.mark.parametrize("cut", [0, 3, 13])
async def test_stream_is_recorded_as_soon_as_its_last_event_was_read(path, cut):
    """
    A stream is recorded once its last event, ``[DONE]``, was read, even if the server
    has not ended the body. This event may arrive in two pieces. An answer whose text
    contains the words of this event does not end the recording.
    """
    fake = FakeASI1()
    text = "data: [DONE]\n\ndata: [DONE]"
    pieces = Data(DONE.data[:cut]), Data(DONE.data[cut:])
    fake.play(SSE, Event(chunk(text)), Event(chunk("!", finish="stop")), *pieces, STALL)

    async with client_of(fake, path) as client:
        stream = client.chat.completions.stream(messages="Hi")
        read = "".join([each.text async for each in stream])
        recorded = lines(path)
        async with client_of(fake, path, "replay") as other:
            again = other.chat.completions.stream(messages="Hi")
            answer = await again.get_final_completion()

    assert text + "!" == read == answer.text
    assert [None] == [each["response"].get("left") for each in recorded]


@pytest.mark.virtual_time
async def test_body_that_is_not_a_stream_is_recorded_to_its_end(path):
    """
    A body of another content type, such as a log, is recorded and replayed to its end,
    even if it contains the last event of a stream.
    """
    fake = FakeASI1()
    head = Head(200, (("content-type", "text/plain"),))
    fake.play(head, Data(b"data: [DONE]\n"), Pause(1), Data(b"the rest"))
    read = []
    for mode in ("record", "replay"):
        async with client_of(fake, path, mode) as client:
            read.append((await client.request("GET", "/log")).content)

    assert [b"data: [DONE]\nthe rest"] * 2 == read


@pytest.mark.parametrize("stream", [False, True])
async def test_api_key_is_recorded_nowhere(path, stream):
    """
    The key, other secrets of the request's headers and URL, and the strings given as
    ``hide`` are taken out of the URL, the body and the whole reply, even where a piece
    of a stream ends within the key, or the key is escaped.
    """
    fake = FakeASI1()
    mine, other = "my-hidden-string", "cookie-value-987"
    echo = f"{KEY} {mine} {other} {KEY.replace('-', '%2D')}"
    if stream:
        event = Event(chunk(echo, finish="stop")).data
        at = event.index(KEY.encode()) + 9
        fake.play(
            Head(200, (*SSE.headers, ("x-echo", KEY))),
            Data(event[:at]),
            Data(event[at:]),
            DONE,
        )
    else:
        fake.reply_json(
            {"choices": [{"message": {"content": echo}, "finish_reason": "stop"}]},
            headers={"x-echo": KEY, "set-cookie": "a=b"},
        )
    for mode in ("record", "replay"):
        async with client_of(fake, path, mode, hide=[mine]) as client:
            answer = await client.chat.completions.create(
                messages=f"My key is {KEY}, {mine}",
                stream=stream,
                extra_headers={"cookie": f"session={other}"},
                extra_query={"api_key": "query-secret-55"},
            )
            if stream:
                async with answer:
                    await answer.get_final_completion()
    text = path.read_text("utf-8")

    for secret in (KEY, KEY.replace("-", "%2D"), mine, other, "query-secret-55", "a=b"):
        assert secret not in text
    assert "***" in text
    assert "authorization" not in text.lower()


BAD = {
    "conflict": ("<<<<<<< HEAD\n", r", line 2: is not JSON"),
    "future": ('{"cassette": 2}\n', r", line 2: has version 2 of the format, not 1"),
    "shape": ('{"cassette": 1, "request": 5}\n', r", line 2: is not a recorded"),
    "list": ("[1]\n", r", line 2: is not a recorded"),
    "bytes": (b"\xff\xfe\n", r", line 2: 'utf-8' codec"),
}


@pytest.mark.parametrize(("line", "problem"), BAD.values(), ids=BAD)
async def test_cassette_line_that_cannot_be_read_is_named_in_the_error(
    path, line, problem
):
    """
    A line that is not a recorded exchange, such as the mark of a merge conflict, raises
    an error that names the line.
    """
    fake = FakeASI1()
    async with client_of(fake, path) as client:
        await ask(client)
    with path.open("ab") as file:
        file.write(line if isinstance(line, bytes) else line.encode())
    async with client_of(fake, path) as client:
        with pytest.raises(CassetteError, match=problem):
            await ask(client)

    assert 1 == len(fake.requests)


@pytest.mark.parametrize("cut", [1, 30, 300])
async def test_incomplete_last_line_is_removed_with_the_next_recording(path, cut):
    """
    A last line that a killed process left unfinished is ignored, and removed by the
    next recording. A whole last line without a line feed is kept.
    """
    fake = FakeASI1()
    async with client_of(fake, path) as client:
        await ask(client, "a")
        await ask(client, "b")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    async with client_of(fake, path) as client:
        for text in "abc":
            await ask(client, text)

    asked = [line["request"]["body"]["json"]["messages"] for line in lines(path)]
    assert ["a", "b", "c"] == [messages[0]["content"] for messages in asked]
    assert path.read_bytes().startswith(whole.splitlines(keepends=True)[0])
    assert (3 if cut == 1 else 4) == len(fake.requests)


async def test_path_that_is_a_folder_fails_without_a_retry(tmp_path):
    """
    A path that cannot be read or written as a file raises an error that names the path,
    and the call is not retried.
    """
    fake = FakeASI1()
    for mode in ("replay", "record"):
        async with client_of(fake, tmp_path, mode) as client:
            with pytest.raises(CassetteError, match=rf"{tmp_path} cannot be "):
                await ask(client)

    assert 1 >= len(fake.requests)


async def test_concurrent_calls_are_recorded_and_replayed(path):
    """
    Calls at the same time are recorded and replayed, each with its own answer.
    """
    fake = FakeASI1()
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)
    prompts = [f"prompt {number % 15}" for number in range(30)]
    for mode in ("record", "replay"):
        async with client_of(fake, path, mode) as client:
            answers = client.chat.completions.map(prompts, concurrency=10)
            assert prompts == [answer.text async for answer in answers]

    assert 30 == len(lines(path)) == len(fake.requests)


PROGRAM = """
import sys
from asi1 import ASI1
from asi1.testing import FakeASI1, cassette

fake = FakeASI1()
fake.reply("word " * 2000, times=None)
tape = cassette(sys.argv[1], transport=fake.transport)
with ASI1("sk-0123456789", fake.base_url, transport=tape) as client:
    for number in range(9):
        client.chat.completions.create(messages=f"{sys.argv[2]} {number}")
"""


@pytest.mark.system
def test_processes_record_into_one_file(path):
    """
    Two processes that record at the same time write whole lines.
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, path, name]) for name in "ab"
    ]
    codes = [process.wait(timeout=200) for process in processes]

    assert [0, 0] == codes
    asked = [each["request"]["body"]["json"]["messages"][0] for each in lines(path)]
    wanted = {f"{name} {number}" for name in "ab" for number in range(9)}
    assert wanted == {message["content"] for message in asked}
    assert 18 == len(asked)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("a", "once"), "mode: must be one of 'replay-or-record', "),
        (("", "replay"), "path: must be the path of a file"),
        ((5, "replay"), "path: must be the path of a file"),
    ],
)
def test_wrong_argument_of_a_cassette_is_refused_and_named(arguments, problem):
    """
    A wrong mode or path is refused when the cassette is made, with an error that names
    the argument.
    """
    with pytest.raises(ConfigurationError) as caught:
        cassette(*arguments)

    assert str(caught.value).startswith(problem)


def test_json_body_that_parsing_would_change_is_recorded_as_text(path):
    """
    A JSON body that would not be the same after it was parsed and written again, such
    as one with a repeated key, is recorded as text.
    """
    fake = FakeASI1()
    bodies = [b'{"a": 1, "a": 2}', b'{"a": NaN}', b'"\\ud800"', b"\xef\xbb\xbf{}"]
    for body in bodies:
        fake.play(Head(200, ()), Data(body))

    async def contents(mode):
        async with client_of(fake, path, mode) as client:
            return [
                (await client.request("GET", f"/{n}")).content
                for n, _ in enumerate(bodies)
            ]

    assert bodies == anyio.run(contents, "record") == anyio.run(contents, "replay")
    assert os.fspath(path) in repr(cassette(path))


def lines_to_replay(path, count):
    """Return how many lines of Python run to replay the second of *count* exchanges."""
    first = Exchange.of_line(path.read_text("utf-8").splitlines()[0])
    asked = [attrs.evolve(first.asked, body={"json": n}) for n in range(count)]
    tape = Tape(path.with_name(f"{count}"))
    for each in asked:
        tape.add(attrs.evolve(first, asked=each))
    assert tape.take(asked[0])
    taken = []
    lines = lines_of(lambda: taken.append(tape.take(asked[1])))
    assert all(taken)
    return lines


async def test_replay_does_not_search_the_whole_cassette(fake, path):
    """
    A recorded reply is found with the same work in a cassette of any size. Only the
    first use of the cassette reads its file.
    """
    fake.reply("Hello")
    async with client_of(fake, path) as client:
        await ask(client)

    assert lines_to_replay(path, 10) == lines_to_replay(path, 100)
