"""The estimate of tokens, against counters that it knows nothing of."""

from __future__ import annotations

import functools
import math
import random
import re

import pytest

import asi1

from asi1._protocol.context.tokens import size_of


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
    """Count pieces as a tokenizer of words and parts of words would."""
    count = 0
    for word in re.findall(r"[a-zA-Z]+|\d{1,3}|[一-鿿]|[^\W\d_]+|\s{2,}|[^\w\s]", text):
        if word.isalpha() and not "一" <= word[0] <= "鿿":
            count += math.ceil(len(word) / (5 if word.isascii() else 3))
        else:
            count += 1
    return count


def counted(messages, hidden):
    return hidden + sum(pieces(message["content"]) + 5 for message in messages)


def conversation(languages, dice):
    """Yield what the requests of a growing conversation hold."""

    def said(most):
        words = TEXTS[dice.choice(languages)]
        return " ".join(dice.choice(words) for _ in range(dice.randint(3, most)))

    messages = [{"role": "system", "content": "Be brief."}]
    for _ in range(25):
        messages.append({"role": "user", "content": said(60)})
        yield list(messages)
        messages.append({"role": "assistant", "content": said(250)})


# What greetings have cost beside their text, from the first service to today's.
@pytest.mark.parametrize("hidden", [39, 435, 2105])
@pytest.mark.parametrize(
    "languages", [*([name] for name in TEXTS), ["English", "code"]], ids="+".join
)
def test_the_estimate_is_near_after_ten_turns(languages, hidden):
    """
    After ten turns with reported usage the estimate of the next is within 10 %, with
    any hidden prompt and in any language.
    """
    for seed in range(4):
        tokens = asi1.TokenEstimator()
        for turn, messages in enumerate(conversation(languages, random.Random(seed))):
            true = counted(messages, hidden)
            if turn >= 10:
                assert tokens.count(messages) == pytest.approx(true, rel=0.1)
            tokens = tokens.learn(messages, true)


def test_a_changed_hidden_prompt_is_learned():
    """
    A hidden prompt that grows is in the estimate three turns later, and one report out
    of line is not.
    """
    turns = list(conversation(["English"], random.Random(1)))
    tokens = asi1.TokenEstimator()
    for turn, messages in enumerate(turns[:14]):
        tokens = tokens.learn(messages, counted(messages, 100 if turn < 10 else 900))
    odd = tokens.learn(turns[14], 50_000)

    for learned in (tokens, odd):
        true = counted(turns[15], 900)
        assert learned.count(turns[15]) == pytest.approx(true, rel=0.1)
    assert odd.slack > 10_000


def test_before_any_report_four_letters_are_a_token():
    """
    An estimator that knows nothing takes a quarter of the bytes, and four a message.
    """
    tokens = asi1.TokenEstimator()

    assert 0 == tokens.count([])
    assert 14 == tokens.count([{"role": "user", "content": "x" * 40}])
    assert 24 == tokens.count([{"role": "user", "content": "é" * 40}])
    assert tokens is tokens.learn([{"role": "user", "content": "x"}], 0)
    assert 0 == tokens.slack


def test_no_more_is_kept_than_is_used():
    """
    An estimator remembers its newest samples and one of each size, not all.
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
def test_the_size_of_a_message_is_what_it_says(message, size):
    """
    A message's size counts its texts and calls in bytes, and a picture as one size,
    whatever the length of its URL.
    """
    assert size == size_of(message)
