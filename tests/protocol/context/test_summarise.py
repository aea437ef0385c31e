"""Which turns a summary replaces, and the requests that ask the model for a summary."""

from __future__ import annotations

import math

from collections import deque

import pytest

import asi1

from asi1 import Summarise
from asi1._protocol.context import summarise
from asi1._protocol.context.view import Summary, View


# A message of 40 bytes counts as 14 tokens, so a turn of two messages counts as 28. A
# summary's system message counts as 13, and as one more for each four bytes of text.
TURN, LAST, EMPTY_SUMMARY = 28, 14, 13


def message(role, text, size=40):
    return {"role": role, "content": text.ljust(size, ".")}


def view_of(turns, *, last=40, known=None):
    """
    Return the view of a history with *turns* turns and a last user message of *last*
    bytes.
    """
    history = []
    for number in range(turns):
        history += [message("user", f"Q{number}"), message("assistant", f"A{number}")]
    history.append(message("user", "And?", last))
    return View.of(history, asi1.TokenEstimator(), known)


def run(policy, view, *answers, limit=math.inf):
    """
    Run a plan whose requests get *answers* in order; later requests get the last answer
    again. Return the fitted view and the requests.
    """
    plan, asked, answers = policy.plan(view, limit), [], deque(answers)
    try:
        asked.append(next(plan))
        while True:
            answer = answers.popleft() if len(answers) > 1 else answers[0]
            asked.append(plan.send(answer))
    except StopIteration as done:
        return done.value, asked


@pytest.mark.parametrize(
    ("budget", "summarised"), [(294, 0), (293, 7), (200, 8), (199, 9), (108, 10)]
)
def test_summary_replaces_turns_until_half_of_the_budget_is_free(budget, summarised):
    """
    Only a history above the budget is summarised. The summary replaces turns from the
    beginning, until a summary of full size and the later turns take at most half of the
    budget.
    """
    policy = Summarise(budget, size=30, instruction="")

    fitted, asked = run(policy, view_of(10), "Short.")

    assert bool(summarised) == bool(asked)
    upto = fitted.summary.upto if fitted.summary else 0
    assert 2 * summarised == upto
    assert [20] == [turn.places[-1] for turn in fitted.turns if turn.pinned]
    assert list(range(upto, 21)) == [p for turn in fitted.turns for p in turn.places]


def test_callers_limit_below_the_budget_is_used_in_place_of_the_budget():
    """
    If the caller's token limit is below the policy's budget, a plan stays within the
    caller's limit.
    """
    policy = Summarise(1000, size=30, instruction="")

    fitted, _ = run(policy, view_of(10), "Short.", limit=200)

    assert 16 == fitted.summary.upto


@pytest.mark.parametrize(("size", "asked"), [(16, True), (17, False)])
def test_turns_are_dropped_if_a_summary_would_not_fit_into_the_budget(size, asked):
    """
    If the turns that must stay leave too few tokens for a summary, no request is sent
    to the model. The oldest turns are dropped.
    """
    policy = Summarise(200, size=size, instruction="")

    fitted, questions = run(policy, view_of(3, last=720), "Short.")

    assert asked == bool(questions)
    assert [6] == [place for turn in fitted.turns for place in turn.places]


@pytest.mark.parametrize("turns", [9, 10])
def test_earlier_summary_is_used_again_if_the_request_then_fits(turns):
    """
    The summary of an earlier request is used again in place of its turns. The model is
    asked for a longer summary only if the request would still exceed the budget.
    """
    known = Summary("x" * 40, 4)
    budget = 7 * TURN + LAST + EMPTY_SUMMARY + 10

    fitted, asked = run(
        Summarise(budget, size=30), view_of(turns, known=known), "Short."
    )

    assert (turns == 10) == bool(asked)
    assert (fitted.summary is known) == (turns == 9)


def test_longer_summary_replaces_the_earlier_summary():
    """
    A longer summary is written from the earlier summary and the turns after it. The
    longer summary replaces the earlier one, whose tokens no longer count.
    """
    known = Summary("x" * 40, 4)
    policy = Summarise(200, size=30, instruction="")

    fitted, (question,) = run(policy, view_of(10, known=known), "Short.")

    assert Summary("Short.", 16) == fitted.summary
    text = question.messages[1]["content"]
    assert text.startswith(
        f"What was said before, in short:\n{known.text}\n\nThe conversation:\nuser: Q2"
    )
    assert "Q7" in text
    assert "Q8" not in text


