"""
Fields of an answer whose values are spread over the chunks of a stream: logprobs, token
counts and others.
"""

from __future__ import annotations

import json

import pytest

from asi1 import ChatCompletionChunk, Usage
from asi1._protocol.converter import decode
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.members import Members, is_sign_of_life
from asi1._protocol.stream_answer import Assembler, newer_usage


def answer(*chunks):
    """Return the answer that is assembled from chunks with these fields."""
    assembler, fast = Assembler(), FastChunkReader()
    for fields in chunks:
        read = fast.read(json.dumps(fields).encode())
        assembler.add(read or decode(ChatCompletionChunk, fields))
    return assembler.answer()


def with_choice(**fields):
    """Return the fields of a chunk whose only choice has a text and these fields."""
    return {"choices": [{"index": 0, "delta": {"content": "a"}, **fields}]}


def with_delta(**fields):
    """Return the fields of a chunk whose only delta has a text and these fields."""
    return with_choice(delta={"content": "a", **fields})


def logprob(token):
    """Return the logprob of one token, as servers send it."""
    return {"token": token, "logprob": -0.5, "top_logprobs": []}


FULL = {
    "prompt_tokens": 9,
    "completion_tokens": 8,
    "total_tokens": 17,
    "completion_tokens_details": {"reasoning_tokens": 5},
    "cost": 0.25,
}
TRUE = decode(Usage, FULL)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
        pytest.param(dict.fromkeys(FULL), id="nulls"),
        pytest.param({**dict.fromkeys(FULL, 0)}, id="zeros"),
        pytest.param({"total_tokens": 17}, id="total-alone"),
        pytest.param({"completion_tokens": -1}, id="negative"),
        pytest.param(
            {**FULL, "completion_tokens_details": {"reasoning_tokens": 0}}, id="details"
        ),
        pytest.param({"prompt_tokens": "many"}, id="wrong-type"),
    ],
)
def test_token_counts_above_zero_are_not_replaced_by_empty_counts(last):
    """
    Token counts above zero stay in the answer if a later chunk has an empty usage, or
    counts of zero.
    """
    usage = answer({"usage": FULL}, {"usage": last}, {"usage": last}).usage

    counts = {k: v for k, v in usage.extra.items() if k in TRUE.extra}
    assert (17, 9, 8, 5) == (
        usage.total_tokens,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
    )
    assert TRUE.extra == counts
    assert FULL.items() <= usage.to_dict().items()


def test_later_token_counts_replace_earlier_token_counts():
    """
    If several chunks have token counts above zero, the answer has the last value of
    each count.
    """
    first = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}

    assert answer({"usage": first}, {"usage": FULL}).usage == TRUE
    assert answer({"usage": first}, {"usage": FULL}).usage.to_dict() == FULL


def test_total_is_the_sum_of_token_counts_from_different_chunks():
    """
    The token counts of the prompt and of the answer may come in different chunks. The
    usage then has both counts, and their sum as the total.
    """
    usage = answer(
        {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}},
        {"usage": {"completion_tokens": 8}},
    ).usage

    assert (9, 8, 17) == (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"total_tokens": 5}, {"total_tokens": 1}, id="total"),
        pytest.param({"cost": 2}, {"cost": 0.5}, id="fraction"),
        pytest.param({"cost": {"eur": 2}}, {"cost": {"eur": 0.5}}, id="nested"),
    ],
)
def test_later_token_count_replaces_a_larger_earlier_count(old, new):
    """
    A later token count above zero replaces an earlier count, even if the later count is
    smaller.
    """
    assert new == answer({"usage": old}, {"usage": new}).usage.to_dict()


