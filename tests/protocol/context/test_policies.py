"""
Context policies, which shorten a history to a token budget, tested on random and fixed
histories.
"""

from __future__ import annotations

import math

from collections import Counter, UserDict, deque

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

import asi1

from asi1._protocol.context import summarise
from asi1._protocol.context.view import Summary, View


def call(*ids):
    """Return an assistant message with one tool call for each id in *ids*."""
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": i, "type": "function", "function": function} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def say(role, content):
    """Return a message with this role and content."""
    return {"role": role, "content": content}


names = st.sampled_from("abc")
words = st.lists(st.sampled_from(["otter", "giraffe", "Öl", "长颈鹿"]), max_size=40)
texts = words.map(" ".join)
message = st.one_of(
    st.builds(say, st.sampled_from(["system", "user", "assistant"]), texts),
    st.builds(say, st.just("user"), texts),
    st.lists(names, min_size=1, max_size=2).map(lambda ids: call(*ids)),
    st.builds(lambda i, t: say("tool", t) | {"tool_call_id": i}, names, texts),
)
histories = st.lists(message, min_size=1, max_size=25)
samples = st.lists(
    st.tuples(st.integers(1, 5000), st.integers(1, 20), st.integers(1, 4000)),
    max_size=6,
)
estimators = st.builds(asi1.TokenEstimator, samples.map(tuple))
budgets = st.integers(1, 2000)


def newest(budget):
    return asi1.KeepNewest(budget)


def relevant(budget):
    return asi1.DropLeastRelevant(budget)


def scored(budget):
    """Return a policy that drops turns by a score; the score of some turns is NaN."""
    return asi1.DropLeastRelevant(
        budget, score=lambda turn, _: math.nan if len(turn) % 2 else len(turn)
    )


def summarised(budget):
    return asi1.Summarise(budget, size=30)


def composed(budget):
    return asi1.DropLeastRelevant(budget * 2) | asi1.Summarise(budget, size=30)


def all_three(budget):
    policy = asi1.Summarise(budget * 3) | asi1.DropLeastRelevant(budget * 2)
    return policy | asi1.KeepNewest(budget)


policies = pytest.mark.parametrize(
    "policy", [newest, relevant, scored, summarised, composed, all_three]
)


def run(policy, view, limit=math.inf, answer="They spoke of an otter."):
    """
    Run the plan of *policy*, and give *answer* to each of its requests. Return the
    fitted view and the requests.
    """
    plan, asked = policy.plan(view, limit), []
    try:
        asked.append(next(plan))
        while True:
            asked.append(plan.send(answer))
    except StopIteration as done:
        return done.value, asked


def places(history, fitted):
    """
    For each fitted message, return its index in *history*, or None if the message is
    not in *history*.
    """
    found = {id(message): place for place, message in enumerate(history)}
    return [found.get(id(message)) for message in fitted]


def bound(history):
    """
    For each tool result, yield the index of its call, and the index of the result.
    """
    made = {}
    for place, message in enumerate(history):
        for one in message.get("tool_calls", ()):
            made[one["id"]] = place
        if message.get("tool_call_id") in made:
            yield made[message["tool_call_id"]], place


@pytest.mark.system
@policies
@settings(max_examples=60, deadline=None)
@given(history=histories, tokens=estimators, budget=budgets)
def test_fitted_history_is_in_order_and_has_all_messages_that_must_stay(
    policy, history, tokens, budget
):
    """
    For any history, a policy keeps the messages' order, all system messages, the last
    turn, and each tool result with its call. The fitted history and the policy's
    requests to the model are within the budget, unless messages that must stay exceed
    the budget.
    """
    history = [dict(message) for message in history]
    view = View.of(history, tokens)

    fitted, asked = run(policy(budget), view)

    left = places(history, fitted.messages)
    known = [place for place in left if place is not None]
    assert known == sorted(known)
    assert len(left) - len(known) <= 1
    users = [i for i, m in enumerate(history) if m["role"] == "user"]
    system = {i for i, m in enumerate(history) if m["role"] == "system"}
    assert system | set(range(users[-1] if users else 0, len(history))) <= set(known)
    for made, result in bound(history):
        assert (made in known) == (result in known)
    assert not fitted.droppable or fitted.total <= budget
    if fitted.total <= budget:
        assert tokens.count(fitted.messages) <= budget
    for question in asked:
        assert tokens.count(question.messages) <= budget * 3


