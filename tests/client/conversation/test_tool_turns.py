"""The turns of a conversation in which the model calls tools."""

from __future__ import annotations

import gc

import anyio
import pytest

import asi1

from ...support.scripted_model import call


pytestmark = pytest.mark.virtual_time

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


async def add(a: int, b: int):
    """Return the sum."""
    await anyio.sleep(1)
    return a + b


@pytest.fixture
def fake(fake):
    fake.reply("Let me see.", tool_calls=[call("x", "add", a=1, b=2)], usage=USAGE)
    fake.reply("It is 3.", usage=USAGE)
    return fake


ROLES = ["user", "assistant", "tool", "assistant"]


def roles(chat):
    return [message["role"] for message in chat.messages]


@pytest.mark.parametrize("stream", [False, True])
async def test_run_with_tools_is_one_turn_of_the_history(fake, fake_client, stream):
    """
    The whole exchange of a run is one turn: later turns send it, `usage` counts all its
    answers, `last` is its last answer, and `undo` removes all of it.
    """
    fake.reply("Hello.", usage=USAGE)
    chat = fake_client.conversation("Be brief.")

    result = await chat.run_tools("1 + 2?", tools=[add], stream=stream).until_done()
    before = chat.messages
    await chat.ask("Thanks")

    assert ["system", *ROLES] == [message["role"] for message in before]
    assert before[1:] == result.messages
    assert ("x", "3") == (before[3]["tool_call_id"], before[3]["content"])
    assert [*before, {"role": "user", "content": "Thanks"}] == fake.requests[2].json[
        "messages"
    ]
    assert 24 == chat.usage.total_tokens
    chat.undo()
    assert before == chat.messages
    assert list(before[1:]) == list(chat.undo())
    assert ["system"] == roles(chat)


async def test_only_the_first_request_has_the_tool_choice_of_the_conversation(
    fake, fake_client
):
    """
    The first request of a run has the conversation's ``tool_choice``, and later
    requests have "auto". Otherwise a model that must call a tool in each answer would
    never end.
    """
    chat = fake_client.conversation(tool_choice="required")

    await chat.run_tools("1 + 2?", tools=[add]).until_done()

    choices = [request.json["tool_choice"] for request in fake.requests]
    assert ["required", "auto"] == choices


async def test_idempotency_key_that_all_answers_of_a_turn_would_share_is_refused(
    fake, fake_client
):
    """
    A run in a conversation makes several requests, so a fixed idempotency key is
    refused when the run is made and when it is resumed; "auto" gives each request its
    own key.
    """
    chat = fake_client.conversation()
    run = chat.run_tools("1 + 2?", tools=[add], idempotency_key="auto")
    saved = run.to_json()

    for make, first in ((chat.run_tools, "1 + 2?"), (chat.resume_tools, saved)):
        with pytest.raises(asi1.ArgumentError) as caught:
            make(first, tools=[add], idempotency_key="mine")
        assert "idempotency_key" == caught.value.argument
    assert [] == fake.requests
    await run.until_done()

    assert 2 == len({request.headers["idempotency-key"] for request in fake.requests})


@pytest.mark.parametrize("keep", [False, True])
async def test_thoughts_are_sent_with_tool_results_only_with_keep_reasoning(
    fake, fake_client, keep
):
    """
    The requests and the history of a run have the model's thoughts only if the
    conversation has ``keep_reasoning``.
    """
    fake.clear()
    fake.reply("", thoughts=["Hm."], tool_calls=[call("x", "add", a=1, b=2)])
    fake.reply("3.", thoughts=["Ah."])
    chat = fake_client.conversation(keep_reasoning=keep)

    await chat.run_tools("1 + 2?", tools=[add]).until_done()

    thoughts = [message.get("reasoning_content") for message in chat.messages]
    assert [None, "Hm." if keep else None, None, "Ah." if keep else None] == thoughts
    assert list(chat.messages[:3]) == fake.requests[1].json["messages"]