def test_usage_with_counts_of_zero_is_used_if_no_other_usage_arrives():
    """
    If the only usage in a stream has counts of zero, this usage is the usage of the
    answer.
    """
    assert newer_usage(None, None) is None
    assert Usage() == newer_usage(None, Usage())
    assert Usage() == answer({"usage": {}}).usage


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            [{"content": [logprob("a")]}, {"content": [logprob("b"), logprob("c")]}],
            {"content": [logprob("a"), logprob("b"), logprob("c")]},
            id="content",
        ),
        pytest.param(
            [{"content": [logprob("a")], "refusal": None}, None, {"content": []}, {}],
            {"content": [logprob("a")], "refusal": None},
            id="then-empty",
        ),
        pytest.param(
            [{"content": [logprob("a")]}, {"refusal": [logprob("b")]}],
            {"content": [logprob("a")], "refusal": [logprob("b")]},
            id="content-and-refusal",
        ),
        pytest.param([None, {"content": [1]}], {"content": [1]}, id="null-first"),
        pytest.param(
            [{"content": None}, {"content": [1]}, {"content": None}],
            {"content": [1]},
            id="list-null",
        ),
        pytest.param(
            [{"tokens": ["a"], "token_logprobs": [-1]}] * 2,
            {"tokens": ["a", "a"], "token_logprobs": [-1, -1]},
            id="legacy",
        ),
        pytest.param([[1], [1, 2], None], [1, 1, 2], id="bare-list"),
        pytest.param([None, None], None, id="null"),
    ],
)
def test_logprobs_of_all_chunks_are_in_the_answer(sent, expected):
    """
    A choice has the logprobs of all its chunks, one for each token.
    """
    chunks = [with_choice(logprobs=each) for each in sent]

    assert expected == answer(*chunks).choices[0].extra["logprobs"]


def test_logprobs_of_two_choices_are_kept_apart():
    """
    The logprobs of two choices are not mixed.
    """
    chunk = {
        "choices": [
            {"index": 0, "delta": {}, "logprobs": {"content": [1]}},
            {"index": 1, "delta": {}, "logprobs": {"content": [2]}},
        ]
    }

    assert [{"content": [1, 1]}, {"content": [2, 2]}] == [
        choice.extra["logprobs"] for choice in answer(chunk, chunk).choices
    ]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            [
                [{"type": "reasoning.text", "text": "They ", "index": 0}],
                [{"type": "reasoning.text", "text": "ask.", "index": 0}],
                [{"type": "reasoning.text", "signature": "s", "index": 0}],
                None,
            ],
            [
                {
                    "type": "reasoning.text",
                    "text": "They ask.",
                    "index": 0,
                    "signature": "s",
                }
            ],
            id="text",
        ),
        pytest.param(
            [
                [{"index": 0, "summary": "a"}, {"index": 1, "summary": "b"}],
                [{"index": 1, "summary": "B"}],
                [{"index": 0, "summary": "A"}],
            ],
            [{"index": 0, "summary": "aA"}, {"index": 1, "summary": "bB"}],
            id="two",
        ),
        pytest.param(
            [
                [{"index": 0, "type": "text", "text": "a"}],
                [{"index": 0, "type": "encrypted", "data": "x"}],
                [{"index": 0, "type": "text", "text": "b"}],
                [{"index": 0, "text": "c"}],
            ],
            [
                {"index": 0, "type": "text", "text": "abc"},
                {"index": 0, "type": "encrypted", "data": "x"},
            ],
            id="two-types-with-one-index",
        ),
        pytest.param(
            [
                [{"index": 0, "id": "r1", "data": "a"}],
                [{"index": 0, "id": "r1", "data": "b"}],
                [{"index": 0, "id": "r2", "data": "c"}],
            ],
            [
                {"index": 0, "id": "r1", "data": "ab"},
                {"index": 0, "id": "r2", "data": "c"},
            ],
            id="two-ids-with-one-index",
        ),
        pytest.param(
            [[{"index": "0", "text": "a"}], [{"index": 0, "text": "b"}]],
            [{"index": 0, "text": "ab"}],
            id="index-as-string",
        ),
        pytest.param(
            [[{"index": 0, "text": "a", "format": None}], [{"index": 0, "format": ""}]],
            [{"index": 0, "text": "a", "format": None}],
            id="empty-members",
        ),
        pytest.param(
            [
                [{"index": 0, "part": {"text": "a"}}],
                [{"index": 0, "part": {"text": "b"}}],
            ],
            [{"index": 0, "part": {"text": "ab"}}],
            id="nested",
        ),
        pytest.param(
            [[{"text": "a"}], [{"text": "b"}]], [{"text": "b"}], id="no-index"
        ),
        pytest.param([["a"], [], ["b"]], ["b"], id="strings"),
        pytest.param(
            [[{"index": 0, "text": "a"}], ["b"]],
            ["b"],
            id="no-fragments-after-fragments",
        ),
    ],
)
def test_fragments_with_the_same_index_become_one_object(sent, expected):
    """
    Deltas may have lists of fragments, each with an index. The answer has one list, in
    which fragments with the same index are one object with the joined texts.
    """
    chunks = [with_delta(reasoning_details=each) for each in sent]

    assert {"reasoning_details": expected} == answer(*chunks).message.extra


