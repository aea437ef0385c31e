"""`parse` of the async client: answers that become values of a Python type."""

from __future__ import annotations

import pickle

import attrs
import pytest

import asi1


pytestmark = pytest.mark.virtual_time


@attrs.frozen
class Kid:
    """A child."""

    name: str
    age: int


@attrs.frozen
class Family:
    """A family and its town."""

    kids: list[Kid]
    town: str | None = None


GOOD = '{"kids": [{"name": "Ada", "age": 3}], "town": null}'
BAD = '{"kids": [{"name": "Ada", "age": "three"}], "town": null}'
ADA = Family([Kid("Ada", 3)])
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


async def parse(client, **options):
    given = {"messages": "Who?", "response_format": Family, **options}
    return await client.chat.completions.parse(**given)


async def test_parse_returns_the_answer_with_its_value(fake, fake_client):
    """
    `parse` returns the complete answer; its `parsed` is an object of the given class.
    """
    fake.reply(GOOD, usage=USAGE)

    answer = await parse(fake_client, temperature=0)

    assert ADA == answer.parsed
    assert (GOOD, 8, "stop") == (
        answer.text,
        answer.usage.total_tokens,
        answer.finish_reason,
    )
    assert () == answer.parsed_from == answer.earlier
    assert 200 == answer.response.status
    assert 8 == answer.total_usage.total_tokens
    assert ADA == pickle.loads(pickle.dumps(answer)).parsed
    assert "parsed" not in answer.to_dict()


async def test_parse_asks_for_json_with_the_schema_of_the_type(fake, fake_client):
    """
    The request of `parse` has the strict JSON Schema of the type, named after the type,
    and the other options unchanged.
    """
    fake.reply(GOOD)

    await parse(fake_client, temperature=0)

    body = fake.requests[0].json
    form = body["response_format"]["json_schema"]
    assert ("json_schema", "Family", True, 0) == (
        body["response_format"]["type"],
        form["name"],
        form["strict"],
        body["temperature"],
    )
    assert ["kids", "town"] == form["schema"]["required"]
    assert form["schema"]["additionalProperties"] is False
    assert "A family and its town." == form["schema"]["description"]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        pytest.param(f"```json\n{GOOD}\n```", ("fence",), id="fence"),
        pytest.param(f"Here it is: {GOOD} Bye.", ("text",), id="sentences"),
        pytest.param(GOOD.replace("}]", "},]"), ("trailing comma",), id="comma"),
    ],
)
async def test_field_parsed_from_names_what_was_removed_from_the_answer(
    fake, fake_client, text, cut
):
    """
    A model that ignores the schema may write a Markdown fence or sentences around the
    JSON, or trailing commas in it. `parsed_from` names what was removed.
    """
    fake.reply(text)

    answer = await parse(fake_client)

    assert (ADA, cut) == (answer.parsed, answer.parsed_from)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(
            {"text": GOOD[:20], "finish_reason": "length"},
            asi1.OutputTruncatedError,
            id="cut-off",
        ),
        pytest.param(
            {"text": GOOD, "finish_reason": "length"},
            asi1.OutputTruncatedError,
            id="cut-off-after-the-value",
        ),
        pytest.param(
            {"text": GOOD[:20]}, asi1.OutputTruncatedError, id="cut-off-but-stop"
        ),
        pytest.param(
            {"text": "", "thoughts": ["Hm."], "finish_reason": "length"},
            asi1.ThoughtBudgetError,
            id="only-thoughts",
        ),
        pytest.param(
            {"text": "", "finish_reason": "content_filter"},
            asi1.OutputRefusedError,
            id="content-filter",
        ),
        pytest.param({"text": "No."}, asi1.OutputInvalidError, id="not-json"),
        pytest.param({"text": "[]"}, asi1.OutputInvalidError, id="another-type"),
        pytest.param({"text": ""}, asi1.OutputInvalidError, id="empty"),
    ],
)
async def test_answer_without_a_valid_value_raises_an_error_with_the_answer(
    fake, fake_client, reply, error
):
    """
    If an answer is cut off, refused or of another type, `parse` raises an error that
    has the answer's text and the complete `ChatCompletion` with its usage.
    """
    fake.reply(**reply, usage=USAGE)

    with pytest.raises(asi1.OutputError) as caught:
        await parse(fake_client, repair=0)

    assert error is type(caught.value)
    assert reply["text"] == caught.value.text
    assert 8 == caught.value.completion.usage.total_tokens
    assert error is type(pickle.loads(pickle.dumps(caught.value)))
    assert 1 == len(fake.requests)


async def test_error_of_an_invalid_answer_names_the_path_and_the_expected_type(
    fake, fake_client
):
    """
    If an answer does not fit the type, the error has the path of the first wrong value,
    and what the type expects at this path.
    """
    fake.reply(BAD)

    with pytest.raises(asi1.OutputInvalidError, match=r"\$\.kids\[0\]\.age") as caught:
        await parse(fake_client)

    assert "$.kids[0].age" == caught.value.path
    assert "an integer" == caught.value.expected


