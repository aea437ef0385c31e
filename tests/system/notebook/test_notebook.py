"""`AsyncASI1` and `ASI1` in the cells of a notebook, run by a real Jupyter kernel."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import asi1

from asi1.testing import FakeASI1, Pause

from ...support.talk import DONE, SSE, Event, chunk
from .kernel import HEAD, Notebook


THOUGHTS = "Is 2 < 3?\n\nYes."
COLLAPSED = "<details><summary>Thoughts</summary>Is 2 &#60; 3?<br><br>Yes.</details>"
ASK = "print(client.chat.completions.create(messages='Hi').text, end='')"


@pytest.fixture(scope="module")
def fake():
    with FakeASI1(seed=8) as running:
        yield running


@pytest.fixture(scope="module")
def notebook(fake, tmp_path_factory):
    with Notebook(tmp_path_factory.mktemp("notebook")) as running:
        assert [] == running.run(f"{HEAD}client = asi1.ASI1('k', {fake.base_url!r})")
        yield running


@pytest.fixture(autouse=True)
def _forget(fake):
    fake.clear()


def printed(outputs):
    """Return what a cell printed; fail if the cell has output other than stdout."""
    assert {"stdout"} >= {output.get("name") for output in outputs}, outputs
    return "".join(output["text"] for output in outputs)


def slowly(*texts):
    """
    Return the fake server's steps for a stream with a pause before each of *texts*.
    """
    pieces = [step for text in texts for step in (Pause(0.1), Event(chunk(text)))]
    return [SSE, *pieces, Event(chunk(finish="stop")), DONE]


def test_kernel_imports_asi1_from_the_same_folder_as_the_tests(notebook):
    """
    The kernel imports asi1 from the same folder as these tests.
    """
    assert asi1.__file__ == printed(notebook.run("print(asi1.__file__, end='')"))


def test_answer_as_the_last_expression_of_a_cell_is_shown_as_markdown(fake, notebook):
    """
    A cell whose last expression is an answer shows the answer's text as Markdown, below
    the model's thoughts, which are collapsed.
    """
    fake.reply("**Yes.**", thoughts=THOUGHTS)

    [output] = notebook.run("client.chat.completions.create(messages='Hi')")

    assert "execute_result" == output["output_type"]
    assert f"{COLLAPSED}\n\n**Yes.**" == output["data"]["text/markdown"]


@pytest.mark.parametrize(
    ("client", "word"), [("client", ""), ("asi1.AsyncASI1('k', str(url))", "await ")]
)
def test_display_shows_a_stream_as_it_arrives(fake, notebook, client, word):
    """
    `display`, of a blocking or an async stream, shows the text below the cell as one
    output that grows as the text arrives, and returns the answer.
    """
    fake.play(*slowly("On", "e, ", "t", "w", "o."))

    [output] = notebook.run(
        f"""
        url = client.base_url
        stream = {client}.chat.completions.stream(messages="Hi")
        answer = {word}stream.display()
        """
    )

    kinds = [kind for kind, _ in notebook.shown]
    pages = [data["text/markdown"] for _, data in notebook.shown]
    assert ["display_data", "update_display_data"] == kinds[:2]
    assert {"update_display_data"} == set(kinds[1:])
    assert ["One, two."[: len(page)] for page in pages] == pages
    assert "display_data" == output["output_type"]
    assert {"text/markdown": "One, two.", "text/plain": "One, two."} == output["data"]
    assert "One, two." == printed(notebook.run("print(answer.text, end='')"))


@pytest.mark.parametrize(
    ("client", "word"), [("client", ""), ("asi1.AsyncASI1('k', str(url))", "await ")]
)
@pytest.mark.parametrize("options", ["", "thoughts=False"])
def test_display_as_a_cells_last_line_shows_the_answer_once(
    fake, notebook, client, word, options
):
    """
    If `display` is a cell's last line, IPython does not show the returned answer a
    second time; as the last line of a later cell, the answer is shown.
    """
    fake.reply("**Yes.**", thoughts="Hm.")

    [output] = notebook.run(
        f"""
        url = client.base_url
        stream = {client}.chat.completions.stream(messages="Hi")
        {word}stream.display({options})
        """
    )
    [later] = notebook.run("_")

    assert "display_data" == output["output_type"]
    assert "**Yes.**" in output["data"]["text/markdown"]
    assert (not options) == ("Hm." in output["data"]["text/markdown"])
    assert "execute_result" == later["output_type"]
    assert "Hm." in later["data"]["text/markdown"]


def test_display_keeps_the_text_of_a_broken_stream(fake, notebook):
    """
    If a stream breaks during `display`, the text so far stays below the cell, and the
    call raises StreamTruncatedError.
    """
    fake.play(SSE, Event(chunk("So far")))

    shown, error = notebook.run(
        "client.chat.completions.stream(messages='Hi').display()"
    )

    assert "So far" == shown["data"]["text/markdown"]
    assert ("error", "StreamTruncatedError") == (error["output_type"], error["ename"])


def test_async_client_works_with_top_level_await(fake, notebook):
    """
    Calls of one `AsyncASI1` can be awaited in several cells, and the blocking client
    works in the same notebook.
    """
    fake.reply("Six.", times=3)
    notebook.run("awaited = asi1.AsyncASI1('k', client.base_url)")
    cell = """
        answer = await awaited.chat.completions.create(messages="Hi")
        print(answer.text, end="")
        """

    assert "Six." == printed(notebook.run(cell))
    assert "Six." == printed(notebook.run(cell))
    assert "Six." == printed(notebook.run(ASK))
    assert [] == notebook.run("await awaited.aclose()")


@pytest.mark.parametrize(
    "reading",
    ["stream.display()", "stream.get_final_completion()", "for _ in stream: pass"],
)
def test_interrupt_of_a_cell_that_reads_cancels_its_request(fake, notebook, reading):
    """
    If a cell is interrupted while it reads a blocking stream, the cell raises
    KeyboardInterrupt and keeps its output. The request is cancelled even if the stream
    object still exists, and the client's next call succeeds.
    """
    fake.fault("stall", after_chunks=3, seconds=None)
    fake.reply("Fine.")
    before = len(fake.requests)
    notebook.run('stream = client.chat.completions.stream(messages="Hi")')
    shows = "display" in reading

    *shown, error = notebook.run(
        reading,
        interrupt_when=lambda: notebook.shown if shows else fake.requests[before:],
    )

    assert ("error", "KeyboardInterrupt") == (error["output_type"], error["ename"])
    assert "left" == fake.requests[before].wait()
    assert ["display_data"] * shows == [output["output_type"] for output in shown]
    assert "Fine." == printed(notebook.run(ASK))


NAP = """
def nap() -> None:
    'Do nothing.'
