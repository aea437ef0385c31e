"""Reading the request lines of a batch."""

from __future__ import annotations

import json

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._protocol.batch.request_lines import read_request, request_of
from asi1._protocol.request import draft_chat
from asi1._settings.config import ClientConfig
from asi1._settings.secret import Secret


BODY = {"messages": [{"role": "user", "content": "Hi"}]}
URL = "/v1/chat/completions"
VALUES = st.recursive(
    st.sampled_from([None, True, 1, 2**70, "", "\u00fc", "1"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


def line(custom_id="a", *, method="POST", url=URL, body=BODY, **other):
    """Return a request line without the fields that are given as ``...``."""
    value = {"custom_id": custom_id, "method": method, "url": url, "body": body}
    given = {k: v for k, v in {**value, **other}.items() if v is not ...}
    return json.dumps(given).encode() + b"\n"


def read(data, model=None):
    return read_request(data, model=model, default_model="asi1-mini")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"not JSON", "is not valid JSON"),
        (b'{"custom_id": "a"', "is not valid JSON"),
        (b'{"custom_id": NaN}', "is not valid JSON"),
        (b"[" * 5000, "is not valid JSON"),
        (b'{"custom_id": "\xfc"}', "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (line(...), "has no custom_id"),
        (line(""), "has no custom_id"),
        (line(None), "has no custom_id"),
        (line(7), "has a custom_id that is not a str"),
        (line("\ud800"), "contains a lone surrogate"),
        (line(method=...), 'needs "method": "POST"'),
        (line(method="GET"), 'needs "method": "POST"'),
        (line(url="/v1/embeddings"), f'needs "url": "{URL}"'),
        (line(url=...), f'needs "url": "{URL}"'),
        (line(body=...), "has no body that is a JSON object"),
        (line(body="Hi"), "has no body that is a JSON object"),
        (line(body={}), "has no messages in its body"),
        (line(body={"messages": "Hi"}), "has no messages in its body"),
        (line(body={"messages": []}), "has no messages in its body"),
        (line(body={"messages": ["Hi"]}), "has a message that is not a JSON object"),
        (line(body={**BODY, "stream": True}), "asks for a stream, which a batch"),
        (line(body={**BODY, "model": 7}), "has a model that is not a non-empty str"),
        (line(body={**BODY, "user": "\udc80"}), "contains a lone surrogate"),
    ],
)
def test_line_that_is_not_a_request_is_refused_with_the_reason(data, problem):
    """
    A line that a batch cannot send is refused, and the error gives the reason.
    """
    with pytest.raises(ValueError, match="^" + problem.replace("{", r"\{")):
        read(data)


@pytest.mark.parametrize(
    ("own", "given", "sent"),
    [
        (..., None, "asi1-mini"),
        (None, None, "asi1-mini"),
        ("gpt-4o", None, "gpt-4o"),
        ("gpt-4o", "asi1", "asi1"),
    ],
)
def test_model_of_a_batch_overrides_the_model_of_a_line(own, given, sent):
    """
    If a batch sets a model, all its requests use this model. Otherwise a request uses
    the model of its line or, if the line names none, the client's model.
    """
    body = BODY if own is ... else {**BODY, "model": own}

    assert sent == read(line(body=body), given).body["model"]


@settings(max_examples=50)
@given(first=VALUES, second=VALUES)
def test_hash_of_a_request_differs_exactly_if_custom_id_or_body_differs(first, second):
    """
    The hash of a request depends on its custom id and on the values of its body. The
    order of keys and other fields of the line do not matter.
    """
    one = read(line(body={**BODY, "user": first}))
    two = read(line(body={"user": second, **BODY}, note="else"))
    other_id = read(line("b", body={**BODY, "user": first}))

    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert same == (one.digest == two.digest)
    assert one.digest != other_id.digest
    assert 32 == len(one.digest)


def test_line_with_crlf_unknown_fields_and_a_long_integer_is_read():
    """
    A line may end in CR LF, and may have fields that asi1 does not know. A long integer
    in the body stays exact.
    """
    body = {**BODY, "seed": 2**70, "stream": False}

    found = read(line("\u00fc\x1b", body=body, more=1).strip() + b"\r\n")

    assert ("\u00fc\x1b", 2**70) == (found.custom_id, found.body["seed"])


def test_all_fields_of_a_body_are_sent_and_override_the_clients_options():
    """
    The HTTP request has all fields of the request line's body, even those that asi1
    does not know. These fields override the client's default options.
    """
    config = ClientConfig(
        api_key=Secret("sk-test"), options={"temperature": 1.0, "seed": 1}
    )
    draft = draft_chat(config, model=None, stream=False, options={})
    body = {**BODY, "model": "m", "seed": 2, "logit_bias": {"5": 1}, "n": 3}

    request = request_of(draft, body)

    wanted = {**body, "temperature": 1.0}
    assert wanted == json.loads(request.body)
    assert (3, False) == (request.choices, request.stream)
    assert request.url.endswith("/v1/chat/completions")