async def test_repair_asks_again_with_the_error_and_counts_both_answers(
    fake, fake_client
):
    """
    With `repair`, a wrong answer and its error are sent to the model in another
    request. The final answer has the errors of all wrong answers and the sum of all
    tokens.
    """
    fake.reply(BAD, usage=USAGE)
    fake.reply(GOOD, usage=USAGE)

    answer = await parse(fake_client, repair=2)

    assert (ADA, 16) == (answer.parsed, answer.total_usage.total_tokens)
    assert [BAD] == [error.text for error in answer.earlier]
    first, second = (request.json["messages"] for request in fake.requests)
    assert first == second[:1]
    assert {"role": "assistant", "content": BAD} == second[1]
    assert "user" == second[2]["role"]
    assert "$.kids[0].age: expected an integer" in second[2]["content"]


async def test_failed_repair_raises_the_last_error_with_the_earlier_errors(
    fake, fake_client
):
    """
    If the repaired answer does not fit the type either, `parse` raises the error of
    this answer, whose ``earlier`` has the errors of the answers before.
    """
    fake.reply(BAD, usage=USAGE)
    fake.reply("No.", usage=USAGE)

    with pytest.raises(asi1.OutputInvalidError) as caught:
        await parse(fake_client, repair=1)

    assert "No." == caught.value.text
    assert [BAD] == [error.text for error in caught.value.earlier]
    assert 2 * USAGE["total_tokens"] == caught.value.usage.total_tokens


async def test_answer_that_calls_tools_is_not_repaired(fake, fake_client):
    """
    An answer that calls a tool has no value. The model is not asked again, since a
    server refuses a request in which the call has no result.
    """
    fake.reply("", tool_calls=[{"name": "look_up", "arguments": {}}])

    with pytest.raises(asi1.OutputInvalidError, match="calls tools") as caught:
        await parse(fake_client, repair=3)

    assert 1 == len(fake.requests)
    assert "look_up" == caught.value.completion.message.tool_calls[0].function.name


async def test_each_request_of_a_repair_has_its_own_idempotency_key(fake, fake_client):
    """
    With the key "auto", each request of `parse` has a key of its own: to a request with
    an old key, a server may send the old answer again. A fixed key is sent if `parse`
    makes only one request.
    """
    for text in (BAD, GOOD, GOOD):
        fake.reply(text)

    await parse(fake_client, repair=1, idempotency_key="auto")
    await parse(fake_client, idempotency_key="mine")

    keys = [request.headers["idempotency-key"] for request in fake.requests]
    assert 3 == len(set(keys))
    assert "mine" == keys[2]


async def test_answer_that_was_cut_off_is_not_repaired(fake, fake_client):
    """
    The model is not asked again after an answer that was cut off or refused, since the
    next answer would end in the same way.
    """
    fake.reply(GOOD[:20], finish_reason="length")

    with pytest.raises(asi1.OutputTruncatedError):
        await parse(fake_client, repair=3)

    assert 1 == len(fake.requests)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"repair": -1}, "repair"),
        ({"repair": 1.5}, "repair"),
        ({"repair": True}, "repair"),
        ({"response_format": complex}, "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"temperature": "hot"}, "temperature"),
        ({"messages": []}, "messages"),
        ({"repair": 1, "idempotency_key": "k"}, "idempotency_key"),
    ],
    ids=repr,
)
async def test_wrong_argument_of_parse_is_refused_before_a_request(
    fake, fake_client, options, argument
):
    """
    For a wrong argument, `parse` raises an error that names the argument, and sends no
    request.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        await parse(fake_client, **options)

    assert argument == caught.value.argument
    assert [] == fake.requests


@pytest.mark.parametrize("kind", [asi1.AsyncASI1, asi1.ASI1])
def test_error_of_parse_without_a_type_says_what_to_pass(kind):
    """`parse` without ``response_format`` raises an error that says what to pass."""
    call = kind("k").chat.completions.parse

    with pytest.raises(asi1.ArgumentError, match="is missing; pass the type") as caught:
        call(messages="Hi").send(None)
    assert "response_format" == caught.value.argument


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        pytest.param(list[int], '{"value": [1, 2]}', [1, 2], id="wrapped-list"),
        pytest.param(list[int], "[1, 2]", [1, 2], id="bare-list"),
        pytest.param(int | None, '{"value": null}', None, id="union"),
        pytest.param(dict[str, int], '{"a": 1}', {"a": 1}, id="dict"),
        pytest.param(
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            '{"a": 1}',
            {"a": 1},
            id="json-schema",
        ),
        pytest.param({"type": "json_object"}, '{"a": 1}', {"a": 1}, id="json-object"),
    ],
)
async def test_response_format_may_be_any_annotation_or_a_json_schema(
    fake, fake_client, spec, text, value
):
    """
    *response_format* may be any type annotation or a JSON Schema; with a schema, the
    value consists of dicts and lists. A type that is not an object in JSON, such as a
    list, is wrapped in an object.
    """
    fake.reply(text)

    answer = await parse(fake_client, response_format=spec)

    assert value == answer.parsed