@pytest.mark.system
@pytest.mark.parametrize(
    "way", ["aclose", "with", "collect", "done", "error", "cancel"]
)
async def test_conversation_is_busy_until_the_run_ends(fake, fake_client, way):
    """
    From the first read until the run ends, is closed, fails or is garbage-collected, no
    other turn can begin. A run that did not end leaves the history unchanged.
    """
    if way == "error":
        fake.clear()
        fake.reply("", tool_calls=[call("x", "add", a=1, b=2)])
        fake.fail(400)
    chat = fake_client.conversation()
    run = chat.run_tools("1 + 2?", tools=[add])
    chat.undo()  # a run that was not read does not make the conversation busy
    with anyio.move_on_after(0.5):
        await run.until_done()

    with pytest.raises(asi1.ConversationBusyError):
        await chat.ask("Hi")
    with pytest.raises(asi1.ConversationBusyError):
        await chat.run_tools("Hi", tools=[add]).until_done()
    with pytest.raises(asi1.ConversationBusyError):
        chat.undo()
    if way == "aclose":
        await run.aclose()
    elif way == "with":
        async with run:
            pass
    elif way == "error":
        with pytest.raises(asi1.BadRequestError):
            await run.until_done()
    elif way == "done":
        await run.until_done()
    elif way == "cancel":
        await run.aclose()
        with pytest.raises(asi1.StreamClosedError):
            await run.until_done()
    else:
        del run
        await anyio.sleep(0.1)  # the event loop forgets the read that was cancelled
        gc.collect()

    assert (ROLES if way == "done" else []) == roles(chat)
    fake.clear()
    fake.reply("Hello.")
    assert "Hello." == (await chat.ask("Hi")).text


async def test_paused_turn_goes_on_in_a_conversation_that_was_loaded(fake, fake_client):
    """
    While a call waits for an approval, the history is unchanged and other turns can
    begin. The run goes on in another conversation, which was loaded from JSON, and
    becomes one turn of that conversation.
    """
    approved = asi1.tool(add, needs_approval=True)
    fake.clear()
    fake.reply("Hello.")
    fake.reply("", tool_calls=[call("x", "add", a=1, b=2)])
    fake.reply("It is 3.")
    chat = fake_client.conversation("Be brief.")
    await chat.ask("Hi")
    run = chat.run_tools("1 + 2?", tools=[approved])
    result = await run.until_done()

    assert ["x"] == [each.id for each in result.pending]
    assert ["system", "user", "assistant"] == roles(chat)
    chat.undo()
    other = fake_client.conversation(
        saved=fake_client.conversation("Be brief.").to_json()
    )
    again = other.resume_tools(run.to_json(), tools=[approved], decisions={"x": True})
    final = await again.until_done()

    assert "It is 3." == final.text
    assert ["system", *ROLES] == roles(other)
    assert list(other.messages[:-1]) == fake.requests[2].json["messages"]
    assert "auto" == fake.requests[2].json["tool_choice"]
    assert final.messages == other.undo()


async def test_turn_that_failed_goes_on_without_running_its_tools_again(
    fake, fake_client
):
    """
    After a call of a run has failed, the history is unchanged. The resumed run goes on
    in the same conversation, does not run its tools again, and then is one turn.
    """
    ran = []

    async def once():
        ran.append(1)
        return 1

    fake.clear()
    fake.reply("", tool_calls=[call("x", "once")], usage=USAGE)
    fake.fail(400)
    fake.reply("done", usage=USAGE)
    chat = fake_client.conversation()
    run = chat.run_tools("Hi", tools=[once])
    with pytest.raises(asi1.BadRequestError):
        await run.until_done()
    assert () == chat.messages

    await chat.resume_tools(run.to_json(), tools=[once]).until_done()

    assert [1] == ran
    assert ROLES == roles(chat)


async def test_context_policy_shortens_the_history_but_never_the_turn(
    fake, fake_client
):
    """
    A context policy leaves old turns out of the requests of a run. The messages of the
    run itself are sent whole in each request, and the history keeps all messages.
    """
    fake.clear()
    fake.reply("Hello. " * 50, times=6)
    fake.reply("", tool_calls=[call("x", "add", a=1, b=2)])
    fake.reply("It is 3.")
    chat = fake_client.conversation(context=asi1.KeepNewest(budget=600))
    for _ in range(6):
        await chat.ask("Hi")

    await chat.run_tools("1 + 2?", tools=[add]).until_done()

    first, second = (request.json["messages"] for request in fake.requests[-2:])
    assert len(first) < 13
    assert second[: len(first)] == first
    assert ["assistant", "tool"] == [
        message["role"] for message in second[len(first) :]
    ]
    assert 12 + 4 == len(chat.messages)


