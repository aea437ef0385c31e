"""Streams that show themselves while they come: on standard output, and in a cell."""

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
    """What IPython's terminal publishes with."""


class Cell(Publisher):
    """What a notebook publishes with; keeps what was shown, and by which threads."""

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
    """Let it seem that IPython runs, with such a publisher."""
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


async def test_an_awaited_stream_is_written_to_standard_output(fake, capsys):
    """
    Outside a notebook `display` writes the text and a line end, and returns the answer.
    """
    async with in_process(fake) as client:
        answer = await client.chat.completions.stream(messages="Hi").display()

    assert (TEXT, "Hm.") == (answer.text, answer.thoughts)
    assert (f"{TEXT}\n", "") == capsys.readouterr()


def test_a_blocking_stream_is_written_to_standard_output(blocking, capsys):
    """
    The blocking `display` does the same.
    """
    answer = blocking.stream(messages="Hi").display()

    assert (TEXT, "Hm.") == (answer.text, answer.thoughts)
    assert (f"{TEXT}\n", "") == capsys.readouterr()


@pytest.mark.parametrize("read", [1, 3, 99])
def test_the_whole_answer_is_shown_whatever_was_read(blocking, capsys, read):
    """
    A stream that was read in part, or to its end, is shown from its beginning.
    """
    with blocking.stream(messages="Hi") as stream:
        for _ in range(read):
            next(stream, None)

        assert TEXT == stream.display().text
        assert f"{TEXT}\n" == capsys.readouterr().out
        with pytest.raises(asi1.StreamConsumedError):
            iter(stream)


async def test_nothing_is_left_to_read_after_a_display(fake, capsys):
    """
    A stream that was read in part and then shown has nothing more to read.
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


@pytest.mark.parametrize("publisher", [None, Publisher()], ids=["none", "terminal"])
def test_where_ipython_shows_no_markdown_text_is_written(
    monkeypatch, blocking, capsys, publisher
):
    """
    With IPython loaded but not running, or running in a terminal, the text is written.
    """
    ipython(monkeypatch, publisher)

    blocking.stream(messages="Hi").display()

    assert f"{TEXT}\n" == capsys.readouterr().out


def test_text_is_seen_at_once(monkeypatch):
    """
    Each piece of text is flushed when it has come, and written once.
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
def test_an_output_that_cannot_show_all_is_no_error(monkeypatch, out):
    """
    What the output's encoding lacks is escaped; where there is no output, none is made.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), out) if out else None
    monkeypatch.setattr(sys, "stdout", stdout)

    with screen(thoughts=True) as show:
        show(asi1.ChatCompletion(choices=(choice("\u00fc\ud800"),)))

    assert stdout is None or rb"\xfc\ud800" + b"\n" == stdout.buffer.getvalue()


@pytest.mark.parametrize("thoughts", [True, False])
def test_a_cell_shows_thoughts_unless_they_are_not_wanted(cell, blocking, thoughts):
    """
    A notebook gets the answer as markdown and as text, the thoughts only if wanted; the
    answer that is returned has them in any case.
    """
    answer = blocking.stream(messages="Hi").display(thoughts=thoughts)

    assert "Hm." == answer.thoughts
    fold = "<details><summary>Thoughts</summary>Hm.</details>\n\n" * thoughts
    assert {"text/markdown": fold + TEXT, "text/plain": TEXT} == cell.pages[-1]


def test_a_cell_is_filled_by_the_thread_that_runs_it(cell, blocking):
    """
    The blocking `display` shows in its caller's thread, by which a kernel knows the
    cell.
    """
    blocking.stream(messages="Hi").display()

    assert {threading.get_ident()} == cell.threads


def test_an_empty_answer_is_shown(fake, cell, blocking):
    """
    A stream without text shows that there was none.
    """
    fake.clear()
    fake.play(SSE, Event(chunk(finish="length")), DONE)

    blocking.stream(messages="Hi").display()

    assert "*(no text, finish reason: length)*" == cell.pages[-1]["text/markdown"]


def test_a_long_answer_is_not_sent_for_each_chunk(cell):
    """
    All that is sent to a notebook stays within fifty-one times the answer, for however
    many chunks it comes in, and the last page is the whole.
    """
    text = ""
    with screen(thoughts=True) as show:
        for number in range(4000):
            text += f"{number} "
            show(asi1.ChatCompletion(choices=(choice(text),)))

    assert text == cell.pages[-1]["text/markdown"]
    assert 51 * len(text) > sum(len(page["text/markdown"]) for page in cell.pages)
    assert 100 < len(cell.pages)


def test_what_has_come_stays_on_show_when_a_stream_breaks(fake, cell, blocking):
    """
    A stream that breaks raises its error, and all that came before it is shown.
    """
    fake.clear()
    long = "x" * 500
    fake.play(SSE, Event(chunk(long)), Pause(0.05), Event(chunk("!")))

    with pytest.raises(asi1.StreamTruncatedError) as raised:
        blocking.stream(messages="Hi").display()

    assert f"{long}!" == raised.value.partial.text
    assert f"{long}!" == cell.pages[-1]["text/markdown"]


def test_a_call_that_fails_shows_nothing(fake, cell, blocking):
    """
    A call that fails before the first chunk shows nothing, and raises.
    """
    fake.clear()
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError):
        blocking.stream(messages="Hi").display()

    assert [] == cell.pages


async def test_a_display_that_is_cancelled_ends_the_call(cell):
    """
    A display that is cancelled keeps what it showed and closes the connection, also
    while somebody keeps the stream.
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


def test_a_display_that_cannot_be_shown_ends_the_call(fake, cell, blocking):
    """
    Where showing fails the call ends, and that error is raised.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.001))))
    cell.update = None
    stream = blocking.stream(messages="Hi")

    with pytest.raises(TypeError):
        stream.display()

    assert "left" == fake.requests[0].wait()


async def test_a_second_reader_does_not_disturb_the_first(fake):
    """
    A display of a stream that somebody else reads is refused; the reader reads on.
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
def test_ipython_is_never_loaded():
    """
    Neither asi1 nor a display outside a notebook loads IPython.
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
        timeout=30,
    )

    assert (0, "", "False") == (done.returncode, done.stderr, done.stdout.split()[-1])
