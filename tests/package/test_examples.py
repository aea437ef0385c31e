"""The examples of the repository, run unchanged over real sockets."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
import time

from contextlib import contextmanager
from importlib import util
from pathlib import Path

import httpx
import pytest

from asi1.cli import main
from asi1.testing import Data, Pause, Repeat, cassette

from ..support.browser import said, seen
from ..support.redis_server import RedisServer
from ..support.services import aiohttp_serving, uvicorn_serving
from ..support.talk import SSE, TEXT, Event, chunk


EXAMPLES = Path(__file__).parents[2] / "examples"
URL = "https://example.com/otter.png"


@pytest.fixture
def fake(fake, monkeypatch):
    monkeypatch.setenv("ASI_ONE_API_KEY", "sk-example")
    monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)
    return fake


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder, in which the example runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(name):
    """Import an example from its file."""
    spec = util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.system
def test_many_prompts_example_prints_the_answers_in_order(fake):
    """
    ``many_prompts.py`` sends the prompts of its command line with `by_map`, then with
    `by_threads`, and prints the answers of each function in order.
    """
    fake.reply(lambda r: f"<{r.json['messages'][0]['content']}>", times=None)

    done = subprocess.run(
        [sys.executable, EXAMPLES / "many_prompts.py", "a", "b", "c"],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    answers = ["a", "    <a>", "b", "    <b>", "c", "    <c>"]
    wanted = ["-- by_map", *answers, "-- by_threads", *answers]
    assert (0, "", wanted) == (done.returncode, done.stderr, done.stdout.splitlines())


def test_batch_example_answers_each_question_once_in_two_runs(fake, folder, capsys):
    """
    ``batch.py`` prints each question with its answer, in order. A second run sends no
    question again, and prints the same text.
    """
    fake.reply(lambda r: f"<{r.json['messages'][0]['content']}>", times=None)
    batch = load("batch")

    codes = [batch.main(["a", "b", "c"])]
    first = capsys.readouterr().out
    codes.append(batch.main(["a", "b", "c"]))
    second = capsys.readouterr().out

    answers = "a\n    <a>\nb\n    <b>\nc\n    <c>\n"
    assert [0, 0] == codes
    assert first.startswith("0 done, 0 failed, 3 left\n")
    assert first.endswith(answers)
    assert f"3 done, 0 failed, 0 left\n{answers}" == second
    assert 3 == len(fake.requests)


def test_many_prompts_example_prints_a_failure_in_place_of_the_answer(fake):
    """
    `by_map` of ``many_prompts.py`` prints a failure where the answer would be, and goes
    on with the next prompt.
    """
    fake.fail(400, message="no such word", times=None)

    many = load("many_prompts")
    with many.ASI1() as client:
        printed = many.by_map(client, ["a", "b"])

    assert ["failed: 400: no such word"] * 2 == printed


def test_cache_example_answers_the_second_run_from_the_file(fake, folder, capsys):
    """
    ``cache.py`` sends each question once; in its second run, the file answers.
    """
    fake.reply(lambda r: f"<{r.json['messages'][0]['content']}>", times=None)

    load("cache").main("answers.sqlite3", ["a", "b"])

    wanted = [
        f"run {run}, from the {source}: <{prompt}>"
        for run, source in ((1, "server"), (2, "cache"))
        for prompt in "ab"
    ]
    assert wanted == capsys.readouterr().out.splitlines()
    assert 2 == len(fake.requests)


def test_redis_example_answers_its_prompts_under_a_common_limit(fake, tmp_path, capsys):
    """
    ``redis_limit.py`` answers its prompts in order, with a limit in Redis.
    """
    pytest.importorskip("redis")
    fake.reply(lambda r: f"<{r.json['messages'][0]['content']}>", times=None)
    server = RedisServer(tmp_path).start()

    load("redis_limit").main(server.url, ["a", "b"])
    server.kill()

    assert ["<a>", "<b>"] == capsys.readouterr().out.splitlines()


def test_recorded_test_example_records_a_reply_and_then_replays_it(fake, folder):
    """
    ``recorded_test.py`` records its reply in the first run, and replays it in the next.
    """
    fake.reply("Oslo.")
    for _ in range(2):
        with cassette("oslo.jsonl") as tape:
            load("recorded_test").test_capital(tape)
        fake.stop()

    assert 1 == len(fake.requests)


def test_budget_example_prints_costs_and_stops_when_the_budget_is_used_up(fake, capsys):
    """
    ``budget.py`` prints each answer with its cost, and stops with exit code 1 when the
    next answer could pass the budget.
    """
    usage = {"prompt_tokens": 20, "completion_tokens": 500, "total_tokens": 520}
    fake.reply("Because.", usage=usage, times=None)

    budget = load("budget")
    codes = [budget.main(dollars, ["Why?", "Why not?"]) for dollars in ("1", "0.0003")]

    printed = capsys.readouterr()
    one = ["Why?", "    Because.", "    $0.00022860"]
    assert [0, 1] == codes
    assert [
        *one,
        *["Why not?", *one[1:]],
        "2 requests, 1040 tokens, $0.00045720",
        *one,
        "1 requests, 520 tokens, $0.00022860",
    ] == printed.out.splitlines()
    assert "stopped: the call was not sent, since it could pass" in printed.err


def test_extraction_example_prints_the_people_that_the_model_finds(fake, capsys):
    """
    ``extraction.py`` prints the people that the model finds. If an answer does not fit
    the type, the example asks the model again and says why.
    """
    fake.reply('{"value": [{"name": "Ada", "age": "36", "town": null}]}')
    fake.reply('{"value": [{"name": "Ada", "age": 36, "town": "Oslo"}]}')

    code = load("extraction").main("Ada, 36, lives in Oslo.")

    printed = capsys.readouterr()
    assert (0, "Ada\t36\tOslo\n") == (code, printed.out)
    assert "$.value[0].age: expected null or an integer" in printed.err


def test_extraction_example_prints_the_error_if_no_answer_fits(fake, capsys):
    """
    If none of the model's answers fits the type, ``extraction.py`` prints the error,
    and its exit code is 1.
    """
    fake.reply("I see nobody.", times=None)

    code = load("extraction").main("Nothing.")

    printed = capsys.readouterr()
    assert (1, "") == (code, printed.out)
    assert "no list: the answer is not JSON" in printed.err


CALLS = [
    {"name": "temperature", "arguments": {"city": "Oslo"}},
    {"name": "temperature", "arguments": {"city": "Atlantis"}},
]


def test_tools_example_prints_text_calls_results_and_errors_as_they_come(fake, capsys):
    """
    ``tools.py`` prints the model's text, and each tool call with its result or error.
    The model reads the results, in the order of its calls.
    """
    fake.reply("I'll look.", tool_calls=CALLS)
    fake.reply("It is 25.7 \u00b0F in Oslo.")

    asyncio.run(load("tools").main("Is it cold in Oslo?"))

    printed = capsys.readouterr()
    results = [m["content"] for m in fake.requests[1].json["messages"][2:]]
    assert [True, True] == [request.json["stream"] for request in fake.requests]
    assert printed.out.startswith("I'll look.")
    assert "\n> 'temperature' '{\"city\":\"Oslo\"}'\n" in printed.out.replace(": ", ":")
    assert "\n< '-3.5'\n" in printed.out
    assert '\n! failed: \'{"error":"no station in Atlantis' in printed.out
    assert printed.out.endswith("It is 25.7 \u00b0F in Oslo.\n")
    assert "-3.5" == results[0]
    assert "no station in Atlantis; there are: oslo, rome" in results[1]
    assert " tokens\n" in printed.err


def test_terminal_tools_run_in_a_chat(fake, folder, monkeypatch, capsys):
    """
    `asi1 chat` runs the tools of ``terminal_tools.py``: they list and read the files of
    the working directory, and no others.
    """
    (folder / "otter.txt").write_text("asleep")
    monkeypatch.setattr(sys, "path", [*sys.path, str(EXAMPLES)])
    monkeypatch.setattr(sys, "stdin", io.StringIO("Look.\n"))
    names = ["otter.txt", "../otter.txt"]
    calls = [{"name": "read", "arguments": {"name": name}} for name in names]
    fake.reply("", tool_calls=[{"name": "files", "arguments": {}}, *calls])
    fake.reply("It is asleep.")

    assert 0 == main(["chat", "--tools", "terminal_tools:TOOLS", "--yes"])

    assert "It is asleep.\n" == capsys.readouterr().out
    listed, text, refused = [
        m["content"] for m in fake.requests[1].json["messages"][2:]
    ]
    assert ('["otter.txt"]', "asleep") == (listed, text)
    assert "there is no file ../otter.txt; there are otter.txt" in refused


def approval(folder, **options):
    """Start ``approval.py`` in *folder*, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, EXAMPLES / "approval.py", "Mail Ada."],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        **options,
    )