@pytest.mark.parametrize("stream", [False, True])
async def test_budget_of_a_run_counts_only_the_answers_of_the_run(
    fake, fake_client, stream
):
    """
    The budget of a run of a conversation does not count other turns. If the budget
    refuses the next answer of the run, the history stays unchanged. A resumed run
    counts from zero.
    """
    fake.clear()
    fake.reply("Hello.", times=2)
    chat = fake_client.conversation()
    for _ in range(2):
        await chat.ask("Hi")
    fake.reply("", tool_calls=[call("x", "add", a=1, b=2)])
    fake.reply("It is 3.")
    one = asi1.Budget(requests=1)
    run = chat.run_tools("1 + 2?", tools=[add], budget=one, stream=stream)

    with pytest.raises(asi1.BudgetExceededError) as caught:
        await run.until_done()
    assert (one, 1) == (caught.value.budget, caught.value.spent.requests)
    assert 4 == len(chat.messages)

    again = chat.resume_tools(run.to_json(), tools=[add], budget=one, stream=stream)
    assert "It is 3." == (await again.until_done()).text
    assert (8, 4) == (len(chat.messages), fake_client.spent.requests)


async def test_options_of_a_conversation_are_in_each_request_of_a_run(
    fake, fake_client
):
    """
    The options of the conversation are in each request of a run. The options of the run
    override them.
    """
    chat = fake_client.conversation(model="big", temperature=0.1, seed=7)

    await chat.run_tools("1 + 2?", tools=[add], temperature=0.9).until_done()

    assert [("big", 0.9, 7)] * 2 == [
        (r.json["model"], r.json["temperature"], r.json["seed"]) for r in fake.requests
    ]


async def test_saved_turn_is_resumed_only_by_a_conversation(fake, fake_client):
    """
    A run of a conversation sends the history, which a saved run does not contain. So
    only a conversation can resume a run that a conversation has begun, and only
    `chat.completions` can resume any other run.
    """
    chat, completions = fake_client.conversation(), fake_client.chat.completions
    for first, other, words in (
        (chat, completions, "is a run of a conversation; use"),
        (completions, chat, "is not a run of a conversation; use"),
    ):
        saved = first.run_tools("1 + 2?", tools=[add]).to_json()
        with pytest.raises(asi1.ArgumentError, match=f"^saved: {words}") as caught:
            other.resume_tools(saved, tools=[add])
        assert "saved" == caught.value.argument

    assert [] == fake.requests


async def test_resumed_turn_uses_the_model_with_which_it_began(fake, fake_client):
    """
    A saved turn has the name of its model. So a conversation with another model goes on
    with the model of the turn.
    """
    run = fake_client.conversation(model="big").run_tools("1 + 2?", tools=[add])
    other = fake_client.conversation(model="small")
    await other.resume_tools(run.to_json(), tools=[add]).until_done()

    assert ["big", "big"] == [request.json["model"] for request in fake.requests]


async def test_finished_turn_is_added_once_if_its_process_was_killed(fake, fake_client):
    """
    A process may be killed after it has saved the conversation, and before it has
    deleted the journal of the finished run. If the run is then resumed, the
    conversation does not get the turn a second time; a conversation without the turn
    gets it.
    """
    chat, lines = fake_client.conversation("Be brief."), []
    run = chat.run_tools("1 + 2?", tools=[add], journal=lines.append)
    await run.until_done()
    other = fake_client.conversation("Be brief.")
    saved = fake_client.conversation(saved=chat.to_json())
    for each in (saved, other, other):
        result = await each.resume_tools(lines, tools=[add]).until_done()
        assert "It is 3." == result.text

    assert chat.messages == saved.messages == other.messages
    assert chat.usage == saved.usage == other.usage
    assert 2 == len(fake.requests)
