"""``client.get``, ``post``, ``put``, ``patch`` and ``delete``."""

from __future__ import annotations

import pytest

import asi1


class Things:
    """A class with the method of pydantic's models that reads JSON data."""

    def __init__(self, data):
        self.data = data

    @classmethod
    def model_validate(cls, value):
        return cls(value["data"])


@pytest.fixture
def fake(fake):
    fake.reply_json({"data": [1]}, times=9)
    return fake


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete"])
async def test_http_verb_methods_send_their_body(fake, fake_client, verb):
    """
    Each verb but `get` sends its body as JSON, and returns the reply.
    """
    reply = await getattr(fake_client, verb)("/things", body={"a": 1})

    assert {"data": [1]} == reply.json()
    assert b'{"data":[1]}' == reply.read().replace(b" ", b"")
    assert (200, "application/json") == (
        reply.status_code,
        reply.headers["Content-Type"],
    )
    (request,) = fake.requests
    assert (verb.upper(), "/v1/things") == (request.method, request.path)
    assert {"a": 1} == request.json


@pytest.mark.parametrize(
    ("cast_to", "value"),
    [
        (dict, {"data": [1]}),
        (dict[str, object], {"data": [1]}),
        (object, {"data": [1]}),
        (list, {"data": [1]}),
    ],
)
async def test_cast_to_a_type_of_json_returns_the_data(fake_client, cast_to, value):
    """
    If ``cast_to`` is a type of JSON data, such as dict, the parsed JSON of the reply is
    returned.
    """
    assert value == await fake_client.get("/things", cast_to=cast_to)


async def test_cast_to_str_bytes_or_a_pydantic_model_converts_the_reply(fake_client):
    """
    If ``cast_to`` is str, bytes or a model of pydantic, the reply is converted to it;
    any other type is ignored.
    """
    things = await fake_client.get("/things", cast_to=Things)
    reply = await fake_client.get("/things", cast_to=int)

    assert [1] == things.data
    assert reply.text == await fake_client.get("things", cast_to=str)
    assert reply.content == await fake_client.get("/things", cast_to=bytes)
    assert isinstance(reply, asi1.RawReply)


async def test_options_have_the_names_of_openais_client_or_of_asi1(fake, fake_client):
    """
    The argument *options* is a dict with the names of OpenAI's client; the options as
    keyword arguments have the names of `RequestOptions`.
    """
    options = {"headers": {"x-a": "b"}, "params": {"v": 1}, "extra_json": {"c": 2}}
    await fake_client.post("/things", body={"a": 1}, options=options, timeout=60)
    await fake_client.get("/things", extra_headers={"x-a": "d"})

    one, two = fake.requests
    assert ("b", "v=1", {"a": 1, "c": 2}) == (one.headers["x-a"], one.query, one.json)
    assert ("d", b"") == (two.headers["x-a"], two.body)


def test_blocking_http_verb_methods_return_the_reply(fake, blocking_client):
    """
    The blocking client has the verbs of the async client, and refuses the same
    arguments.
    """
    assert {"data": [1]} == blocking_client.post("/things", body=[1], cast_to=dict)
    assert 200 == blocking_client.get("/things").status_code
    with pytest.raises(asi1.ArgumentError, match="options: must be a dict"):
        blocking_client.get("/things", options=[1])
    with pytest.raises(asi1.ArgumentError, match="json: is called body"):
        blocking_client.post("/things", json={})
    with pytest.raises(asi1.ArgumentError, match="stream: unknown option"):
        blocking_client.get("/things", options={"stream": True})

    assert [1] == fake.requests[0].json