def asks_to_send_mail(fake, last):
    """Script a model that looks up an address, sends a mail, and says *last*."""
    fake.reply("", tool_calls=[{"name": "address_of", "arguments": {"name": "Ada"}}])
    mail = {"address": "ada@example.com", "text": "Otters \x1b[2J asleep."}
    fake.reply("", tool_calls=[{"name": "send_mail", "arguments": mail}])
    fake.reply(last)


@pytest.mark.system
def test_approval_example_goes_on_after_a_kill_and_sends_one_mail(fake, tmp_path):
    """
    ``approval.py`` that is killed while it waits for the user's decision goes on when
    it is started again: it repeats no request to the model, asks for the decision once
    more, and sends one mail. A third start begins a new run.
    """
    asks_to_send_mail(fake, "Ada knows.")
    with approval(tmp_path) as killed:
        shown = killed.stdout.readline()
        killed.kill()
    assert not (tmp_path / "outbox.txt").exists()

    with approval(tmp_path) as second:
        printed, errors = second.communicate("y\n", timeout=240)

    assert (0, "") == (second.returncode, errors)
    assert shown.startswith("'send_mail' '")
    assert "\x1b" not in shown
    assert printed == f"{shown}Run it? [y, or why not] Ada knows.\n"
    assert 3 == len(fake.requests)
    sent = (tmp_path / "outbox.txt").read_text("utf-8")
    assert "ada@example.com: Otters \x1b[2J asleep.\n" == sent

    fake.reply("Again?")
    with approval(tmp_path) as third:
        assert "Again?\n" == third.communicate("", timeout=240)[0]
    assert 1 == len(fake.requests[3].json["messages"])


