"""`display`: shows an answer while it arrives, on stdout or in a notebook cell."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import types

import anyio
import pytest

import asi1

from asi1._client.display import screen
from asi1.testing import FakeASI1, Pause, Repeat

from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process, until


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, thoughts="Hm.", chunk_words=1, times=None)
    return fake


@pytest.fixture
def blocking(blocking_client):
    return blocking_client.chat.completions


class Publisher:
    """Stands in for the publisher with which IPython displays objects in a terminal."""


class Cell(Publisher):
    """Stands in for a notebook's publisher; records outputs and publishing threads."""

    def __init__(self):
        self.pages = []
        self.threads = set()

    def display(self, data, *, raw, display_id):
        assert raw
        assert display_id
        assert not self.pages
        self._keep(data)
        return self

    def update(self, data, *, raw):
        assert raw
        assert self.pages
        self._keep(data)

    def _keep(self, data):
        self.pages.append(data)
        self.threads.add(threading.get_ident())


def ipython(monkeypatch, publisher):
    """Pretend that IPython runs with *publisher*; None: that it is only imported."""
    shell = None if publisher is None else types.SimpleNamespace(display_pub=publisher)
    parts = {
        "IPython": {"get_ipython": lambda: shell},
        "IPython.core": {},
        "IPython.core.displaypub": {"DisplayPublisher": Publisher},
        "IPython.display": {"display": getattr(publisher, "display", None)},
    }
    for name, values in parts.items():
        module = types.ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def cell(monkeypatch):
    cell = Cell()
    ipython(monkeypatch, cell)
    return cell


async def test_async_display_writes_to_stdout_outside_a_notebook(fake, capsys):
    """
    Outside a notebook `display` writes the text and a newline to stdout, and returns
    the answer.
    """
    async with in_process(fake) as client:
        answer = await client.chat.completions.stream(messages="Hi").display()

    assert (TEXT, "Hm.") == (answer.text, answer.thoughts)
    assert (f"{TEXT}\n", "") == capsys.readouterr()


def test_blocking_display_writes_to_stdout_outside_a_notebook(blocking, capsys):
    """
    Outside a notebook the blocking `display` writes the text to stdout and returns the
    answer, like the async `display`.
    """
    answer = blocking.stream(messages="Hi").display()

    assert (TEXT, "Hm.") == (answer.text, answer.thoughts)
    assert (f"{TEXT}\n", "") == capsys.readouterr()


@pytest.mark.parametrize("read", [1, 3, 99])
def test_display_shows_the_full_answer_of_a_partly_read_stream(blocking, capsys, read):
    """
    `display` shows the answer from its beginning, however many chunks were read before;
    afterwards the stream is consumed.
    """
    with blocking.stream(messages="Hi") as stream:
        for _ in range(read):
            next(stream, None)

        assert TEXT == stream.display().text
        assert f"{TEXT}\n" == capsys.readouterr().out
        with pytest.raises(asi1.StreamConsumedError):
            iter(stream)


async def test_stream_is_consumed_after_a_display(fake, capsys):
    """
    After `display` no chunk is left to read from the stream; a second `display` shows
    the same answer again.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("a"), chunk("b", finish="stop")), DONE)
    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        assert "a" == (await anext(stream)).text

        assert "ab" == (await stream.display()).text
        assert "ab" == (await stream.display()).text
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    assert "ab\nab\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "publisher", [None, Publisher()], ids=["not-running", "terminal"]
)
def test_display_writes_text_where_ipython_shows_no_markdown(
    monkeypatch, blocking, capsys, publisher
):
    """
    If IPython is imported but not running, or runs in a terminal, `display` writes the
    text to stdout without markdown.
    """
    ipython(monkeypatch, publisher)

    blocking.stream(messages="Hi").display()

    assert f"{TEXT}\n" == capsys.readouterr().out


def test_each_text_delta_is_written_and_flushed_once(monkeypatch):
    """
    `display` writes each text delta once and flushes stdout at once, so that the user
    sees the text as it arrives.
    """
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    seen = []

    with screen(thoughts=True) as show:
        for text in ("", "On", "On", "One\n"):
            show(asi1.ChatCompletion(choices=(choice(text),)))
            seen.append(out.buffer.getvalue())

    assert [b"", b"On", b"On", b"One\n"] == seen
    assert b"One\n" == out.buffer.getvalue()


def choice(text):
    return asi1.ChatChoice(message=asi1.ChatMessage(content=text))


@pytest.mark.parametrize("out", [None, "ascii"])
def test_display_works_without_stdout_and_with_an_ascii_stdout(monkeypatch, out):
    """
    `display` escapes the characters that the encoding of stdout lacks. If the program
    has no stdout, `display` writes nothing and raises nothing.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), out) if out else None
    monkeypatch.setattr(sys, "stdout", stdout)

    with screen(thoughts=True) as show:
        show(asi1.ChatCompletion(choices=(choice("\u00fc\ud800"),)))

    assert stdout is None or rb"\xfc\ud800" + b"\n" == stdout.buffer.getvalue()


