"""The requests that a tool run sends, and the checks of its arguments."""

from __future__ import annotations

import anyio
import pytest

import asi1

from ..support.scripted_model import ScriptedModel, call, tool_results


pytestmark = pytest.mark.virtual_time


async def tool():
    """Do something."""
    return 1


ROUNDS = ([call("a", "tool")], [call("b", "tool")])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ["auto"] * 3),
        ("required", ["required", "auto", "auto"]),
        ("none", ["none", "auto", "auto"]),
    ],
)
async def test_tools_are_in_each_request_and_tool_choice_is_auto_after_the_first(
    stream, choice, expected
):
    """
    Each request has the tools and the other options of the run. ``tool_choice`` has the
    given value in the first request, and "auto" in all later requests.
    """
    model = ScriptedModel(*ROUNDS)
    options = {} if choice is None else {"tool_choice": choice}
    async with model.client() as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[tool], model="big", temperature=0.5, stream=stream, **options
        )
        await run.until_done()

    assert expected == [body["tool_choice"] for body in model.bodies]
    assert {("big", 0.5, stream)} == {
        (body["model"], body["temperature"], body.get("stream", False))
        for body in model.bodies
    }
    assert [[asi1.tool(tool).to_dict()]] * 3 == [body["tools"] for body in model.bodies]
    assert [1, 3, 5] == [len(body["messages"]) for body in model.bodies]


@pytest.mark.parametrize(
    ("given", "first"), [({}, "required"), ({"tool_choice": "none"}, "none")]
)
async def test_first_request_of_a_run_has_the_tool_choice_of_the_client(given, first):
    """
    The first request of a run has the client's default ``tool_choice``, unless the run
    has its own.
    """
    model = ScriptedModel(*ROUNDS)
    async with model.client(default_options={"tool_choice": "required"}) as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool], **given)
        await run.until_done()

    assert [first, "auto", "auto"] == [body["tool_choice"] for body in model.bodies]


async def test_each_request_of_a_run_has_its_own_idempotency_key(fake, fake_client):
    """
    With the key "auto", each request of a run has a key of its own: to a request with
    an old key, a server may send the old answer again. A fixed key is refused.
    """
    fake.reply("", tool_calls=[call("a", "tool")])
    fake.reply("done")
    completions = fake_client.chat.completions
    run = completions.run_tools("Hi", tools=[tool], idempotency_key="auto")
    await run.until_done()

    assert 2 == len({request.headers["idempotency-key"] for request in fake.requests})
    with pytest.raises(asi1.ArgumentError, match="each answer needs its own key"):
        completions.run_tools("Hi", tools=[tool], idempotency_key="mine")
    with pytest.raises(
        asi1.ArgumentError, match=r"extra_headers: .* each answer needs"
    ):
        headers = {"idempotency-key": "mine"}
        completions.run_tools("Hi", tools=[tool], extra_headers=headers)


async def test_timeout_option_holds_for_each_call_of_the_model(fake, fake_client):
    """
    The option ``timeout`` limits each call of the model, not the run: tools may take
    longer, and a call of the model that takes longer raises `APITimeoutError`.
    """

    async def slow():
        await anyio.sleep(100)

    fake.reply("", tool_calls=[call("a", "slow")], delay=4)
    fake.reply("", tool_calls=[call("b", "slow")], delay=4)
    fake.reply("done", delay=6)
    run = fake_client.chat.completions.run_tools("Hi", tools=[slow], timeout=5)

    began = anyio.current_time()
    with pytest.raises(asi1.APITimeoutError):
        await run.until_done()

    assert 213 == pytest.approx(anyio.current_time() - began, abs=0.1)


async def test_run_ends_with_an_error_after_its_last_round():
    """
    After ``max_rounds`` answers that call tools, `MaxRoundsError` is raised. Its result
    has all steps, including the results of the last calls. A resumed run with a higher
    limit does not run these calls again.
    """
    ran = []

    async def count(number: int):
        ran.append(number)
        return number

    model = ScriptedModel(*([call(str(n), "count", number=n)] for n in range(3)))
    async with model.client() as client:
        completions = client.chat.completions
        run = completions.run_tools("Hi", tools=[count], max_rounds=2)
        with pytest.raises(asi1.MaxRoundsError) as caught:
            await run.until_done()
        result = caught.value.result
        again = completions.resume_tools(run.to_json(), tools=[count], max_rounds=4)
        final = await again.until_done()

    assert [("0", "0"), ("1", "1")] == tool_results(result.messages)
    assert run.steps == result.steps
    assert 16 == result.usage.total_tokens
    assert "done" == final.text
    assert [0, 1, 2] == ran


async def test_resumed_run_uses_the_model_of_the_run_unless_another_is_given():
    """
    A resumed run goes on with the model of the saved run, or with the given one.
    """
    model = ScriptedModel(*ROUNDS)
    approved = asi1.tool(tool, needs_approval=True)
    async with model.client() as client:
        completions = client.chat.completions
        run = completions.run_tools("Hi", tools=[approved], model="big")
        result = await run.until_done()
        assert (
            ("a",)
            == tuple(each.id for each in result.pending)
            == tuple(each.id for each in run.pending)
        )
        for name in (None, "small"):
            again = completions.resume_tools(
                run.to_json(), tools=[approved], decisions={"a": True}, model=name
            )
            await again.until_done()

    assert ["big", "big", "small"] == [body["model"] for body in model.bodies]
    assert {"auto"} == {body["tool_choice"] for body in model.bodies}