@pytest.mark.system
@policies
@settings(max_examples=25, deadline=None)
@given(history=histories, tokens=estimators)
def test_history_within_the_budget_is_not_changed(policy, history, tokens):
    """
    If the whole history is within the budget, a policy changes nothing, sends the model
    no request, and ignores an earlier summary.
    """
    view = View.of(history, tokens, Summary("All that was.", 1))

    fitted, asked = run(policy(view.total), view)

    assert history == fitted.messages
    assert [] == asked


@pytest.mark.system
@settings(max_examples=100, deadline=None)
@given(history=histories, budget=budgets, upto=st.integers(0, 25))
def test_earlier_summary_replaces_its_turns_and_is_part_of_a_longer_summary(
    history, budget, upto
):
    """
    An earlier summary replaces the turns that it summarises. A new summary is written
    from the earlier summary and the turns after it.
    """
    history = [*history, say("user", "Hi")]
    known = Summary("Before.", min(upto, len(history) - 1))
    view = View.of(history, asi1.TokenEstimator(), known)

    fitted, asked = run(summarised(budget), view)

    if fitted.summary is known:
        covered = [turn for turn in view.droppable if turn.places[-1] < known.upto]
        assert not any(turn in fitted.turns for turn in covered)
    elif fitted.summary is not None:
        assert known.upto <= fitted.summary.upto or not asked
    for question in asked[:1]:
        assert "Before." in question.messages[1]["content"]


def conversation(turns, words=30):
    """Return a history of *turns* turns of equal length, followed by a question."""
    history = [say("system", "Be brief.")]
    for number in range(turns):
        history += [
            say("user", f"Question {number} " + "why " * words),
            say("assistant", f"Answer {number} " + "so " * words),
        ]
    return [*history, say("user", "Tell me of the otter.")]


def test_keep_newest_drops_the_oldest_turns_first():
    """
    `KeepNewest` drops the oldest turns of a history, and no more turns than necessary.
    """
    history = conversation(10)
    whole = asi1.TokenEstimator().count(history)

    fitted = asi1.KeepNewest(whole - 1).fit(history)

    assert [history[0], *history[3:]] == fitted


def test_drop_least_relevant_keeps_turns_similar_to_the_last_turn():
    """
    `DropLeastRelevant` keeps the turns that share words with the last turn.
    """
    history = conversation(10)
    history[3] = say("user", "The otter and its river: what does the otter eat?")

    fitted = asi1.DropLeastRelevant(150).fit(history)

    assert history[3:5] == fitted[1:3]
    assert len(fitted) < 8


def test_user_provided_score_decides_which_turns_are_dropped():
    """
    A score function of the user gets the messages of a turn and the messages of the
    last turn. The turns with the lowest scores are dropped.
    """
    history = conversation(6)
    seen = []

    def score(turn, last):
        seen.append((len(turn), last[0]["content"]))
        return -int(turn[0]["content"].split()[1])

    fitted = asi1.DropLeastRelevant(180, score=score).fit(history)

    assert [(2, "Tell me of the otter.")] * 6 == seen
    assert history[: len(fitted) - 1] == fitted[:-1]


@pytest.mark.parametrize("largest", [10**400, math.inf, True])
def test_score_beyond_the_range_of_float_is_accepted(largest):
    """
    A score may be larger than any float. The turn with this score is dropped last.
    """
    history = conversation(6)

    def score(turn, _):
        return largest if turn[0] == history[1] else 0

    fitted = asi1.DropLeastRelevant(180, score=score).fit(history)

    assert history[1] == fitted[1]
    assert len(fitted) < len(history)


