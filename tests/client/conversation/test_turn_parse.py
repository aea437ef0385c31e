"""The turns of a conversation whose answers become values of a Python type."""

from __future__ import annotations

from typing import TypedDict

import anyio
import pytest

import asi1


pytestmark = pytest.mark.virtual_time

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


class City(TypedDict):
    """A city."""

    name: str
    people: int


GOOD = '{"name": "Oslo", "people": 700000}'
BAD = '{"name": "Oslo", "people": "many"}'


async def test_parse_adds_its_turn_to_the_history(fake, fake_client):
    """
    `parse` of a conversation returns the value, and adds the message and the answer's
    text to the history.
    """
    fake.reply("Hello.")
    fake.reply(GOOD)
    chat = fake_client.conversation("Be brief.")
    await chat.ask("Hi")

    answer = await chat.parse("Which city?", City, temperature=0)

    assert {"name": "Oslo", "people": 700000} == answer.parsed
    assert ["Be brief.", "Hi", "Hello.", "Which city?", GOOD] == [
        message["content"] for message in chat.messages
    ]
    assert chat.messages[:-1] == tuple(fake.requests[1].json["messages"])
    assert "City" == fake.requests[1].json["response_format"]["json_schema"]["name"]


async def test_repaired_parse_adds_only_the_final_answer_but_counts_all_tokens(
    fake, fake_client
):
    """
    If `parse` had to repair an answer, only the final answer is added to the history,
    but the conversation's usage also counts the tokens of the first answer.
    """
    fake.reply(BAD, usage=USAGE)
    fake.reply(GOOD, usage=USAGE)
    fake.reply("Bye.", usage=USAGE)
    chat = fake_client.conversation()

    answer = await chat.parse("Which city?", City, repair=1)
    await chat.ask("Thanks")

    assert 700000 == answer.parsed["people"]
    assert ["Which city?", GOOD, "Thanks", "Bye."] == [
        message["content"] for message in chat.messages
    ]
    assert 24 == chat.usage.total_tokens
    assert 3 == len(fake.requests[1].json["messages"])


async def test_repair_refuses_an_idempotency_key_that_its_requests_would_share(
    fake, fake_client
):
    """
    With `repair`, a fixed idempotency key is refused before anything is sent: to a
    request with an old key, a server may send the old answer again.
    """
    chat = fake_client.conversation()

    with pytest.raises(asi1.ArgumentError, match="each answer needs its own key"):
        await chat.parse("Which city?", City, repair=1, idempotency_key="mine")

    assert [] == fake.requests


async def test_parse_without_a_valid_answer_leaves_the_history_unchanged(
    fake, fake_client
):
    """
    If no answer fits the schema, `parse` of a conversation raises an error, the history
    is unchanged, and the next turn can begin.
    """
    fake.reply(BAD)
    fake.reply("Hello.")
    chat = fake_client.conversation()

    with pytest.raises(asi1.OutputInvalidError):
        await chat.parse("Which city?", City)

    assert () == chat.messages
    assert "Hello." == (await chat.ask("Hi")).text


async def test_next_turn_may_begin_after_a_call_of_parse_has_failed(fake, fake_client):
    """
    If a call that `parse` of a conversation makes fails, `parse` raises the call's
    error, and the next turn can begin.
    """
    fake.reply(BAD)
    fake.fail(400)
    fake.reply("Hello.")
    chat = fake_client.conversation()

    with pytest.raises(asi1.BadRequestError):
        await chat.parse("Which city?", City, repair=1)

    assert () == chat.messages
    assert "Hello." == (await chat.ask("Hi")).text


async def test_other_turns_are_refused_while_parse_waits_for_its_answer(
    fake, fake_client
):
    """
    While `parse` of a conversation waits for its answer, no other turn of the
    conversation can begin.
    """
    fake.reply(GOOD, delay=1)
    chat = fake_client.conversation()
    answers = []

    async def parse():
        answers.append(await chat.parse("Which city?", City))

    async with anyio.create_task_group() as group:
        group.start_soon(parse)
        await anyio.sleep(0.5)
        with pytest.raises(asi1.ConversationBusyError):
            await chat.ask("Hi")

    assert ["Oslo"] == [answer.parsed["name"] for answer in answers]