"""


@pytest.mark.parametrize(
    "awaited",
    [
        "await completions.create(messages='Hi')",
        "await completions.parse(messages='Hi', response_format=list[int])",
        "await completions.stream(messages='Hi').display()",
        "async for _ in completions.map(['Hi', 'Ho']): pass",
        "async with completions.run_tools('Hi', tools=[nap]) as r: await anext(r)",
        "await other.conversation().ask('Hi')",
        "await other.request('POST', '/chat/completions', json={})",
        "await other.images.generate('a cat')",
    ],
)
def test_interrupt_of_a_cell_that_awaits_cancels_its_request(fake, notebook, awaited):
    """
    If a cell is interrupted while it awaits a call, and the server is silent, the cell
    ends, and its request is cancelled. The client's next call succeeds.
    """
    fake.fault("stall_before_headers", seconds=None, times=2 if "map" in awaited else 1)
    fake.reply("Fine.")
    before = len(fake.requests)
    notebook.run(
        f"other = asi1.AsyncASI1('k', client.base_url)\n"
        f"completions = other.chat.completions\n{NAP}"
    )

    *shown, error = notebook.run(awaited, interrupt_when=lambda: fake.requests[before:])
    after = notebook.run(
        "print((await completions.create(messages='Hi')).text, end='')"
    )

    assert ([], "error") == (shown, error["output_type"])
    assert "CancelledError" == error["ename"]
    assert {"left"} == {request.wait() for request in fake.requests[before:-1]}
    assert "Fine." == printed(after)
    assert [] == notebook.run("await other.aclose()")


def test_display_writes_plain_text_in_the_ipython_terminal(fake, tmp_path):
    """
    In IPython's terminal, which cannot show Markdown, `display` writes the text to
    standard output, as it does in the usual Python shell.
    """
    fake.play(*slowly("**", "Yes.", "**"))
    stream = f"asi1.ASI1('k', {fake.base_url!r}).chat.completions.stream(messages='Hi')"

    done = subprocess.run(
        [sys.executable, "-m", "IPython", "-c", f"{HEAD}answer = {stream}.display()"],
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert (0, "**Yes.**\n", "") == (done.returncode, done.stdout, done.stderr)
