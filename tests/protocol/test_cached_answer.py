"""What a cache stores: keys of requests, answers that may be cached, their bytes."""

import attrs
import pytest

from asi1 import (
    ChatChoice,
    ChatCompletion,
    ChatMessage,
    FunctionCall,
    GeneratedImage,
    GeneratedImages,
    RetryPolicy,
    Timeouts,
    ToolCall,
)
from asi1._protocol.cached_answer import KeptReply, cache_key, may_be_kept, pack, unpack
from asi1._protocol.request import Request
from asi1._settings.secret import Secret


KEY = Secret("sk-0123456789abcdef")
REQUEST = Request(
    method="POST",
    url="https://api.example/v1/chat/completions?region=eu",
    headers={"accept": "application/json", "user-agent": "a/1", "x-tenant": "7"},
    body=b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":1}',
    stream=False,
    timeouts=Timeouts(),
    retry=RetryPolicy(),
)
URL = REQUEST.url


def key(secret=KEY, headers=None, **changes):
    merged = {**REQUEST.headers, **(headers or {})}
    return cache_key(attrs.evolve(REQUEST, headers=merged, **changes), secret)


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": Secret("sk-another-key-of-mine")},
        {"url": f"{URL}&api_key=abc"},
        {"url": f"{URL}&access_token=abc"},
        {"body": REQUEST.body.replace(b"}]", b"} ]")},
        {"body": b'{"seed":1,' + REQUEST.body[1:].replace(b',"seed":1', b"")},
        {"body": REQUEST.body.replace(b"}", b"}", 1)[:-1] + b',"stream":true}'},
        {"body": REQUEST.body.replace(b'"seed":1', b'"seed":1.0')},
        {"idempotency_key": "auto"},
        {"max": 1},
        *(
            {"headers": {name: "new"}}
            for name in [
                *("accept", "user-agent", "authorization", "x-api-key", "cookie"),
                *("idempotency-key", "x-session-id", "traceparent", "x-auth-token"),
            ]
        ),
    ],
)
def test_requests_for_the_same_answer_have_the_same_cache_key(changes):
    """
    Credentials, ids that are new in each call, the order of the body's fields, and
    streaming do not change the cache key of a request.
    """
    changes.pop("max", None)

    assert key() == key(**changes)
    assert 64 == len(key())


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"url": "https://other.example/v1/chat/completions?region=eu"},
        {"url": URL.replace("eu", "us")},
        {"url": f"{URL}&max_tokens=5"},
        {"headers": {"x-tenant": "8"}},
        {"headers": {"accept-language": "nb"}},
        {"headers": {"x-max-tokens": "8"}},
        {"body": REQUEST.body.replace(b"Hi", b"Ho")},
        {"body": REQUEST.body.replace(b'"seed":1', b'"seed":2')},
        {"body": REQUEST.body.replace(b'"seed":1', b'"seed":18446744073709551617')},
        {"body": None},
    ],
)
def test_requests_that_differ_have_different_cache_keys(changes):
    """
    Each part of a request that may change the answer changes the cache key.
    """
    assert key() != key(**changes)


def test_integers_that_are_equal_as_floats_have_different_cache_keys():
    """
    Two integers that are the same as floats make different keys.
    """
    one, two = (
        REQUEST.body.replace(b'"seed":1', b'"seed":%d' % (2**64 + more))
        for more in (1, 2)
    )

    assert key(body=one) != key(body=two)


def test_api_key_in_the_body_does_not_change_the_cache_key():
    """
    A request whose body contains the API key has the same cache key after the API key
    was replaced by a new one.
    """
    keys = [
        key(Secret(secret), body=b'{"model":"m","my_key":"%b"}' % secret.encode())
        for secret in ("sk-0123456789abcdef", "sk-fedcba9876543210")
    ]

    assert keys[0] == keys[1]


