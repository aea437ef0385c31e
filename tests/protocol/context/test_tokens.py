"""
Token estimates, compared with the true counts of tokenizers that the estimator does not
know.
"""

from __future__ import annotations

import functools
import math
import random
import re

import pytest

import asi1

from asi1._protocol.context.tokens import CONTEXT_SIZES, size_of


TEXTS = {
    "English": re.split(
        " ",
        "Giraffes are fascinating creatures known for their towering height and"
        " distinctive long necks, ranging from 14 to 19 feet.",
    ),
    "German": re.split(
        " ",
        "Die Geschwindigkeitsbegrenzung auf Autobahnen soll weiterhin nicht verändert"
        " werden; die Öffentlichkeit diskutiert darüber.",
    ),
    "code": [
        "def f(x):\n    return x + 1\n",
        "for i in range(10):\n    print(i, end='')\n",
        '{"key": [1, 2, 3], "name": "otter"}\n',
    ],
    "Russian": re.split(" ", "Жирафы являются самыми высокими животными планеты."),
    "Chinese": [
        char + "\uff0c" for char in "长颈鹿是陆地上最高的动物它们生活在非洲的草原上"
    ],
}


@functools.cache
def pieces(text):
    """
    Return the number of tokens in *text*, counted by a simple tokenizer that splits
    text into words and parts of words.
    """
    count = 0
    for word in re.findall(r"[a-zA-Z]+|\d{1,3}|[一-鿿]|[^\W\d_]+|\s{2,}|[^\w\s]", text):
        if word.isalpha() and not "一" <= word[0] <= "鿿":
            count += math.ceil(len(word) / (5 if word.isascii() else 3))
        else:
            count += 1
    return count


def true_count(messages, hidden):
    return hidden + sum(pieces(message["content"]) + 5 for message in messages)


def conversation(languages, rng):
    """Yield the messages of each request in a conversation of 25 turns."""

    def sentence(most):
        words = TEXTS[rng.choice(languages)]
        return " ".join(rng.choice(words) for _ in range(rng.randint(3, most)))

    messages = [{"role": "system", "content": "Be brief."}]
    for _ in range(25):
        messages.append({"role": "user", "content": sentence(60)})
        yield list(messages)
        messages.append({"role": "assistant", "content": sentence(250)})


# Token counts of the hidden prompts that the API's server has added over the years.
@pytest.mark.system
@pytest.mark.parametrize("hidden", [39, 435, 2105])
@pytest.mark.parametrize(
    "languages", [*([name] for name in TEXTS), ["English", "code"]], ids="+".join
)
def test_token_estimate_is_within_ten_percent_after_ten_turns(languages, hidden):
    """
    After ten turns with reported usage, the next token estimate is within 10 % of the
    true count, for any language and any hidden prompt that the server adds.
    """
    for seed in range(4):
        tokens = asi1.TokenEstimator()
        for turn, messages in enumerate(conversation(languages, random.Random(seed))):
            true = true_count(messages, hidden)
            if turn >= 10:
                assert tokens.count(messages) == pytest.approx(true, rel=0.1)
            tokens = tokens.learn(messages, true)


def test_growth_of_the_hidden_prompt_is_learned_in_a_few_turns():
    """
    If the hidden prompt that the server adds grows, token estimates include the growth
    after a few turns. A single usage report that differs widely from the others is
    ignored.
    """
    turns = list(conversation(["English"], random.Random(1)))
    tokens = asi1.TokenEstimator()
    for turn, messages in enumerate(turns[:14]):
        tokens = tokens.learn(messages, true_count(messages, 100 if turn < 10 else 900))
    odd = tokens.learn(turns[14], 50_000)

    for learned in (tokens, odd):
        true = true_count(turns[15], 900)
        assert learned.count(turns[15]) == pytest.approx(true, rel=0.1)
    assert odd.slack > 10_000


def test_first_estimate_is_a_quarter_of_the_bytes_plus_four_per_message():
    """
    Before the first reported usage, a token estimate is a quarter of the bytes, plus
    four tokens for each message.
    """
    tokens = asi1.TokenEstimator()

    assert 0 == tokens.count([])
    assert 14 == tokens.count([{"role": "user", "content": "x" * 40}])
    assert 24 == tokens.count([{"role": "user", "content": "é" * 40}])
    assert tokens is tokens.learn([{"role": "user", "content": "x"}], 0)
    assert 0 == tokens.slack


def test_token_estimator_keeps_a_bounded_number_of_samples():
    """
    A sample is the size and token count of one request. An estimator keeps its newest
    samples and, of the older ones, only a few that differ in size.
    """
    tokens = asi1.TokenEstimator()
    for number in [*range(1, 100), *[2000] * 100]:
        tokens = tokens.learn([{"role": "user", "content": "x" * number}], number + 4)

    assert 24 == len(tokens.samples)
    assert (2000, 1, 2004) == tokens.samples[-1]
    assert 1.0 == pytest.approx(tokens.slope)
    assert 0.0 == pytest.approx(tokens.hidden)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        ({"role": "user", "content": "Hallo"}, 5),
        ({"role": "assistant", "content": None}, 0),
        ({"role": "user", "content": [{"type": "text", "text": "Hi"}]}, 2),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, 4000),
        ({"role": "user", "content": "\ud800"}, 3),
        ({"role": "tool", "content": "1", "tool_call_id": "abc"}, 4),
        ({"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}, 10),
    ],
)
def test_size_of_a_message_is_its_bytes_plus_a_constant_per_image(message, size):
    """
    The size of a message is the number of bytes of its texts and tool calls. Each image
    adds the same constant, however long its URL is.
    """
    assert size == size_of(message)