def test_summary_request_has_the_instruction_and_the_turns_as_one_text():
    """
    A request for a summary has the instruction as system message, and all turns in one
    user message, with a blank line between turns. *max_tokens* is four times ``size``.
    """
    view = View.of(
        [
            {"role": "user", "content": [{"type": "text", "text": "How warm?"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
            {"role": "tool", "tool_call_id": "x", "content": "9 C"},
            message("user", "Sure?", 400),
            {"role": "assistant", "content": "Yes.", "function_call": {"name": "f"}},
            message("user", "And?"),
        ],
        asi1.TokenEstimator(),
    )
    policy = Summarise(view.total - 1, size=25, model="big", instruction="Shorten.")

    _, (question,) = run(policy, view, "Short.")

    assert ("big", 100) == (question.model, question.max_tokens)
    assert [
        {"role": "system", "content": "Shorten."},
        {
            "role": "user",
            "content": "The conversation:\n"
            "user: How warm?\n"
            'assistant: calls [{"id":"x"}]\n'
            "tool: 9 C\n"
            "\n"
            f"user: {message('user', 'Sure?', 400)['content']}\n"
            'assistant: Yes. calls {"name":"f"}',
        },
    ] == question.messages


def test_summary_request_goes_to_the_conversations_model_by_default():
    """
    By default the conversation's model is asked, for a summary of at most 400 tokens,
    with an instruction in English.
    """
    _, questions = run(Summarise(1000), view_of(100), "Short.")

    assert {(None, 1600)} == {(q.model, q.max_tokens) for q in questions}
    assert {Summarise().instruction} == {q.messages[0]["content"] for q in questions}
    assert Summarise().instruction.startswith("You shorten conversations.")


def test_summary_includes_a_turn_between_a_tool_call_and_its_late_result():
    """
    A tool result may come in a later turn than its call. A summary up to the result
    then also replaces the turn between the call and the result.
    """
    history = [
        message("user", "Q0"),
        {"role": "assistant", "tool_calls": [{"id": "x"}], "content": "c" * 400},
        *(message("user", "Q1"), message("assistant", "A1"), message("user", "Q2")),
        {"role": "tool", "tool_call_id": "x", "content": "9 C"},
        message("user", "And?"),
    ]
    view = View.of(history, asi1.TokenEstimator())
    assert [(0, 1, 4, 5), (2, 3), (6,)] == [turn.places for turn in view.turns]

    policy = Summarise(view.total - 1, size=30, instruction="")

    fitted, (question,) = run(policy, view, "Short.")

    assert 6 == fitted.summary.upto
    assert [(6,)] == [turn.places for turn in fitted.turns]
    assert "Q1" in question.messages[1]["content"]


@pytest.mark.parametrize(("budget", "asked"), [(63, True), (62, False)])
def test_summary_is_requested_only_with_room_for_200_bytes_of_turns(budget, asked):
    """
    Each request for a summary needs room for at least 200 bytes of the conversation. If
    one of the requests would have less room, no request is sent to the model, and the
    oldest turns are dropped.
    """
    policy = Summarise(budget, size=16, instruction="Do")

    fitted, questions = run(policy, view_of(3), "Short.")

    assert asked == bool(questions)
    assert fitted.summary is None
    assert fitted.total <= budget


def test_summary_request_leaves_the_safety_margin_free():
    """
    A request for a summary leaves the token estimator's safety margin free: it stays
    below the limit by at least this margin.
    """
    tokens = asi1.TokenEstimator(samples=((40, 1, 14), (400, 1, 114)))
    plain, careful = asi1.TokenEstimator(), tokens
    policy = Summarise(size=16, instruction="")

    assert 0 == plain.slack
    assert careful.slack > 1
    assert policy._room("", careful, 400) * careful.slope == pytest.approx(
        400 - careful.slack - careful.count(policy._question("", "")), abs=1
    )


def test_turns_too_long_for_one_request_are_summarised_in_several_requests():
    """
    Turns that do not fit into one request are summarised in several requests. Each
    later request contains the summary so far, and the last reply is the summary.
    """
    policy = Summarise(120, size=30, instruction="")
    answers = [f"Part {number}." for number in range(20)]

    fitted, asked = run(policy, view_of(14), *answers)

    texts = [question.messages[1]["content"] for question in asked]
    assert 3 < len(asked) < 14
    assert answers[: len(asked) - 1] == [text.split("\n")[1] for text in texts[1:]]
    assert Summary(answers[len(asked) - 1], 28) == fitted.summary


def test_no_request_follows_an_empty_summary_and_turns_are_dropped():
    """
    After the model returns an empty summary, no further request for a summary is sent,
    and turns are dropped.
    """
    policy = Summarise(120, size=30, instruction="")

    fitted, asked = run(policy, view_of(14), "Part 0.", " \n")

    assert 2 == len(asked)
    assert fitted.summary is None
    assert [22, 23, 24, 25, 26, 27, 28] == [
        place for turn in fitted.turns for place in turn.places
    ]


@pytest.mark.parametrize(
    ("size", "answer", "text"),
    [
        (30, " They met. \n", "They met."),
        (20, "x" * 28, "x" * 28),
        (20, "x" * 29, "x" * 28),
        (20, "a" + "\u00e9" * 50, "a" + "\u00e9" * 13),
        (20, "x" * 27 + " yes", "x" * 27),
        (13, "They met.", None),
        (5, "They met.", None),
    ],
)
def test_summary_is_stripped_and_cut_to_its_size_in_tokens(size, answer, text):
    """
    A summary is stripped of white space and cut to at most ``size`` tokens, never
    inside a character. If ``size`` has no room for any text, there is no summary.
    """
    policy = Summarise(200, size=size, instruction="")

    fitted, _ = run(policy, view_of(10), answer)

    assert text == (fitted.summary and fitted.summary.text)


@pytest.mark.parametrize(
    ("room", "taken", "left"),
    [
        (2, "aa", ["bbb", "c"]),
        (8, "aaaa", ["bbb", "c"]),
        (9, "aaaa\n\nbbb", ["c"]),
        (11, "aaaa\n\nbbb", ["c"]),
        (12, "aaaa\n\nbbb\n\nc", []),
    ],
)
def test_summary_request_contains_as_many_turns_as_fit(room, taken, left):
    """
    A request for a summary contains as many complete turns as fit, with blank lines
    between them. If the first turn is too long, it is cut.
    """
    parts = deque(["aaaa", "bbb", "c"])

    assert taken == summarise._take_parts(parts, room)
    assert left == list(parts)


def test_history_of_exactly_the_budget_is_sent_without_its_summary():
    """
    A history of exactly the budget is sent unchanged, even if an earlier request has
    summarised it.
    """
    view = view_of(10, known=Summary("They met.", 4))

    fitted, asked = run(Summarise(view.total), view, "Short.")

    assert (view, []) == (fitted, asked)


@pytest.mark.parametrize("size", [0, -1, 1.5, "9", True, None])
def test_summary_size_that_is_not_a_positive_int_is_refused(size):
    """
    The size of a summary must be a whole number of at least 1.
    """
    with pytest.raises(asi1.ArgumentError, match="size: must be a whole number"):
        Summarise(size=size)


def test_greeting_before_the_first_question_is_summarised():
    """
    A message of the model before the first user message is a turn of its own, and can
    be summarised.
    """
    history = [
        message("assistant", "Hello"),
        *(
            message("user", "Q1"),
            message("assistant", "A1", 400),
            message("user", "And?"),
        ),
    ]
    view = View.of(history, asi1.TokenEstimator())
    policy = Summarise(view.total - 1, size=20, instruction="")

    fitted, asked = run(policy, view, "Short.")

    assert Summary("Short.", 3) == fitted.summary
    assert "assistant: Hello" in asked[0].messages[1]["content"]


def test_lone_surrogate_in_a_long_turn_is_replaced():
    """
    A turn that is too long is cut as UTF-8, which cannot encode a lone surrogate. So
    the lone surrogate becomes a question mark.
    """
    assert "a?" == summarise._take_parts(deque(["a\ud800b"]), 2)