def answer(text="Hello", finish="stop", choices=1, **message):
    said = ChatMessage(content=text, **message)
    choice = ChatChoice(message=said, finish_reason=finish)
    return ChatCompletion(choices=(choice,) * choices)


def call(arguments, name="f"):
    function = FunctionCall(name=name, arguments=arguments)
    return {
        "text": "",
        "finish": "tool_calls",
        "tool_calls": (ToolCall(id="1", function=function),),
    }


def images(*each):
    return GeneratedImages(images=each)


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        pytest.param(answer(), True, id="whole"),
        pytest.param(answer(finish="STOP"), True, id="upper-case"),
        pytest.param(answer(finish="end_turn"), True, id="other-word"),
        pytest.param(answer(**call('{"a": 1}')), True, id="tool-call"),
        pytest.param(answer(**call("")), True, id="tool-call-without-arguments"),
        pytest.param(answer(**call('{"a": 1')), False, id="cut-tool-call"),
        pytest.param(answer(**call("[1]")), False, id="arguments-not-object"),
        pytest.param(answer(**call("{}", "")), False, id="tool-call-without-name"),
        pytest.param(answer(""), False, id="empty"),
        pytest.param(answer(" \n"), False, id="white-space"),
        pytest.param(answer(finish=None), False, id="no-finish-reason"),
        pytest.param(answer(refusal="No."), False, id="refused"),
        pytest.param(answer("I've sent the message."), False, id="deferred"),
        pytest.param(answer(choices=0), False, id="no-choice"),
        *(
            pytest.param(answer(finish=reason), False, id=reason)
            for reason in ("length", "max_tokens", "content_filter", "error", "otter")
        ),
        pytest.param(images(GeneratedImage(data=b"\x89PNG")), True, id="image"),
        pytest.param(images(GeneratedImage(url="https://a.b")), False, id="image-url"),
        pytest.param(images(GeneratedImage(data=b"")), False, id="image-empty"),
        pytest.param(images(), False, id="no-image"),
    ],
)
def test_only_complete_answers_and_images_with_data_are_cached(result, kept):
    """
    The cache stores answers that ended normally with a text or complete tool calls, and
    images whose data the server sent. An image that is only a URL is not stored.
    """
    assert kept is may_be_kept(result, 1)


def test_answer_with_fewer_choices_than_requested_is_not_cached():
    """
    An answer is cached only if it has as many choices as the request asked for, and if
    each of them is complete.
    """
    two = answer(choices=2)
    half = attrs.evolve(two, choices=(two.choices[0], answer("").choices[0]))

    assert may_be_kept(two, 2)
    assert not may_be_kept(answer(), 2)
    assert not may_be_kept(half, 2)


REPLY = KeptReply(200, {"content-type": "application/json"}, b'{"a":\n"b"}\n')


def test_packed_reply_is_unpacked_unchanged():
    """
    A reply is the same after it was packed and unpacked, except that headers about a
    single reply, such as its rate limits, are removed.
    """
    headers = {**REPLY.headers, "x-ratelimit-remaining-tokens": "5", "date": "now"}

    assert REPLY == unpack(pack(REPLY))
    assert REPLY == unpack(pack(attrs.evolve(REPLY, headers=headers)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"\xff\xfe\n{}",
        b"null\n",
        b"[1]\n{}",
        b"[" * 100_000,
        pack(REPLY)[:-1],
        pack(REPLY) + b" ",
        pack(REPLY).replace(b"b", b"c", 1),
        pack(REPLY).replace(b'"asi1": 1', b'"asi1": 2'),
        pack(REPLY).replace(b"200", b"500"),
        pack(REPLY).replace(b"200", b'"x"'),
        pack(REPLY).replace(b'{"content-type": "application/json"}', b"5"),
    ],
)
def test_bytes_that_are_not_a_packed_reply_are_not_unpacked(data):
    """
    `unpack` returns None for bytes that were cut, changed, or written by another
    program or version.
    """
    assert unpack(data) is None