def test_summarise_puts_the_summary_after_the_system_message():
    """
    `Summarise` asks the model for a summary of the oldest turns. The summary is put
    after the system message, and at least half of the budget stays free for later
    turns.
    """
    history = conversation(20)
    view = View.of(history, asi1.TokenEstimator())

    fitted, asked = run(asi1.Summarise(800, size=50), view)

    assert "Question 0" in asked[0].messages[1]["content"]
    assert history[0] == fitted.messages[0]
    assert "They spoke of an otter." in fitted.messages[1]["content"]
    assert "system" == fitted.messages[1]["role"]
    assert fitted.total <= 400


def test_long_history_is_summarised_in_several_requests():
    """
    A history that is too long for one request is summarised by several requests. Each
    later request contains the summary so far, and each request is within the budget.
    """
    history = conversation(60)
    tokens = asi1.TokenEstimator()

    fitted, asked = run(asi1.Summarise(500, size=50), View.of(history, tokens))

    assert len(asked) > 3
    assert all(tokens.count(q.messages) <= 500 for q in asked)
    assert all("otter" in q.messages[1]["content"] for q in asked[1:])
    summarised_text = "".join(q.messages[1]["content"] for q in asked)
    assert all(f"Question {n} " in summarised_text for n in range(50))
    assert fitted.total <= 500


@pytest.mark.parametrize("answer", ["", "  \n"])
def test_oldest_turns_are_dropped_if_the_summary_is_empty(answer):
    """
    If the model's summary is empty, the oldest turns are dropped without a summary.
    """
    history = conversation(20)
    view = View.of(history, asi1.TokenEstimator())

    fitted, asked = run(asi1.Summarise(800), view, answer=answer)

    assert 1 == len(asked)
    assert fitted.summary is None
    assert fitted.messages == asi1.KeepNewest(800).fit(history)
    assert fitted.messages == asi1.Summarise(800).fit(history)


def test_summary_longer_than_the_size_of_the_policy_is_cut():
    """
    A summary from the model is cut to the policy's ``size``, a number of tokens.
    """
    tokens = asi1.TokenEstimator()
    view = View.of(conversation(20), tokens)

    fitted, _ = run(asi1.Summarise(800, size=50), view, answer="otter " * 5000)

    assert tokens.cost(fitted.summary.message) <= 50


def test_composed_policies_are_applied_from_left_to_right():
    """
    In ``first | second`` the first policy is applied before the second, each with its
    own budget. ``(a | b) | c`` equals ``a | (b | c)``.
    """
    a, b = asi1.DropLeastRelevant(900), asi1.KeepNewest(400)
    c = asi1.Summarise(300)

    assert (a | b) | c == a | (b | c)
    assert 300 == (a | b | c).limit(math.inf)
    assert len((a | b).fit(conversation(20))) < len(a.fit(conversation(20)))
    with pytest.raises(TypeError):
        _ = a | 7


@pytest.mark.parametrize("budget", [0, -1, 1.5, "many", True])
def test_budget_that_is_not_a_positive_int_is_refused(budget):
    """
    A budget that is not a whole number of at least 1 is refused when the policy is
    created.
    """
    with pytest.raises(
        asi1.ArgumentError, match="budget: must be a whole number of at least 1"
    ):
        asi1.KeepNewest(budget)


def test_policy_shortens_a_refused_request_unless_retry_is_false():
    """
    If the server refuses a request as too long, a policy shortens it, unless ``retry``
    is False. ``retry`` is keyword-only, so that a subclass can have a second positional
    parameter.
    """
    assert asi1.KeepNewest().retry is True
    assert asi1.KeepNewest(5, retry=False).retry is False
    assert max is asi1.DropLeastRelevant(5, max).score
    with pytest.raises(TypeError):
        asi1.KeepNewest(5, False)