@pytest.mark.system
@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        pytest.param("Ada is asleep too\n", 0, "Ada is asleep too", id="reason"),
        pytest.param("\n", 0, "the user does not allow this call", id="empty"),
        pytest.param("", 130, None, id="end-of-input"),
    ],
)
def test_approval_example_sends_no_mail_without_a_yes(
    fake, tmp_path, typed, code, words
):
    """
    ``approval.py`` sends no mail if the user types something else than yes: the model
    reads the reason. If the input ends, the program says how to go on.
    """
    asks_to_send_mail(fake, "As you wish.")

    with approval(tmp_path) as process:
        printed, errors = process.communicate(typed, timeout=240)

    assert code == process.returncode
    assert not (tmp_path / "outbox.txt").exists()
    if words is None:
        assert "stopped; the same command goes on" in errors
        assert 2 == len(fake.requests)
    else:
        assert printed.endswith("As you wish.\n")
        assert words in fake.requests[2].json["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("image", "place"), [(None, "generated.gif"), (URL, URL)], ids=["bytes", "url"]
)
def test_images_example_sends_the_generated_image_back(
    fake, folder, capsys, image, place
):
    """
    ``images.py`` saves the generated image, or prints its URL, and asks the model what
    the image shows.
    """
    fake.image(image)
    fake.reply("An otter.")

    load("images").main("An otter in a teacup")

    drawn, asked = (request.json for request in fake.requests)
    (part,) = (p for p in asked["messages"][0]["content"] if p["type"] == "image_url")
    sent = part["image_url"]["url"]
    assert f"{place}\nAn otter.\n" == capsys.readouterr().out
    assert "An otter in a teacup" == drawn["prompt"]
    assert sent == URL if image else sent.startswith("data:image/gif;base64,")
    assert (image is None) == (folder / "generated.gif").exists()