def test_stdout_gets_no_control_characters(monkeypatch):
    """
    `display` writes control characters as symbols and omits invisible characters,
    however the text is split into chunks. The parts of an emoji stay joined.
    """
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    text = "a\x1b[2J\r\nb\u202e\u200bc\U0001f468\u200d\U0001f469x\u200dy\x9b"

    with screen(thoughts=True) as show:
        for end in range(len(text) + 1):
            show(asi1.ChatCompletion(choices=(choice(text[:end]),)))

    wanted = "a\u241b[2J\nb\ufffdc\U0001f468\u200d\U0001f469xy\ufffd\n"
    assert wanted == out.getvalue()


def test_notebook_cell_gets_no_control_characters(cell):
    """
    The markdown and the plain text of a notebook cell have no control or invisible
    characters; the answer itself still has them.
    """
    answer = asi1.ChatCompletion(
        choices=(choice("a\x1b[2J\u202eb"),), thoughts="\u202e"
    )
    with screen(thoughts=True) as show:
        show(answer)

    seen = "".join(cell.pages[-1].values())
    assert "a\u241b[2J\ufffdb" == cell.pages[-1]["text/plain"]
    assert "\x1b" not in seen
    assert "\u202e" not in seen
    assert "a\x1b[2J\u202eb" == answer.text


@pytest.mark.parametrize("thoughts", [True, False])
def test_notebook_cell_shows_thoughts_unless_turned_off(cell, blocking, thoughts):
    """
    A notebook cell shows the answer as markdown and as plain text, and its thoughts
    unless ``thoughts=False``; the returned answer has the thoughts in any case.
    """
    answer = blocking.stream(messages="Hi").display(thoughts=thoughts)

    assert "Hm." == answer.thoughts
    fold = "<details><summary>Thoughts</summary>Hm.</details>\n\n" * thoughts
    assert {"text/markdown": fold + TEXT, "text/plain": TEXT} == cell.pages[-1]


def test_notebook_cell_is_filled_in_the_callers_thread(cell, blocking):
    """
    The blocking `display` publishes in its caller's thread, since a Jupyter kernel
    assigns an output to a cell by the thread that publishes the output.
    """
    blocking.stream(messages="Hi").display()

    assert {threading.get_ident()} == cell.threads


def test_empty_answer_is_shown_with_its_finish_reason(fake, cell, blocking):
    """
    For a stream without text a notebook cell says that there was no text, and shows the
    finish reason.
    """
    fake.clear()
    fake.play(SSE, Event(chunk(finish="length")), DONE)

    blocking.stream(messages="Hi").display()

    assert "*(no text, finish reason: length)*" == cell.pages[-1]["text/markdown"]


@pytest.mark.system
def test_long_answer_is_not_sent_to_the_notebook_for_each_chunk(cell):
    """
    However many chunks an answer has, all updates of a notebook cell are together less
    than 51 times as long as the answer. The last update is the complete answer.
    """
    text = ""
    with screen(thoughts=True) as show:
        for number in range(4000):
            text += f"{number} "
            show(asi1.ChatCompletion(choices=(choice(text),)))

    assert text == cell.pages[-1]["text/markdown"]
    assert 51 * len(text) > sum(len(page["text/markdown"]) for page in cell.pages)
    assert 100 < len(cell.pages)