USER = {"role": "user", "content": "x" * 40}


@pytest.mark.parametrize(
    ("samples", "slope"),
    [
        pytest.param([(1000, 0)], 0.25, id="one-sample"),
        pytest.param([(1000, 0), (1000, 400)], 0.25, id="equal-sizes"),
        pytest.param([(1000, 0), (1499, 499)], 0.25, id="too-alike"),
        pytest.param([(1000, 0), (1500, 500)], 0.25, id="as-heavy-as-the-rule"),
        pytest.param([(1000, 0), (1500, 50)], 0.1, id="as-heavy-and-lower"),
        pytest.param([(1000, 0), (1501, 501)], 1.0, id="unlike"),
        pytest.param([(1501, 501), (1000, 0)], 1.0, id="other-order"),
        pytest.param([(1000, 0), (3000, 6000)], 2.0, id="above-the-bound"),
        pytest.param([(1000, 0), (3000, 10)], 0.05, id="below-the-bound"),
        pytest.param([(0, 0), (900, 900), (1800, 1800)], 1.0, id="three"),
    ],
)
def test_tokens_per_byte_are_a_weighted_median_over_pairs_of_samples(samples, slope):
    """
    Each pair of samples gives a number of tokens per byte, weighted by the difference
    of their bytes. The estimate is the weighted median of these numbers and of 0.25,
    which has the weight 500. The estimate is at least 0.05 and at most 2.
    """
    counted = [(size, 1, tokens + 4) for size, tokens in samples]

    assert pytest.approx(slope) == asi1.TokenEstimator(tuple(counted)).slope


@pytest.mark.parametrize(
    ("surplus", "hidden", "slack"),
    [
        pytest.param([100], 100, 0, id="one"),
        pytest.param([0, 20], 10, 10, id="two"),
        pytest.param([1000, 10, 20, 30, 40, 50], 30, 20, id="newest-five"),
        pytest.param([-9], 0, 0, id="fewer-than-estimated"),
        pytest.param([-9, -5], 0, 0, id="never-negative"),
    ],
)
def test_hidden_prompt_is_the_median_of_counted_minus_estimated_tokens(
    surplus, hidden, slack
):
    """
    The tokens of the hidden prompt are estimated as the median of counted minus
    estimated tokens in the newest five samples. The safety margin is the largest excess
    over this median, plus 1 % of the last request.
    """
    samples = tuple((40, 1, 14 + more) for more in surplus)

    tokens = asi1.TokenEstimator(samples)

    assert hidden == tokens.hidden
    assert pytest.approx(slack + samples[-1][2] / 100) == tokens.slack


def test_fixed_bytes_are_added_to_each_estimate_and_each_sample():
    """
    Every request contains the same ``fixed`` bytes. These bytes are part of each token
    estimate and of each sample that the estimator learns.
    """
    tokens = asi1.TokenEstimator(fixed=400)

    assert (100, 100, 114) == (tokens.base, tokens.count([]), tokens.count([USER]))
    assert ((440, 1, 120),) == tokens.learn([USER], 120).samples
    assert 14 == tokens.cost(USER)


def test_estimate_of_a_request_is_rounded_up_to_whole_tokens():
    """
    An estimate of a request is rounded up to whole tokens.
    """
    message = {"role": "user", "content": "x" * 41}

    assert 14.25 == asi1.TokenEstimator().cost(message)
    assert 15 == asi1.TokenEstimator().count([message])
    assert 57 == asi1.TokenEstimator().count([message] * 4)


@pytest.mark.parametrize(
    ("count", "learned"), [(0, 0), (1, 1), (200084, 1), (200085, 0), (-1, 0)]
)
def test_estimator_does_not_learn_an_implausible_token_count(count, learned):
    """
    An estimator does not learn a token count below 1, or a count that would mean a
    hidden prompt of more than 200,000 tokens.
    """
    assert learned == len(asi1.TokenEstimator().learn([USER], count).samples)


def test_estimator_keeps_an_older_sample_for_each_power_of_two_in_bytes():
    """
    An estimator keeps the newest 16 samples. Older samples are divided into classes of
    sizes, whose bounds are powers of two in bytes; the newest sample of each class is
    kept.
    """
    tokens = asi1.TokenEstimator()
    for size in (3, 4, 5, 8, *[100] * 16):
        message = {"role": "user", "content": "x" * size}
        tokens = tokens.learn([message], size + 50)

    assert [3, 5, 8, *[100] * 16] == [size for size, _, _ in tokens.samples]


def test_context_size_of_each_model_is_in_the_public_table():
    """
    The context size of each model is the one in the public table `MODELS`.
    """
    assert {name: info.context for name, info in asi1.MODELS.items()} == CONTEXT_SIZES