def test_agent_example_waits_for_the_agent_in_one_session(fake, folder, capsys):
    """
    ``agent_session.py`` asks again until the agent has answered. If that takes too
    long, the example saves the session, and goes on waiting when it is started again.
    """
    fake.reply("I've sent the message to the agent.", times=None)
    main = load("agent_session").main

    assert 1 == main("Book a table.", interval=0.01, timeout=0.1)
    assert "still deferred" in capsys.readouterr().err
    assert (folder / "agent_session.json").exists()

    fake.reply("Booked for 7.", times=None)  # also for late requests of the first run
    assert 0 == main("Book a table.", interval=0.01)
    assert "Booked for 7.\n" == capsys.readouterr().out
    assert not (folder / "agent_session.json").exists()
    assert 1 == len({request.headers["x-session-id"] for request in fake.requests})
    assert "Book a table." == fake.requests[-1].json["messages"][0]["content"]


@contextmanager
def serving(app):
    """Serve *app* with werkzeug, each request in a thread of its own; yield the URL."""
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def views(fake):
    pytest.importorskip("flask")
    example = load("flask_view")
    with serving(example.app) as url, httpx.Client(base_url=url) as browser:
        yield browser
    example.client.close()


@pytest.mark.system
def test_flask_view_returns_the_answer_as_json(fake, views):
    """
    The view of ``flask_view.py`` sends the browser's question to the model and returns
    the answer.
    """
    fake.reply(lambda r: r.json["messages"][0]["content"].upper())

    reply = views.get("/ask", params={"q": "why?"})

    assert (200, "WHY?") == (reply.status_code, reply.json()["text"])


@pytest.mark.system
def test_flask_view_streams_while_the_model_writes(fake, views):
    """
    The Flask example sends the first words to the browser while the model still writes.
    If the browser disconnects, the call to the model ends.
    """
    fake.play(SSE, Repeat((Event(chunk("on and ")), Pause(0.01))))

    with views.stream("GET", "/stream", params={"q": "Count."}) as reply:
        # The iterator is referenced until the test ends, because httpx closes the
        # response when the iterator is freed.
        words = reply.iter_text()
        assert "on and " == next(words)[:7]
        assert "open" == fake.requests[0].outcome

    assert "left" == fake.requests[0].wait()
    assert "text/plain; charset=utf-8" == reply.headers["content-type"]


@pytest.mark.system
def test_flask_view_sends_the_whole_stream_or_says_that_it_broke(fake, views):
    """
    The Flask example sends every word of an unbroken stream to the browser. If the
    stream breaks, the text ends with a message that says so.
    """
    fake.reply(TEXT, chunk_words=1)
    fake.play(SSE, Event(chunk("one ")), Data(b"data: {}\n\n"))

    whole, broken = (views.get("/stream", params={"q": "Hi"}) for _ in range(2))

    assert TEXT == whole.text
    assert broken.text.startswith("one \n[broken off: ")


@pytest.mark.system
@pytest.mark.parametrize("path", ["/ask", "/stream"])
def test_flask_view_returns_502_if_the_api_refuses_the_call(fake, views, path):
    """
    If the API refuses a call with 401, both views of ``flask_view.py`` return 502,
    since it is not the browser's fault. The response contains the API's message.
    """
    fake.fail(401, message="Who are you?")

    reply = views.get(path, params={"q": "Hi"})

    assert (502, {"error": "401: Who are you?"}) == (reply.status_code, reply.json())