def test_partial_answer_stays_shown_when_a_stream_breaks(fake, cell, blocking):
    """
    If a stream breaks, `display` raises the stream's error, and the text received
    before the error stays shown.
    """
    fake.clear()
    long = "x" * 500
    fake.play(SSE, Event(chunk(long)), Pause(0.05), Event(chunk("!")))

    with pytest.raises(asi1.StreamTruncatedError) as raised:
        blocking.stream(messages="Hi").display()

    assert f"{long}!" == raised.value.partial.text
    assert f"{long}!" == cell.pages[-1]["text/markdown"]


def test_call_that_fails_before_the_first_chunk_shows_nothing(fake, cell, blocking):
    """
    If a call fails before its first chunk, `display` shows nothing and raises the
    call's error.
    """
    fake.clear()
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError):
        blocking.stream(messages="Hi").display()

    assert [] == cell.pages


async def test_cancelled_display_closes_the_connection(cell):
    """
    A cancelled `display` leaves the text shown so far in the cell and closes the
    connection, even if the stream object is still referenced.
    """
    with FakeASI1() as fake:
        fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.001))))
        async with asi1.AsyncASI1("k", fake.base_url) as client:
            stream = client.chat.completions.stream(messages="Hi")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.display)
                await until(lambda: cell.pages)
                tasks.cancel_scope.cancel()

            await until(lambda: fake.open_connections == 0)
            assert "left" == fake.requests[0].outcome
            assert cell.pages[-1]["text/markdown"].startswith("on ")


def test_display_that_fails_to_publish_cancels_the_call(fake, cell, blocking):
    """
    An error in the notebook's publisher cancels the call, and is raised by `display`.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.001))))
    cell.update = None
    stream = blocking.stream(messages="Hi")

    with pytest.raises(TypeError):
        stream.display()

    assert "left" == fake.requests[0].wait()


async def test_display_of_a_stream_being_read_is_refused(fake):
    """
    `display` of a stream that another task is reading raises `StreamBusyError`; the
    other task goes on reading.
    """
    fake.clear()
    fake.play(SSE, Pause(0.1), Event(chunk("Hi", finish="stop")), DONE)
    async with asi1.AsyncASI1("k", fake.base_url) as client:
        stream = client.chat.completions.stream(messages="Hi")
        texts = []

        async def read():
            texts.extend([each.text async for each in stream])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await until(lambda: stream._answer.reading)
            with pytest.raises(asi1.StreamBusyError):
                await stream.display()

    assert ["Hi"] == texts


@pytest.mark.system
def test_display_outside_a_notebook_does_not_load_ipython():
    """
    Neither importing asi1 nor `display` outside a notebook imports IPython.
    """
    script = """if True:
        import sys, asi1
        from asi1.testing import FakeASI1
        with FakeASI1() as fake:
            completions = asi1.ASI1("k", fake.base_url).chat.completions
            completions.stream(messages="Hi").display()
        print("IPython" in sys.modules)
    """

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert (0, "", "False") == (done.returncode, done.stderr, done.stdout.split()[-1])


@pytest.mark.parametrize("notebook", [True, False])
async def test_display_shows_a_character_split_over_two_chunks(
    fake, monkeypatch, capsys, notebook
):
    """
    A character whose surrogate pair is split over two chunks is shown as one character,
    in a notebook and on standard output; a lone surrogate is shown as U+FFFD.
    """
    cell, halves = Cell(), ["a\ud83e", "\udda6", "b\ud83e"]
    if notebook:
        ipython(monkeypatch, cell)
    fake.clear()
    fake.play(SSE, *(Event(chunk(text)) for text in halves), DONE)

    async with in_process(fake) as client:
        await client.chat.completions.stream(messages="Hi").display()

    text = "a\U0001f9a6b\ufffd"
    assert (f"{text}\n" * (not notebook), "") == capsys.readouterr()
    pages = [page["text/plain"] for page in cell.pages]
    assert [text] * notebook == pages[-1:]
    assert all(page.encode() for page in pages)
