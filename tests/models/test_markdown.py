"""The markdown that a notebook shows for an answer."""

from __future__ import annotations

import re

from html.parser import HTMLParser

import pytest

from asi1 import ChatChoice, ChatCompletion, ChatMessage, FunctionCall, ToolCall


# Strings that, if not escaped, could end an HTML block or change the text after it.
HOSTILE = [
    "</details><script>alert(1)</script>",
    "</summary></details>\n\n# Not a heading",
    "a\n\n</details>\n\nb",
    "a\r\n\r\n- b\u2028\u2028> c\x0c\x0c1. d",
    "<!-- a",
    "&lt;/details&gt; &#60;/details>",
    "```\n~~~\n``",
    "$$ \\[ \\begin{x} @@0@@ $",
    '[a]: http://127.0.0.1/ "b"\n\n![c][a] | d |\n|---|',
    "<![CDATA[ <?php <a href='x' onclick=\"y\">",
    "tab\tand nul\0",
]


def answer_with(**message):
    """Return an answer with one choice, whose message has the given fields."""
    return ChatCompletion(choices=(ChatChoice(message=ChatMessage(**message)),))


def tool_call(name, arguments):
    return ToolCall(function=FunctionCall(name=name, arguments=arguments))


class Reader(HTMLParser):
    """
    Reads HTML as a browser does. `tags` has the opening tags, and `text` has all text
    between them.
    """

    def __init__(self, source):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *attrs))
        self.text += "\n" * (tag == "br")

    def handle_endtag(self, tag):
        self.text += "|"

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.tags.append(("!--",))


def test_text_of_an_answer_is_shown_as_markdown():
    """
    A notebook shows the text of choice 0 unchanged, since models write markdown.
    """
    text = "# Otters\n\n- *hold* hands\n- `float` <b>well</b> $x^2$"

    assert text == answer_with(content=text)._repr_markdown_()


@pytest.mark.parametrize("thoughts", HOSTILE)
def test_thoughts_are_shown_literally_in_a_collapsed_block(thoughts):
    """
    Thoughts are shown above the text in a collapsed ``<details>`` block. Markup in the
    thoughts is shown literally, and cannot end or change the block.
    """
    answer = ChatCompletion(
        thoughts=thoughts, choices=answer_with(content="Hi").choices
    )

    fold, blank, text = answer._repr_markdown_().split("\n")

    assert ("", "Hi") == (blank, text)
    assert [] == re.findall(r"[$\\`*_\[\]@#|~{}]", re.sub(r"&#\d+;", "", fold))
    read = Reader(fold)
    assert {("details",), ("summary",)} <= set(read.tags)
    assert {("details",), ("summary",), ("br",)} >= set(read.tags)
    shown = thoughts.replace("\0", "\ufffd")  # HTML replaces the null character
    assert "Thoughts|" + "\n".join(shown.splitlines()) + "|" == read.text


@pytest.mark.parametrize("text", HOSTILE)
def test_refusals_and_tool_calls_are_shown_literally(text):
    """
    A refusal, a tool's name and a tool's arguments are shown literally: markdown in
    them has no effect.
    """
    call = tool_call(text, text)
    refused, called = (
        answer_with(refusal=text, tool_calls=(call,))._repr_markdown_().split("\n\n")
    )

    assert refused.startswith("**Refused:** ")
    assert called.startswith("**Tool call:** <code>")
    assert {("br",)} >= set(Reader(refused).tags)
    assert {("br",), ("code",)} >= set(Reader(called).tags)


def test_text_refusal_and_tool_calls_are_shown_in_order():
    """
    A notebook shows an answer's text, then its refusal, then its tool calls.
    """
    calls = (tool_call("swim", '{"far": 1}'), tool_call("eat", ""))

    assert (
        "Well.\n\n**Refused:** No!\n\n"
        "**Tool call:** <code>swim(&#123;&#34;far&#34;: 1&#125;)</code>\n\n"
        "**Tool call:** <code>eat()</code>"
    ) == answer_with(content="Well.", refusal="No!", tool_calls=calls)._repr_markdown_()


def test_empty_answer_is_shown_with_its_finish_reason():
    """
    An answer without text is shown as "(no text)", followed by the finish reason if
    there is one.
    """
    ended = ChatCompletion(choices=(ChatChoice(finish_reason="le*gth"),))
    thought = ChatCompletion(thoughts="Hm")

    assert "*(no text)*" == ChatCompletion()._repr_markdown_()
    assert "*(no text)*" == answer_with(content=" \n")._repr_markdown_()
    assert "*(no text, finish reason: le&#42;gth)*" == ended._repr_markdown_()
    assert thought._repr_markdown_().endswith("</details>\n\n*(no text)*")


def test_lone_surrogate_is_shown_as_a_replacement_character():
    """
    Two surrogates that form a pair are shown as one character. A lone surrogate is
    shown as U+FFFD, since a notebook cannot encode a lone surrogate.
    """
    answer = ChatCompletion(
        thoughts="\ud83d\ude00 \ud83d", choices=answer_with(content="\ude00").choices
    )

    assert (
        "<details><summary>Thoughts</summary>\U0001f600 \ufffd</details>\n\n\ufffd"
    ) == answer._repr_markdown_()