def test_list_that_is_repeated_outside_of_deltas_is_in_the_answer_once():
    """
    Outside of deltas, a server may repeat a list in each chunk. So the answer has a
    repeated list once, and the texts of its items are not joined.
    """
    first, second = {"index": 0, "text": "a"}, {"index": 1, "text": "b"}
    completion = answer(
        {"sources": [first]}, {"sources": [first]}, {"sources": [first, second]}
    )

    assert {"sources": [first, second]} == completion.extra


RESULTS = [{"index": 0, "title": "t1"}, {"index": 0, "title": "t2"}]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param([RESULTS], RESULTS, id="one-chunk"),
        pytest.param([RESULTS] * 3, RESULTS, id="repeated"),
        pytest.param([RESULTS[:1], RESULTS], RESULTS, id="growing"),
        pytest.param(
            [[{**RESULTS[0], "type": "web"}, {**RESULTS[1], "type": "web"}]] * 2,
            [{**RESULTS[0], "type": "web"}, {**RESULTS[1], "type": "web"}],
            id="one-type",
        ),
        pytest.param(
            [[{**RESULTS[0], "id": "a"}, {**RESULTS[1], "id": "b"}]] * 2,
            [{**RESULTS[0], "id": "a"}, {**RESULTS[1], "id": "b"}],
            id="two-ids",
        ),
        pytest.param(
            [[{"index": 0, "type": "web"}], [RESULTS[0], {"index": 0, "type": "web"}]],
            [{**RESULTS[0], "type": "web"}, {"index": 0, "type": "web"}],
            id="type-once",
        ),
    ],
)
def test_two_items_of_one_list_with_the_same_index_are_not_joined(lists, expected):
    """
    If two items of the same list have the same index, they are not fragments of one
    object: both stay in the list. A repeated list is in the answer once.
    """
    chunks = [{"search_results": each} for each in lists]

    assert {"search_results": expected} == answer(*chunks).extra


def test_fragments_of_an_object_in_deltas_are_joined():
    """
    The fragments of an object in several deltas are joined to one object, such as the
    transcript of an audio.
    """
    message = answer(
        with_delta(audio={"id": "x", "transcript": "Hel"}),
        with_delta(audio={"transcript": "lo", "data": "QQ"}),
        with_delta(audio={"data": "Qg", "expires_at": 7}),
        with_delta(function_call={"name": "dive", "arguments": "{"}),
        with_delta(function_call={"arguments": "}"}),
    ).message

    assert {
        "audio": {"id": "x", "transcript": "Hello", "data": "QQQg", "expires_at": 7},
        "function_call": {"name": "dive", "arguments": "{}"},
    } == message.extra


A, B = ({"type": "url_citation", "url": url, "text": "see"} for url in "ab")