@pytest.fixture(params=["fastapi", "aiohttp"])
def ask(fake, request):
    """
    Return a function that sends an HTTP request to the example of one web framework.
    """
    pytest.importorskip(request.param)
    example = load(f"{request.param}_service")
    if request.param == "fastapi":
        with uvicorn_serving(example.app) as url, httpx.Client(base_url=url) as http:
            yield lambda path, text: http.post(path, json={"text": text})
    else:
        app = example.make_app()
        with aiohttp_serving(app) as url, httpx.Client(base_url=url) as http:
            yield lambda path, text: http.get(path, params={"q": text})


@pytest.mark.system
def test_fastapi_and_aiohttp_services_send_complete_answers_and_streams(fake, ask):
    """
    ``fastapi_service.py`` and ``aiohttp_service.py`` send the browser's question to the
    model, and return the complete answer as JSON or the stream as events.
    """
    fake.reply(TEXT, chunk_words=1)
    fake.reply(lambda r: r.json["messages"][0]["content"].upper())

    streamed, whole = ask("/chat", "Count!"), ask("/ask", "why?")

    assert (200, TEXT) == (streamed.status_code, said(streamed.content))
    assert "done" == seen(streamed.content)[-1][0]
    assert "Count!" == fake.requests[0].json["messages"][0]["content"]
    assert {"text": "WHY?"} == whole.json()


@pytest.mark.system
@pytest.mark.parametrize("path", ["/chat", "/ask"])
def test_fastapi_and_aiohttp_services_return_502_if_the_api_refuses_a_call(
    fake, ask, path
):
    """
    If the API refuses a call with 401, the FastAPI and aiohttp examples return 502,
    since it is not their caller's fault. The response tells nothing of the key.
    """
    fake.fail(401, message="Who are you?")

    reply = ask(path, "Hi")

    assert (502, "the service is set up wrongly") == (
        reply.status_code,
        reply.json()["error"]["message"],
    )


class Upload(httpx.AsyncByteStream):
    """A request body of spaces that counts the bytes that the server reads."""

    def __init__(self, size):
        self.taken = 0
        self._size, self._piece = size, b" " * 65536

    async def __aiter__(self):
        while self.taken < self._size:
            self.taken += len(self._piece)
            yield self._piece


@pytest.mark.parametrize(
    ("name", "headers", "status", "most"),
    [
        ("webchat/app", {"content-type": "text/plain"}, 415, 0),
        ("webchat/app", {}, 415, 0),
        ("webchat/app", {"content-type": "application/json"}, 413, 5_000_000),
        ("webchat/app", {"content-type": "application/json; a=b"}, 413, 5_000_000),
        (
            "webchat/app",
            {"content-type": "application/json", "content-length": "200000000"},
            413,
            0,
        ),
        (
            "webchat/app",
            {"content-type": "application/json", "content-length": "9" * 5000},
            413,
            0,
        ),
        ("fastapi_service", {"content-type": "application/json"}, 411, 0),
        ("fastapi_service", {"content-type": "text/plain"}, 411, 0),
        ("fastapi_service", {"content-length": "200000000"}, 413, 0),
        ("fastapi_service", {"content-length": "9" * 5000}, 413, 0),
    ],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_web_example_refuses_a_body_of_200_mb_without_reading_it(
    fake, name, headers, status, most
):
    """
    A web example refuses a body of 200 MB because of its headers, without reading it.
    Only the web chat reads a JSON body without a length, and at most 5 MB of it.
    """
    pytest.importorskip("fastapi")
    upload = Upload(200_000_000)
    transport = httpx.ASGITransport(load(name).app)

    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1"
    ) as browser:
        request = browser.build_request("POST", "/chat", headers=headers)
        if "content-length" not in headers:
            del request.headers["content-length"]
        request.stream = upload
        reply = await browser.send(request)

    assert status == reply.status_code
    assert upload.taken <= most
    assert [] == fake.requests


