"""
The agents that the server's planner used, read from the answer or chunk that has the
plan.
"""

from __future__ import annotations

import pytest

import asi1

from asi1._models.planner import agents_in


AGENT = {
    "agent_name": "Table finder",
    "agent_address": "agent1otter",
    "agent_rating": 4.5,
    "agent_interactions": 120,
}
STEP = {
    "agent_used": AGENT,
    "agent_response": "Booked.",
    "status": "completed",
    "agent_session_id": "s-9",
}
USED = asi1.AgentUsed(**AGENT, response="Booked.", status="completed", session_id="s-9")


@pytest.mark.parametrize(
    "state",
    [
        STEP,
        {"plan": {"tasks": [STEP]}},
        [{"id": 1}, STEP],
        {"agent_used": {**AGENT, **{k: STEP[k] for k in STEP if k != "agent_used"}}},
        {**STEP, "agent_used": [AGENT]},
    ],
    ids=["flat", "nested", "list", "all-in-one", "list-of-agents"],
)
def test_agent_is_found_at_any_depth_of_the_planners_object(state):
    """
    An agent is found at any depth of the planner's object. The agent's response, status
    and session may be beside the ``agent_used`` object or inside this object.
    """
    (found,) = agents_in({"plan_state": state})

    assert USED == found


def test_agents_are_returned_in_the_order_of_the_plan():
    """
    Agents are returned in the order of the plan, even agents with an empty
    ``agent_used`` object.
    """
    tasks = [{"agent_used": {"agent_name": name}} for name in ("one", "two")]
    found = agents_in({"tasks": [*tasks, {"agent_used": None}, {"agent_used": {}}]})

    assert ["one", "two", None] == [agent.agent_name for agent in found]


def test_unknown_key_or_mistyped_value_of_an_agent_is_in_extra():
    """
    A key of an agent's object is in ``extra`` if the key is unknown or its value has
    the wrong type. ``to_dict`` returns the agent's object as the server sent it.
    """
    odd = {"agent_name": 5, "agent_rating": "high", "agent_interactions": True, "x": []}
    (found,) = agents_in({"agent_used": odd, "agent_response": {"text": "Yes."}})

    assert asi1.AgentUsed(response={"text": "Yes."}, extra=odd) == found
    assert odd == found.to_dict()


@pytest.mark.parametrize("value", [None, {}, [], "agent_used", {"agent_used": "one"}])
def test_no_agents_are_found_without_an_agent_used_object(value):
    """
    If a value has no ``agent_used`` object, no agents are found in it.
    """
    assert () == agents_in(value)


@pytest.mark.parametrize("generation", ["guide", "2025", "2026"])
@pytest.mark.parametrize("stream", [False, True])
async def test_agents_used_are_in_the_answer_and_in_the_chunk_with_the_plan(
    fake, fake_client, generation, stream
):
    """
    ``agents_used`` of an answer, streamed or not, and of the chunk with the planner's
    object lists the agents. The answer's ``extra`` has the planner's object.
    """
    fake.reply("Booked.", extra={"plan_state": [STEP]}, generation=generation)
    options = {"agents": ["agent1otter"], "planner_mode": True}
    create = fake_client.chat.completions.create

    if stream:
        chunks = await create(messages="Book a table.", stream=True, **options)
        told = [chunk.agents_used async for chunk in chunks]
        assert [(USED,)] == [agents for agents in told if agents]
        answer = chunks.snapshot()
    else:
        answer = await create(messages="Book a table.", **options)

    assert (USED,) == answer.agents_used
    assert [STEP] == answer.extra["plan_state"]
    assert "Booked." == answer.text


async def test_executable_data_of_an_answer_is_what_the_server_sent(fake, fake_client):
    """
    ``executable_data`` of an answer, streamed or not, is the list or object that the
    server sent.
    """
    for data in ([{"tool": "map"}], {"agent_calls": [{"agent": "agent1otter"}]}):
        fake.reply("Booked.", extra={"executable_data": data}, times=2)
        plain = await fake_client.chat.completions.create(messages="Hi")
        async with fake_client.chat.completions.stream(messages="Hi") as stream:
            streamed = await stream.get_final_completion()

        assert data == plain.executable_data == streamed.executable_data