@pytest.mark.parametrize("name", ["annotations", "citations", "images", "sources"])
@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param([[A]] * 3, [A], id="repeated"),
        pytest.param([[A], [A, B]], [A, B], id="cumulative"),
        pytest.param([[A], [B]], [A, B], id="one-by-one"),
        pytest.param([[A], [B], [A, B]], [A, B], id="one-by-one-then-all"),
        pytest.param([[A, B], None, [], [A, B]], [A, B], id="empty-between"),
        pytest.param([["a"], ["a", "b"], ["b"]], ["a", "b"], id="strings"),
        pytest.param(
            [[{**A, "index": 0}]] * 2, [{**A, "index": 0}], id="index-repeated"
        ),
        pytest.param(
            [[{**A, "index": 0}], [{**B, "index": 0}]],
            [{**A, "index": 0}, {**B, "index": 0}],
            id="two-with-one-index",
        ),
        pytest.param([[A], [{**A, "title": "t"}]], [{**A, "title": "t"}], id="more"),
        pytest.param(
            [[A], [{**A, "text": "seen"}, B]],
            [{**A, "text": "seen"}, B],
            id="longer-text",
        ),
        pytest.param([[True], [1]], [True, 1], id="true-is-not-1"),
    ],
)
def test_citations_in_deltas_are_in_the_message_once(name, lists, expected):
    """
    A server may send each citation in one delta, or all citations so far in every
    delta. The message has each citation once.
    """
    sent = [{name: each} for each in lists]
    nested = [{"context": each} for each in sent]

    whole = {name: expected}

    for deltas, extra in ((sent, whole), (nested, {"context": whole})):
        message = answer(*(with_delta(**delta) for delta in deltas)).message
        assert json.dumps(extra) == json.dumps(message.extra)


AUDIO = {"id": "x", "transcript": "Hi", "data": "QQ"}
SENTENCE = "Otters sleep on their backs."


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([{"audio": AUDIO}] * 3, {"audio": AUDIO}, id="repeated"),
        pytest.param(
            [{"audio": {"id": "x", "data": "QQ"}}] * 2,
            {"audio": {"id": "x", "data": "QQ"}},
            id="one-text",
        ),
        pytest.param(
            [{"audio": {"transcript": "Hi", "data": "QQ"}}] * 2,
            {"audio": {"transcript": "Hi", "data": "QQ"}},
            id="without-id",
        ),
        pytest.param(
            [{"audio": {"id": "x", "transcript": text}} for text in ("H", "Hi", "Hi!")],
            {"audio": {"id": "x", "transcript": "Hi!"}},
            id="cumulative",
        ),
        pytest.param(
            [{"audio": {"id": "x", "data": text}} for text in ("AA", "AA", "BB")],
            {"audio": {"id": "x", "data": "AAAABB"}},
            id="two-equal-fragments",
        ),
        pytest.param(
            [{"audio": {"data": text}} for text in ("AA", "AA")],
            {"audio": {"data": "AAAA"}},
            id="only-equal-fragments",
        ),
        pytest.param(
            [{"audio": {"id": "x", "transcript": t}} for t in ("Ha", "", "Ha", " ha")],
            {"audio": {"id": "x", "transcript": "HaHa ha"}},
            id="empty-between",
        ),
        pytest.param(
            [{"function_call": {"name": "f", "arguments": "{}"}}] * 2,
            {"function_call": {"name": "f", "arguments": "{}"}},
            id="function-call",
        ),
        pytest.param([{"summary": SENTENCE}] * 3, {"summary": SENTENCE}, id="long"),
        pytest.param(
            [{"summary": SENTENCE}, {"summary": SENTENCE + " Why?"}],
            {"summary": SENTENCE + " Why?"},
            id="long-and-cumulative",
        ),
        pytest.param([{"summary": "ha"}] * 2, {"summary": "haha"}, id="short"),
    ],
)
def test_texts_in_deltas_are_joined_only_if_they_are_fragments(sent, expected):
    """
    If deltas have fragments of a text, the fragments are joined. If each delta has the
    whole text so far, the message has the text of the last delta.
    """
    assert expected == answer(*(with_delta(**delta) for delta in sent)).message.extra