@pytest.mark.system
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"messages": [{"role": "user", "content": "Hi"}]}', 200),
        (b'{"messages": [{"role": "system", "content": "Hi"}]}', 422),
        (b'{"messages": [{"role": "user", "content": "\\ud83d"}]}', 200),
        (b'{"messages": [{"role": "user", "content": 1}]}', 422),
        (b'{"messages": []}', 422),
        (b"\xff", 422),
        (b"", 422),
        (b"[" * 100_000, 422),
    ],
)
def test_webchat_refuses_a_body_that_is_not_a_conversation(fake, body, status):
    """
    The web chat answers a conversation, and refuses any other request body with status
    422. The response does not repeat the body.
    """
    pytest.importorskip("fastapi")
    headers = {"content-type": "application/json"}
    with uvicorn_serving(load("webchat/app").app) as url:
        reply = httpx.post(f"{url}/chat", content=body, headers=headers)

    assert status == reply.status_code
    assert (status == 200) == bool(fake.requests)
    assert "input" not in reply.text


@pytest.mark.system
@pytest.mark.parametrize(
    ("said", "content"),
    [("y", "6"), ("n", '{"error":"The user does not want this call.","status":"fail')],
    ids=["approved", "refused"],
)
def test_mcp_example_calls_a_tool_of_the_server_if_the_user_approves(
    fake, said, content
):
    """
    ``mcp_tools.py`` starts an MCP server, asks before each call of the server's tool,
    sends the model the result or the refusal, and prints the answer.
    """
    pytest.importorskip("mcp", reason="mcp is not installed")
    text = {"text": "to be or not to be"}
    fake.reply("", tool_calls=[{"name": "count_words", "arguments": text}])
    fake.reply("It has six words.")

    done = subprocess.run(
        [sys.executable, EXAMPLES / "mcp_tools.py"],
        env=os.environ,
        input=f"{said}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    asked = "'count_words' '{\"text\":\"to be or not to be\"}'? (y/n) "
    assert (0, "") == (done.returncode, done.stderr)
    assert f"{asked}It has six words.\n" == done.stdout
    assert fake.requests[1].json["messages"][-1]["content"].startswith(content)


MAIL = {"name": "send_mail", "arguments": {"to": "ada@a.example", "text": "Hi"}}


@pytest.fixture
def webchat(fake):
    """Return the web chat's module, and an HTTP client of the running web chat."""
    pytest.importorskip("fastapi")
    module = load("webchat/app")
    with uvicorn_serving(module.app) as url, httpx.Client(base_url=url) as http:
        yield module, http


def question(text):
    return {"messages": [{"role": "user", "content": text}]}


@pytest.mark.system
@pytest.mark.parametrize(("allowed", "mails"), [(True, 1), (False, 0)])
def test_webchat_runs_a_tool_once_after_it_was_approved(fake, webchat, allowed, mails):
    """
    The web chat runs a tool that needs an approval after `/decide` allows it, and never
    twice: the id of a run is valid for one decision, and is then forgotten. The ids are
    random.
    """
    fake.reply("", tool_calls=[MAIL])
    fake.reply("Done.")
    module, http = webchat

    asked = http.post("/chat", json=question("Write"))
    assert [] == list(module.OUTBOX)
    (pending,) = seen(asked.content)[-1][1]["pending"]
    decision = {"run": asked.headers["x-run"], "decisions": {pending: allowed}}
    went_on = http.post("/decide", json=decision)
    again = http.post("/decide", json=decision)

    assert mails == len(module.OUTBOX)
    assert "Done." == said(went_on.content)
    assert (404, 2) == (again.status_code, len(fake.requests))
    ids = {asked.headers["x-run"], went_on.headers["x-run"]}
    assert [43, 43] == [len(each) for each in ids]
    for _ in range(1000):
        if not module.RUNS:  # the server forgets a run after its reply has ended
            break
        time.sleep(0.01)
    assert {} == module.RUNS


@pytest.mark.system
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"run": "guess"}, 404),
        ({"run": ""}, 404),
        ({"run": "x" * 101}, 422),
        ({"decisions": {"other": True}}, 400),
        ({"decisions": {"other": "yes"}}, 422),
        ({"decisions": None}, 422),
        ({"run": None}, 422),
    ],
)
def test_webchat_refuses_wrong_decisions_and_keeps_the_run(
    fake, webchat, change, status
):
    """
    A decision about an unknown run or call, or of another form, is refused and sends
    nothing to the model; the run can still be approved.
    """
    fake.reply("", tool_calls=[MAIL])
    fake.reply("Done.")
    module, http = webchat

    asked = http.post("/chat", json=question("Write"))
    (pending,) = seen(asked.content)[-1][1]["pending"]
    decision = {"run": asked.headers["x-run"], "decisions": {pending: True}}
    refused = http.post("/decide", json={**decision, **change})
    assert (1, 0) == (len(fake.requests), len(module.OUTBOX))
    went_on = http.post("/decide", json=decision)

    assert status == refused.status_code
    assert "Done." == said(went_on.content)


