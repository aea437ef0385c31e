"""Markers of tool calls are found outside of markdown code only."""

from __future__ import annotations

import pytest

from asi1._protocol.tools.call_markers import MARKERS, MarkerFinder


M = "<tool_call>"


def found_in(text):
    """
    Return the positions of all markers outside of code.
    """
    finder, found = MarkerFinder(), []
    while (at := finder.next_in(text)) is not None:
        found.append(at)
        finder = finder.after(at + 1)
    return found


@pytest.mark.parametrize("marker", MARKERS)
def test_each_marker_of_a_tool_call_is_found(marker):
    """
    Each marker of a tool call is found in text, at the start of a line, and next to
    another marker.
    """
    text = f"a {marker}\n{marker}{marker}"
    size = len(marker)

    assert [2, 3 + size, 3 + 2 * size] == found_in(text)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        pytest.param(f"`{M}`", True, id="span"),
        pytest.param(f"`a\n{M}`", True, id="span-over-lines"),
        pytest.param(f"`` ` {M} ``", True, id="span-with-a-backtick"),
        pytest.param(f"`` ` {M} `", True, id="inner-span"),
        pytest.param(f"` {M}", False, id="unclosed-span"),
        pytest.param(f"` {M} ``", False, id="longer-run-closes-nothing"),
        pytest.param(f"` \n \n{M} `", False, id="blank-line-ends-a-span"),
        pytest.param(f"` {M}\n~~~\n`", False, id="tilde-fence-ends-a-span"),
        pytest.param(f"` {M}\n```\n`", False, id="backtick-fence-ends-a-span"),
        pytest.param(f"`a` {M} `b`", False, id="between-spans"),
        pytest.param(f"```\n{M}\n```", True, id="fence"),
        pytest.param(f"```xml\n\n{M}", True, id="unclosed-fence"),
        pytest.param(f"``` {M}\n", True, id="words-after-a-fence"),
        pytest.param(f"``` {M}", True, id="words-after-a-fence-at-the-end"),
        pytest.param(f"~~~ `a`\n{M}", True, id="tilde-fence"),
        pytest.param(f"~~ a\n{M}", False, id="two-tildes"),
        pytest.param(f"a ~~~\n{M}", False, id="tildes-in-a-line"),
        pytest.param(f"~~~\n```\n{M}", True, id="other-fence-closes-nothing"),
        pytest.param(f"````\n```\n{M}", True, id="shorter-fence-closes-nothing"),
        pytest.param(f"```\n````  \n{M}", False, id="longer-fence-closes"),
        pytest.param(f"```\n``` a\n{M}", True, id="fence-with-words-closes-nothing"),
        pytest.param(f"```\na ```\n{M}", True, id="backticks-in-a-line-close-nothing"),
        pytest.param(f"```\r\n{M}\r\n```\r\n", True, id="crlf"),
        pytest.param(f"```\r\n```\r\n{M}", False, id="crlf-after-a-fence"),
        pytest.param(f"1. a\n   ```\n   {M}\n", True, id="fence-in-a-list"),
        pytest.param(f"- ```\n  {M}\n", True, id="fence-after-a-bullet"),
        pytest.param(f"> ```\n> {M}\n", True, id="fence-in-a-quote"),
        pytest.param(f"```a``` {M}", False, id="span-at-the-start-of-a-line"),
        pytest.param(f"```a {M} ```", True, id="marker-in-a-span-at-the-line-start"),
        pytest.param(f"a ```b\n``` {M} ``` c", False, id="line-start-closes-a-span"),
        pytest.param(f"a ``\n``` {M} ``` c``", True, id="span-around-a-line-start"),
        pytest.param(f"a\n```\nb\n```\n{M}", False, id="after-a-fence"),
    ],
)
def test_marker_in_markdown_code_is_not_found(text, inside):
    """
    A marker in a fenced block or in a code span is text. An unclosed run of backticks
    in a paragraph does not begin a code span.
    """
    assert ([] if inside else [text.index(M)]) == found_in(text)


def test_markers_of_a_paragraph_are_found_after_a_skipped_part():
    """
    Backticks in a skipped part of a text, such as a tool call's arguments, neither open
    nor close a code span in the text after this part. The other markers of the
    paragraph are found.
    """
    text = f"` {M}``{M} `` {M} ``` {M} ```\n\n{M}"
    finder = MarkerFinder()
    first = finder.next_in(text)
    second = text.index("`` ", first + len(M) + 2) - 1

    finder = finder.after(second)

    assert 2 == first
    assert text.index(M, second) == finder.next_in(text)
    finder = finder.after(finder.next_in(text) + 1)
    assert text.rindex(M) == finder.next_in(text)
    assert finder.after(len(text)).next_in(text) is None


def test_skipped_part_may_reach_beyond_its_paragraph():
    """
    A skipped part of a text, such as a tool call's arguments, may have blank lines and
    fences. The text after this part is read as text, not as a code block that such a
    fence begins.
    """
    text = f"` {M}\n\n```\n~~~ end {M}\n{M}"
    finder = MarkerFinder()

    assert 2 == finder.next_in(text)
    finder = finder.after(text.index("end"))
    assert text.index(M, 3) == finder.next_in(text)
    finder = finder.after(text.index(M, 3) + 1)
    assert text.rindex(M) == finder.next_in(text)


@pytest.mark.parametrize(
    "end", ["\n> 1. ", "a\n  ", "\n\n", " a", "a\nb", "\nb ", "  "]
)
def test_skimming_a_text_has_the_same_effect_as_reading_it(end):
    """
    Skimming a text, which is faster than reading it, leads to the same markers in the
    text after it.
    """
    skimmed, read = MarkerFinder(), MarkerFinder()
    skimmed.skim(end)
    read.read(end, 0)

    for finder in (skimmed, read):
        finder.read(f"~~~\n{M}", len(end))

    assert skimmed.found == read.found
    assert skimmed.at == read.at


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{M}```\n{M}", id="no-fence-in-the-middle-of-a-line"),
        pytest.param(f"a ```b\n``` {M} {M} ``` c", id="two-in-one-line-after-a-span"),
    ],
)
def test_next_marker_is_found_after_a_skipped_marker(text):
    """
    The text after a skipped marker does not count as the start of a line. A marker in
    this text is found even if the text was read before the skip.
    """
    finder = MarkerFinder()
    first = finder.next_in(text)

    finder = finder.after(first + len(M))

    assert (text.index(M), text.rindex(M)) == (first, finder.next_in(text))