def test_repeated_audio_citation_or_long_text_adds_nothing_to_the_answer():
    """
    Audio, citations and long texts that the server repeats add nothing to the answer.
    """
    members = Members(deep=True)
    sent = {"audio": AUDIO, "citations": ["a"], "summary": SENTENCE}

    assert [True, False, False] == [members.add(sent) for _ in range(3)]
    assert members.add({"audio": {**AUDIO, "transcript": "Hi you"}})
    assert members.add({"citations": ["a", "b"]})
    assert members.add({"summary": "!"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "ab") for name in ("arguments", "content", "data", "partial_json")),
        *((name, "ab") for name in ("reasoning", "refusal", "summary", "text")),
        *((name, "ab") for name in ("thinking", "transcript")),
        *((name, "b") for name in ("id", "type", "signature", "format", "status")),
    ],
)
def test_texts_of_an_object_in_deltas_are_joined_and_ids_are_replaced(name, expected):
    """
    If deltas have the same object, strings that servers split, such as ``text``, are
    joined. Other strings, such as an id or a signature, replace the earlier strings.
    """
    message = answer(with_delta(part={name: "a"}), with_delta(part={name: "b"})).message

    assert {"part": {name: expected}} == message.extra


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_empty_value_in_a_later_chunk_does_not_replace_an_earlier_value(empty):
    """
    A later value that is null or empty does not replace an earlier value. A later false
    or zero does.
    """
    members = Members()

    assert members.add({"a": {"v": 1}, "b": "x", "c": True})
    assert not members.add({"a": empty, "b": empty, "c": empty, "d": empty})
    assert {"a": {"v": 1}, "b": "x", "c": True, "d": empty} == members.to_json()
    assert not members.add({"a": {"v": 1}, "b": "x", "c": False})
    assert {"a": {"v": 1}, "b": "x", "c": False, "d": empty} == members.to_json()


def test_token_ids_of_all_chunks_are_in_the_answer():
    """
    A choice has the token ids of all its chunks.
    """
    chunks = [with_choice(token_ids=ids) for ids in ([1, 2], None, [3])]

    assert [1, 2, 3] == answer(*chunks).choices[0].extra["token_ids"]


def test_values_read_in_the_middle_of_a_stream_do_not_change_later():
    """
    A caller may read fields of an answer in the middle of a stream. Later chunks do not
    change the values that the caller has read.
    """
    assembler, taken, shown = Assembler(), [], []
    for _ in range(3):
        fields = with_choice(
            delta={"reasoning_details": [{"index": 0, "text": "a"}]},
            logprobs={"content": [1]},
        )
        assembler.add(decode(ChatCompletionChunk, fields))
        taken.append(assembler.answer())
        shown.append(repr(taken[-1]))

    assert shown == [repr(each) for each in taken]
    assert "aaa" == taken[-1].message.extra["reasoning_details"][0]["text"]


@pytest.mark.parametrize("key", ["type", "event", "status"])
@pytest.mark.parametrize(
    "word",
    [
        *("ping", "Pong", "heartbeat", "HEART_BEAT", "noop", "no-op"),
        *("keepalive", "keep-alive", "keep alive", "KEEP_ALIVE"),
    ],
)
def test_event_named_ping_in_any_spelling_is_a_ping(key, word):
    """
    An event is a ping, which only shows that the server is alive, if its ``type``,
    ``event`` or ``status`` is a word for a ping, such as "heartbeat".
    """
    assert is_sign_of_life({key: word})


@pytest.mark.parametrize(
    "members",
    [{}, {"type": None}, {"type": 1}, {"type": "message"}, {"name": "ping"}],
)
def test_event_without_a_word_for_a_ping_is_not_a_ping(members):
    """
    An event is not a ping if its ``type``, ``event`` and ``status`` have no word for a
    ping: it may carry a part of the answer.
    """
    assert not is_sign_of_life(members)
