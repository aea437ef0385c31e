"""
How Markdown is divided into blocks, and which of its parts are shown as plain text.
"""

from __future__ import annotations

import pytest


pytest.importorskip("markdown_it", reason="asi1 chat needs rich, which has markdown_it")

from hypothesis import given
from hypothesis import strategies as st

from asi1.cli._chat.blocks import blocks_of, tokens_of


PARTS = [
    "a",
    "`",
    "- ",
    "# b\n",
    "\n",
    "\n\n",
    "- c\n",
    "1. d\n",
    "  ",
    "```\n",
    "> e\n",
    "|",
    "---",
]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", [""]),
        ("\n\n", ["\n\n"]),
        ("a\nb", ["a\nb"]),
        ("a\n\nb\n", ["a\n\n", "b\n"]),
        ("# a\nb", ["# a\n", "b"]),
        ("- a\n---", ["- a\n---"]),
        ("- a\n---\n", ["- a\n", "---\n"]),
        ("a\n```b", ["a\n```b"]),
        ("- a\n\n- b\n\nc", ["- a\n\n- b\n\n", "c"]),
        ("```\na\n\n# b\n", ["```\na\n\n# b\n"]),
        ("| a |\n|---|\n| b |\n\nc", ["| a |\n|---|\n| b |\n\n", "c"]),
    ],
)
def test_markdown_is_divided_into_paragraphs_lists_tables_and_code(text, blocks):
    """
    A Markdown text is divided where a block at its top level begins. A list, a table or
    a block of code stays whole, even before its end has arrived.
    """
    assert blocks == blocks_of(text)


@pytest.mark.system
@given(st.lists(st.sampled_from(PARTS)), st.lists(st.sampled_from(PARTS)))
def test_more_text_changes_only_the_last_block(parts, more):
    """
    Joined, the blocks of a text are the whole text again. If more text arrives, all
    blocks but the last stay as they are.
    """
    text = "".join(parts)
    *finished, last = blocks_of(text)

    grown = blocks_of(text + "".join(more))

    assert text == "".join([*finished, last])
    assert finished == grown[: len(finished)]
    assert grown[len(finished) :] == blocks_of(last + "".join(more))


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ("a <b>c</b> List<int>", ["a <b>c</b> List<int>"]),
        ("<div>\na\n</div>", ["<div>", "a", "</div>"]),
        ("[1]: http://a.example", ["[1]: http://a.example"]),
        ("![an otter](http://a/o.png)", ["an otter (http://a/o.png)"]),
        ("![](http://a/o.png)", ["image (http://a/o.png)"]),
        ("<http://a.example>", ["http://a.example"]),
    ],
)
def test_link_definitions_urls_and_html_are_shown_as_plain_text(block, shown):
    """
    Definitions of links, addresses of links and images, and HTML are shown as plain
    text, so that the screen shows every word of an answer.
    """
    children = [child for token in tokens_of(block) for child in token.children or ()]

    texts = [child.content for child in children if child.type == "text"]
    assert "".join(shown) == "".join(texts)


def test_newline_in_a_paragraph_stays_a_newline():
    """
    In a paragraph, such as the verse of a poem, each newline stays a newline.
    """
    (inline,) = (token for token in tokens_of("a\nb") if token.children)

    assert ["text", "hardbreak", "text"] == [child.type for child in inline.children]