def test_composed_policy_is_bounded_if_each_of_its_parts_has_a_budget():
    """
    A policy is bounded, and works without the model's context size, if each policy in
    it has a budget.
    """
    free, bound = asi1.KeepNewest(), asi1.DropLeastRelevant(5)

    assert (False, True) == (free.bounded, bound.bounded)
    assert (False, True) == ((bound | free).bounded, (bound | bound).bounded)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_composed_policy_shortens_a_refused_request_if_one_policy_does(first, second):
    """
    If the server refuses a request as too long, ``first | second`` shortens the request
    if ``retry`` is True for either policy.
    """
    policies = [asi1.KeepNewest(9, retry=retry) for retry in (first, second)]

    assert (first or second) is (policies[0] | policies[1]).retry


UNSPACED = {
    "chinese": (
        ["长颈鹿吃什么", "它们吃树叶。"],
        ["今天天气好吗", "晴天。"],
        "长颈鹿多高",
    ),
    "japanese": (
        ["キリンは何を食べますか", "葉です"],
        ["今日の天気", "晴れ"],
        "キリンの首",
    ),
    "thai": (["ยีราฟกินอะไร", "ใบไม้"], ["อากาศวันนี้", "แดดออก"], "ยีราฟสูงเท่าไร"),
    "korean": (["기린은 무엇을", "나뭇잎"], ["오늘 날씨는", "맑음"], "기린의 키"),
    "hindi": (["जिराफ क्या खाता है", "पत्ते"], ["आज मौसम", "धूप"], "जिराफ की ऊंचाई"),
    "mixed": (["iPhone长颈鹿app", "树叶"], ["iPad天气app", "晴"], "长颈鹿"),
    "one-character": (["猫", "小动物"], ["狗", "大动物"], "猫"),
}


