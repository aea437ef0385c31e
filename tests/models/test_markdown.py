"""Answers as markdown, as a notebook shows them."""

from __future__ import annotations

import re

from html.parser import HTMLParser

import pytest

from asi1 import ChatChoice, ChatCompletion, ChatMessage, FunctionCall, ToolCall


# What would end the block that it stands in, or pair up with what follows it.
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


def said(**message):
    """Return an answer of one choice with such a message."""
    return ChatCompletion(choices=(ChatChoice(message=ChatMessage(**message)),))


def tool_call(name, arguments):
    return ToolCall(function=FunctionCall(name=name, arguments=arguments))


class Reader(HTMLParser):
    """Reads HTML as a browser does; `tags` are those that open, `text` what is seen."""

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


def test_the_text_is_the_markdown():
    """
    The text of choice 0 is shown as the markdown that it is.
    """
    text = "# Otters\n\n- *hold* hands\n- `float` <b>well</b> $x^2$"

    assert text == said(content=text)._repr_markdown_()


@pytest.mark.parametrize("thoughts", HOSTILE)
def test_thoughts_stay_in_their_fold(thoughts):
    """
    Thoughts stand above the text, folded away, in one line that nothing in them ends or
    changes; a reader sees them as they are.
    """
    answer = ChatCompletion(thoughts=thoughts, choices=said(content="Hi").choices)

    fold, blank, text = answer._repr_markdown_().split("\n")

    assert ("", "Hi") == (blank, text)
    assert [] == re.findall(r"[$\\`*_\[\]@#|~{}]", re.sub(r"&#\d+;", "", fold))
    read = Reader(fold)
    assert {("details",), ("summary",)} <= set(read.tags)
    assert {("details",), ("summary",), ("br",)} >= set(read.tags)
    shown = thoughts.replace("\0", "\ufffd")  # as HTML has it
    assert "Thoughts|" + "\n".join(shown.splitlines()) + "|" == read.text


@pytest.mark.parametrize("words", HOSTILE)
def test_refusals_and_tool_calls_are_shown_literally(words):
    """
    A refusal, a tool's name and its arguments are each shown as they are.
    """
    call = tool_call(words, words)
    refused, called = (
        said(refusal=words, tool_calls=(call,))._repr_markdown_().split("\n\n")
    )

    assert refused.startswith("**Refused:** ")
    assert called.startswith("**Tool call:** <code>")
    assert {("br",)} >= set(Reader(refused).tags)
    assert {("br",), ("code",)} >= set(Reader(called).tags)


def test_all_that_was_said_is_shown():
    """
    Text, refusal and every tool call are shown, in this order.
    """
    calls = (tool_call("swim", '{"far": 1}'), tool_call("eat", ""))

    assert (
        "Well.\n\n**Refused:** No!\n\n"
        "**Tool call:** <code>swim(&#123;&#34;far&#34;: 1&#125;)</code>\n\n"
        "**Tool call:** <code>eat()</code>"
    ) == said(content="Well.", refusal="No!", tool_calls=calls)._repr_markdown_()


def test_an_empty_answer_says_so():
    """
    Where there is nothing to show, that is shown, with the reason if there is one.
    """
    ended = ChatCompletion(choices=(ChatChoice(finish_reason="le*gth"),))
    thought = ChatCompletion(thoughts="Hm")

    assert "*(no text)*" == ChatCompletion()._repr_markdown_()
    assert "*(no text)*" == said(content=" \n")._repr_markdown_()
    assert "*(no text, finish reason: le&#42;gth)*" == ended._repr_markdown_()
    assert thought._repr_markdown_().endswith("</details>\n\n*(no text)*")


def test_halves_of_characters_are_replaced():
    """
    Halves of surrogate pairs become one character where they fit together, and the
    replacement character where they do not: a notebook cannot take them.
    """
    answer = ChatCompletion(
        thoughts="\ud83d\ude00 \ud83d", choices=said(content="\ude00").choices
    )

    assert (
        "<details><summary>Thoughts</summary>\U0001f600 \ufffd</details>\n\n\ufffd"
    ) == answer._repr_markdown_()