async def test_resumed_run_uses_the_default_model_of_the_client_that_began_it():
    """
    A saved run has the name of its model, even if the model was only the client's
    default. So a client with another default goes on with the model of the saved run.
    """
    model = ScriptedModel(*ROUNDS)
    async with model.client(model="big") as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool])
        await anext(run)
    async with model.client(model="small") as client:
        await client.chat.completions.resume_tools(
            run.to_json(), tools=[tool]
        ).until_done()

    assert ["big"] * 3 == [body["model"] for body in model.bodies]


@pytest.mark.system
@pytest.mark.parametrize(("saved", "given"), [(12, None), (2, 12)])
async def test_resumed_run_keeps_its_limit_unless_another_is_given(saved, given):
    """
    A resumed run has the ``max_rounds`` of the saved run, whatever the default of
    `run_tools` is, unless another ``max_rounds`` is given.
    """
    paused = asi1.tool(tool, needs_approval=True)
    model = ScriptedModel(*([call(str(n), "tool")] for n in range(11)))
    async with model.client() as client:
        completions = client.chat.completions
        run = completions.run_tools("Hi", tools=[paused], max_rounds=saved)
        while (result := await run.until_done()).pending:
            run = completions.resume_tools(
                run.to_json(),
                tools=[paused],
                decisions={each.id: True for each in result.pending},
                max_rounds=given,
            )

    assert "done" == result.text


async def test_resumed_run_still_waits_for_the_approvals_of_the_saved_run():
    """
    A resumed run waits for the same approvals as the saved run, even if its tools need
    none any more: `pending` has these calls before the first read and after the last,
    and a call without a decision does not run. While a run is being read, `pending` is
    empty.
    """
    ran, lines = [], []

    async def pay(number: int):
        ran.append(number)

    paused = asi1.tool(pay, needs_approval=True)
    calls = [call("a", "pay", number=1), call("b", "pay", number=2)]
    async with ScriptedModel(calls).client() as client:
        completions = client.chat.completions
        run = completions.run_tools("Hi", tools=[paused], journal=lines.append)
        result = await run.until_done()
        assert ["a", "b"] == [each.id for each in result.pending]
        for saved in (run.to_json(), lines):
            again = completions.resume_tools(saved, tools=[pay])
            assert result.pending == again.pending
            assert result.pending == (await again.until_done()).pending
        rest = completions.resume_tools(lines, tools=[pay], decisions={"b": True})
        assert result.pending[:1] == rest.pending
        await anext(rest)
        assert () == rest.pending
        assert result.pending[:1] == (await rest.until_done()).pending

    assert [2] == ran
    assert ['{"paused":["a","b"]}'] == [line for line in lines if "paused" in line]


async def test_new_run_refuses_none_as_max_rounds():
    """
    ``max_rounds=None``, which keeps the limit of a saved run, is refused by a new run.
    """
    async with ScriptedModel().client() as client:
        for begin in (
            client.chat.completions.run_tools,
            client.conversation().run_tools,
        ):
            with pytest.raises(asi1.ArgumentError, match="a whole number") as caught:
                begin("Hi", tools=[tool], max_rounds=None)
            assert "max_rounds" == caught.value.argument


@pytest.mark.parametrize(
    "saved", ["", [], b"", "[]", "{}", "nonsense", 5, None, ["\n"]]
)
async def test_value_that_is_not_a_saved_run_is_refused(saved):
    """
    `resume_tools` raises `ArgumentError` for anything that is not a saved run, such as
    an empty str or list. Nothing is sent.
    """
    model = ScriptedModel()
    async with model.client() as client:
        with pytest.raises(asi1.ArgumentError) as caught:
            client.chat.completions.resume_tools(saved, tools=[tool])

    assert "saved" == caught.value.argument
    assert [] == model.bodies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_rounds", 0),
        ("max_rounds", 1.5),
        ("max_rounds", True),
        ("stream", "yes"),
        ("tool_timeout", 0),
        ("tool_timeout", float("nan")),
        ("tool_timeout", "5"),
        ("journal", "file.txt"),
        ("tools", []),
        ("tools", tool),
        ("tools", [5]),
        ("temperature", "hot"),
        ("idempotency_key", "mine"),
    ],
)
async def test_wrong_argument_of_a_run_is_refused_before_anything_is_sent(name, value):
    """
    A wrong argument raises `ArgumentError` with its name when the run is made, and when
    it is resumed.
    """
    model = ScriptedModel(*ROUNDS)
    async with model.client() as client:
        completions = client.chat.completions
        run = completions.run_tools("Hi", tools=[tool])
        saved = run.to_json()
        for make, first in (
            (completions.run_tools, "Hi"),
            (completions.resume_tools, saved),
        ):
            with pytest.raises(asi1.ArgumentError) as caught:
                make(first, **{"tools": [tool], name: value})
            assert name == caught.value.argument

    assert [] == model.bodies


async def test_run_of_a_closed_client_is_refused():
    """
    A closed client makes no run. A run that was made before the client was closed
    raises `ClientClosedError` when it is read.
    """
    client = ScriptedModel(*ROUNDS).client()
    run = client.chat.completions.run_tools("Hi", tools=[tool])
    await client.aclose()

    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.run_tools("Hi", tools=[tool])
    with pytest.raises(asi1.ClientClosedError):
        await run.until_done()


async def test_function_with_a_given_schema_gets_the_arguments_by_name():
    """
    A function with ``**arguments`` can be a tool if its schema is given. It gets the
    arguments that the model wrote, by their names.
    """
    seen = []

    async def note(**arguments):
        seen.append(arguments)
        return "noted"

    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    model = ScriptedModel([call("a", "note", text="Hi")])
    async with model.client() as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[asi1.tool(note, parameters=schema)]
        )
        result = await run.until_done()

    assert [{"text": "Hi"}] == seen
    assert "done" == result.text
    assert schema == model.bodies[0]["tools"][0]["function"]["parameters"]