@pytest.mark.parametrize("language", UNSPACED)
@pytest.mark.parametrize("first", [0, 1])
def test_turn_in_a_script_without_blanks_is_kept_if_it_is_relevant(language, first):
    """
    `DropLeastRelevant` compares texts of scripts without blanks between words by their
    pairs of characters, so the turn with the same subject is kept.
    """
    *turns, last = UNSPACED[language]
    related = turns[0]
    turns = turns[first:] + turns[:first]
    history = [
        say(role, f"{text} " * 20)
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    for budget in range(2000, 10, -10):
        fitted = asi1.DropLeastRelevant(budget).fit([*history, say("user", last)])
        if len(fitted) < 5:
            break

    assert [f"{text} " * 20 for text in related] == [m["content"] for m in fitted[:2]]


def test_policy_without_a_budget_returns_all_messages():
    """
    A policy without a budget returns all messages from `fit`, since `fit` does not know
    the model's context size.
    """
    history = [say("user", f"message {n} " * 500) for n in range(2_000)]

    assert history == asi1.KeepNewest().fit(history)


@pytest.mark.parametrize("cls", [asi1.KeepNewest, asi1.DropLeastRelevant])
def test_history_with_as_many_tokens_as_the_budget_is_not_shortened(cls):
    """
    A history with exactly as many tokens as the budget keeps all turns. A longer
    history loses no more turns than necessary.
    """
    history = [say("user", "why?" * 10), say("assistant", "so. " * 10)] * 3
    history.append(say("user", "Why?"))
    tokens = asi1.TokenEstimator()

    assert history == cls(tokens.count(history)).fit(history)
    assert history[2:] == cls(tokens.count(history[2:])).fit(history)
    assert history[2:] == cls(tokens.count(history) - 1).fit(history)


def test_score_is_not_called_for_a_history_within_the_budget():
    """
    If the history is within the budget, no turn must be dropped, so the score function
    is not called.
    """
    history = conversation(3)
    budget = math.ceil(View.of(history, asi1.TokenEstimator()).total)
    policy = asi1.DropLeastRelevant(budget, score=lambda *_: pytest.fail("called"))

    assert history == policy.fit(history)


@pytest.mark.parametrize("score", ["high", None, [1]])
def test_score_that_is_not_a_number_is_refused(score):
    """
    A score function that returns a value other than a number raises `ArgumentError`.
    """
    policy = asi1.DropLeastRelevant(180, score=lambda *_: score)

    with pytest.raises(asi1.ArgumentError, match="score: must return a number"):
        policy.fit(conversation(6))


def test_long_turn_that_shares_a_word_is_less_relevant_than_a_short_turn():
    """
    Two turns share one word with the last turn. The longer turn is dropped,
    even if it is newer. The word counts even at the end of a message.
    """
    long = " ".join(f"word{number}" for number in range(20))
    history = [
        *(say("user", "Tell me of the otter"), say("assistant", "Yes")),
        *(say("user", f"{long} otter"), say("assistant", "Yes")),
        say("user", "Where is an otter?"),
    ]
    budget = asi1.TokenEstimator().count(history) - 1

    fitted = asi1.DropLeastRelevant(budget).fit(history)

    assert [*history[:2], history[4]] == fitted


def test_turn_without_words_is_dropped_before_a_turn_that_shares_a_word():
    """
    A turn without words, such as "?", is dropped before a turn that shares a word with
    the last turn.
    """
    history = [
        *(say("user", "otter"), say("assistant", "Yes")),
        *(say("user", "?"), say("assistant", "!")),
        say("user", "otter"),
    ]
    budget = asi1.TokenEstimator().count(history) - 1

    fitted = asi1.DropLeastRelevant(budget).fit(history)

    assert [*history[:2], history[4]] == fitted


class Counted(UserDict):
    """A message that counts how often each of its keys is read."""

    def __init__(self, message, reads):
        super().__init__(message)
        self.reads = reads

    def __getitem__(self, key):
        self.reads[key] += 1
        return super().__getitem__(key)


def counted_plan(policy, turns):
    """
    Return two counts: how many keys a plan reads in all messages but the last, and how
    many it reads in the last.
    """
    everything, last = Counter(), Counter()
    history = [Counted(message, everything) for message in conversation(turns)]
    history[-1].reads = last
    view = View.of(history, asi1.TokenEstimator())
    run(policy(view.total // 2), view)
    return everything.total(), last.total()


@pytest.mark.system
@policies
def test_work_of_a_policy_grows_in_proportion_to_the_history(policy):
    """
    For a history four times as long, a policy reads at most four times as many keys of
    messages. It reads the last message equally often, since the words of this message
    are found only once.
    """
    reads, last_reads = counted_plan(policy, 100)

    reads_of_four, last_reads_of_four = counted_plan(policy, 400)

    assert reads_of_four <= 4 * reads
    assert last_reads == last_reads_of_four


def test_score_is_called_once_for_each_turn_that_may_be_dropped():
    """
    A user-provided score function is called once for each turn that may be dropped.
    """
    turns = []
    policy = asi1.DropLeastRelevant(900, score=lambda turn, _: turns.append(turn) or 0)

    policy.fit(conversation(50))

    assert 50 == len(turns) == len({turn[0]["content"] for turn in turns})


class Encoded(str):
    """A string that counts how often it is encoded to bytes."""

    __slots__ = ("encoded",)

    def __init__(self, _):
        self.encoded = 0

    def encode(self, *how):
        self.encoded += 1
        return super().encode(*how)


def test_each_turn_of_a_transcript_is_encoded_once_to_measure_its_length():
    """
    To measure its length, each turn of a transcript is encoded once, however many turns
    come before it. The first turn is encoded a second time, to be cut.
    """
    turns = [Encoded(f"user: question {number}") for number in range(50)]

    taken = summarise._take_parts(deque(turns), 10_000)

    assert "\n\n".join(turns) == taken
    assert [2] + [1] * 49 == [turn.encoded for turn in turns]