@pytest.mark.system
def test_webchat_takes_no_decision_about_a_run_that_goes_on(fake, webchat):
    """
    The web chat refuses a decision about a run that is still being sent: its events are
    read by one reader only, and no tool runs twice.
    """
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.01))))
    _, http = webchat

    with http.stream("POST", "/chat", json=question("Hi")) as reply:
        decision = {"run": reply.headers["x-run"], "decisions": {"a": True}}
        refused = http.post("/decide", json=decision)

    assert (404, 1) == (refused.status_code, len(fake.requests))


@pytest.mark.system
def test_webchat_keeps_a_limited_number_of_runs(fake, webchat):
    """
    The web chat keeps a limited number of runs that wait; the oldest is forgotten.
    """
    fake.reply("", tool_calls=[MAIL], times=None)
    module, http = webchat
    module.MOST_RUNS = 3

    runs = [http.post("/chat", json=question("Hi")).headers["x-run"] for _ in range(5)]

    assert runs[2:] == list(module.RUNS)
    late = http.post("/decide", json={"run": runs[0], "decisions": {}})
    assert 404 == late.status_code


def test_otel_example_prints_the_spans_of_a_run_with_a_tool(fake, capsys):
    """
    ``otel.py`` prints a line for each span: the calls of the model, the tool, and last
    their run.
    """
    for needed in ("opentelemetry.util.genai", "opentelemetry.sdk"):
        pytest.importorskip(needed, reason="needs opentelemetry-util-genai and -sdk")
    call = {"name": "multiply", "arguments": {"a": 17, "b": 23}}
    fake.reply("", tool_calls=[call])
    fake.reply("391")

    answer = load("otel").main("What is 17 times 23?")

    spans = [line.split("\t")[0] for line in capsys.readouterr().err.splitlines()]
    assert "391" == answer
    assert [
        "chat asi1-mini",
        "execute_tool multiply",
        "chat asi1-mini",
        "invoke_workflow run_tools",
    ] == spans


def test_program_in_the_guide_to_hooks_prints_what_the_guide_says(capsys):
    """
    The program in ``docs/guides/hooks.md`` runs, and prints what its last line says.
    """
    guide = EXAMPLES.parent / "docs" / "guides" / "hooks.md"
    text = guide.read_text(encoding="utf-8")
    program = text.partition("```python\n")[2].partition("```")[0]

    exec(compile(program, guide.name, "exec"), {"__name__": "guide"})

    assert program.splitlines()[-1] == f"# {capsys.readouterr().out.strip()}"
