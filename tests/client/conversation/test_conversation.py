"""Conversations: how turns change the history, and which requests turns send."""

from __future__ import annotations

import gc
import json

import anyio
import pytest

import asi1

from asi1._protocol.context.history import History
from asi1._protocol.context.saved_conversation import to_json
from asi1.testing import Close, Data, FakeASI1, Pause, Stall

from ...support.talk import DONE, SSE, Event, chunk, in_process, until


def echo(request):
    """Return the fake server's answer, which repeats the request's last message."""
    return f"You said: {request.json['messages'][-1]['content']}"


@pytest.fixture
def fake(fake):
    fake.reply(echo, times=None)
    return fake


def sent(fake, place=-1):
    return fake.requests[place].json["messages"]


def roles(chat):
    return [message["role"] for message in chat.messages]


async def test_each_turn_sends_the_history_and_is_added_to_it(fake, fake_client):
    """
    A turn sends the system message and all earlier turns, and is then added to the
    history. The conversation's options and session id are sent with each turn.
    """
    chat = fake_client.conversation("Be brief.", temperature=0, session_id="s-1")

    first = await chat.ask("A?")
    async with chat.stream("B?") as stream:
        second = await stream.get_final_completion()

    assert ("You said: A?", "You said: B?") == (first.text, second.text)
    assert [m["content"] for m in sent(fake)] == ["Be brief.", "A?", first.text, "B?"]
    assert ["system", *["user", "assistant"] * 2] == roles(chat)
    assert {"s-1"} == {r.headers["x-session-id"] for r in fake.requests}
    assert [0, 0] == [r.json["temperature"] for r in fake.requests]
    assert "s-1" == chat.session_id
    both = first.usage.total_tokens + second.usage.total_tokens
    assert both == chat.usage.total_tokens
    assert 0 == chat.summary_usage.total_tokens


class Note:
    """A message of another library, such as a model of pydantic."""

    def model_dump(self, **_: object) -> dict[str, str]:
        return {"role": "user", "content": "Hi"}


ONE_MESSAGE = [
    asi1.UserMessage("Hi"),
    asi1.UserMessage("Hi", images=["https://a/1.png", b"GIF89a"]),
    asi1.ToolMessage("noon", tool_call_id="c1"),
    asi1.SystemMessage("Be brief."),
    asi1.AssistantMessage("Hello"),
    asi1.ChatMessage(content="Hello"),
    asi1.ChatCompletion(
        choices=(asi1.ChatChoice(message=asi1.ChatMessage(content="Hello")),)
    ),
    {"role": "user", "content": "Hi"},
    Note(),
]


@pytest.mark.parametrize("message", ONE_MESSAGE, ids=lambda each: type(each).__name__)
async def test_turn_may_begin_with_one_message_object(fake, fake_client, message):
    """
    `ask` and `stream` treat a single message like a list of this one message, even if
    it is an answer or a model of pydantic.
    """
    chat, listed = fake_client.conversation(), fake_client.conversation()

    await chat.ask(message)
    async with chat.stream(message) as stream:
        await stream.get_final_completion()
    await listed.ask([message])
    await listed.ask([message])

    assert sent(fake, 0) == sent(fake, 2)
    assert sent(fake, 1) == sent(fake, 3)
    assert chat.messages == listed.messages


EARLIER = [{"role": "user", "content": "A?"}, asi1.AssistantMessage("A.")]


@pytest.mark.parametrize(
    ("arguments", "contents"),
    [
        ({"messages": EARLIER}, ["A?", "A."]),
        ({"system": "S", "messages": tuple(EARLIER)}, ["S", "A?", "A."]),
        ({"system": "S", "messages": []}, ["S"]),
        ({"messages": ()}, []),
        ({"messages": "A?"}, ["A?"]),
        ({"messages": [asi1.SystemMessage("S"), *EARLIER]}, ["S", "A?", "A."]),
    ],
)
async def test_conversation_begins_with_given_messages(
    fake, fake_client, arguments, contents
):
    """
    ``messages=`` gives a conversation its earlier messages, after the system message:
    they are part of the history, are sent with each turn, and are saved.
    """
    chat = fake_client.conversation(**arguments)
    assert contents == [message["content"] for message in chat.messages]

    await chat.ask("B?")

    assert [*contents, "B?"] == [message["content"] for message in sent(fake)]
    loaded = fake_client.conversation(saved=chat.to_json())
    assert chat.messages == loaded.messages


async def test_images_are_sent_with_later_turns_and_saved(fake, fake_client):
    """
    A message with images is part of the history: later turns send it again, and a saved
    conversation has it. A context policy counts an image as a thousand tokens, whatever
    its size.
    """
    image = b"\x89PNG\r\n\x1a\n" + b"\0" * 100_000
    fake.reply("A dot.", times=None)
    chat = fake_client.conversation(context=asi1.KeepNewest(5000))
    message = asi1.UserMessage("What is this?", images=[image])

    await chat.ask(message)
    later = fake_client.conversation(
        saved=chat.to_json(), context=asi1.KeepNewest(5000)
    )
    await later.ask("And now?")

    assert message.to_dict() == sent(fake)[0]
    assert message.to_dict() == chat.messages[0]


async def test_conversations_of_one_client_are_independent(fake, fake_client):
    """
    Conversations of one client run at the same time, each with a history of its own.
    """
    chats = [fake_client.conversation() for _ in range(8)]

    async with anyio.create_task_group() as group:
        for number, chat in enumerate(chats):
            group.start_soon(chat.ask, f"I am {number}")

    for number, chat in enumerate(chats):
        assert f"You said: I am {number}" == chat.messages[-1]["content"]
        assert 2 == len(chat.messages)


async def test_edit_undo_and_another_turn_are_refused_during_a_turn(fake, fake_client):
    """
    While a turn waits for its answer, another turn, an edit and an undo raise
    `ConversationBusyError`. A fork and `messages` show the history before the turn.
    """
    chat = fake_client.conversation()
    await chat.ask("A?")
    async with chat.stream("B?") as stream:
        with pytest.raises(asi1.ConversationBusyError, match="one turn at a time"):
            await chat.ask("C?")
        with pytest.raises(asi1.ConversationBusyError):
            async with chat.stream("C?"):
                pass
        with pytest.raises(asi1.ConversationBusyError):
            chat.undo()
        with pytest.raises(asi1.ConversationBusyError):
            chat.edit(0, "X")
        assert 2 == len(chat.messages) == len(chat.fork().messages)
        await chat.fork().ask("D?")
        await stream.get_final_completion()

    await chat.ask("E?")
    assert ["A?", "B?", "E?"] == [m["content"] for m in sent(fake)[::2]]


async def test_turn_begins_when_its_stream_is_entered(fake, fake_client):
    """
    The stream of a turn does not block other turns before the stream is entered;
    entering the stream sends the history as of that moment.
    """
    chat = fake_client.conversation()
    stream_b = chat.stream("B?")
    await chat.ask("A?")

    async with stream_b as stream:
        await stream.get_final_completion()

    assert ["A?", "You said: A?", "B?"] == [m["content"] for m in sent(fake)]


@pytest.mark.system
@pytest.mark.parametrize("kind", ["refused", "cut", "cancelled", "left", "dropped"])
async def test_unfinished_turn_leaves_the_history_unchanged(fake, fake_client, kind):
    """
    A turn that fails or is cancelled, or whose stream is truncated, closed early or
    garbage-collected, does not change the history, and the next turn works.
    """
    chat = fake_client.conversation("Be brief.")
    await chat.ask("A?")
    before = chat.messages
    if kind == "refused":
        fake.fail(400)
        with pytest.raises(asi1.BadRequestError):
            await chat.ask("B?")
    elif kind == "cut":
        fake.play(SSE, Event(chunk("half")), Close())
        async with chat.stream("B?") as stream:
            with pytest.raises(asi1.StreamError):
                await stream.get_final_completion()
    elif kind == "cancelled":
        fake.fault("stall_before_headers")
        with anyio.move_on_after(0.1) as scope:
            await chat.ask("B?")
        assert scope.cancelled_caught
    else:
        fake.fault("stall", after_chunks=2)
        stream = chat.stream("B?")
        await anext(stream)
        if kind == "left":
            await stream.aclose()
        del stream
        gc.collect()

    assert before == chat.messages
    await chat.ask("C?")
    assert [*before, {"role": "user", "content": "C?"}] == sent(fake)


async def leave_at_finish(stream):
    async for each in stream:
        if each.finish_reason:
            break


async def leave_at_first_text(stream):
    async for _ in stream:
        break


async def leave_by_error(stream):
    with pytest.raises(ZeroDivisionError):
        async with stream:
            async for each in stream:
                if each.finish_reason:
                    1 / 0  # noqa: B018 - an error of the caller


async def leave_without_a_read(_):
    pass


async def leave_to_sse(stream):
    with anyio.move_on_after(0.1):
        async for _ in stream.to_sse(ping=None):
            pass


async def leave_to_sse_unread(stream):
    await stream.to_sse().open()


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("more", ["nothing", "usage", "usage-later", "same-chunk"])
@pytest.mark.parametrize(
    ("leave", "kept"),
    [
        (leave_at_finish, True),
        (leave_by_error, True),
        (leave_to_sse, True),
        (leave_at_first_text, False),
        (leave_without_a_read, False),
        (leave_to_sse_unread, False),
    ],
)
async def test_turn_is_added_if_the_caller_stops_reading_after_the_finish_reason(
    fake, fake_client, leave, kept, more
):
    """
    If the caller stops reading a stream after its finish reason, the turn is added to
    the history, although [DONE] and the usage were not read. If the caller stops
    earlier, the history does not change, even if the complete answer has arrived.
    """
    usage = {"choices": [], "usage": {"total_tokens": 7}}
    last = [chunk("one "), chunk("two"), chunk(finish="stop")]
    if more == "same-chunk":
        last[1:] = [chunk("two", finish="stop")]
    events = [Event(*last, *([usage] if more == "usage" else []))]
    if more == "usage-later":
        events += [Pause(0.05), Event(usage)]
    fake.play(SSE, *events, Stall())
    chat = fake_client.conversation()

    async with chat.stream("A?") as stream:
        await until(lambda: stream.snapshot().finish_reason)
        await leave(stream)

    expected = [
        {"role": "user", "content": "A?"},
        {"role": "assistant", "content": "one two"},
    ]
    assert (expected if kept else []) == list(chat.messages)
    await chat.ask("B?")
    assert [*(expected if kept else []), {"role": "user", "content": "B?"}] == sent(
        fake
    )


async def test_turn_is_not_added_before_all_choices_have_a_finish_reason(
    fake, fake_client
):
    """
    If a turn asks for two choices, its answer is complete only when both have a finish
    reason: a stream closed after the first choice leaves the history unchanged.
    """
    fake.play(SSE, Event(chunk("one", finish="stop")), Stall())
    chat = fake_client.conversation()

    async with chat.stream("A?", extra_body={"n": 2}) as stream:
        async for each in stream:
            if each.finish_reason:
                break

    assert () == chat.messages


@pytest.mark.parametrize("kind", ["cut", "left"])
async def test_keep_partial_adds_the_partial_answer_to_the_history(
    fake, fake_client, kind
):
    """
    With *keep_partial* the question and the partial answer of a broken or closed stream
    are added to the history; a broken stream without any text changes nothing.
    """
    chat = fake_client.conversation()
    if kind == "cut":
        fake.play(SSE, Event(chunk("half an")), Close())
        with pytest.raises(asi1.StreamError):
            await chat.stream("A?", keep_partial=True).get_final_completion()
        fake.play(SSE, Event(chunk()), Close())
        with pytest.raises(asi1.APIConnectionError):
            await chat.stream("B?", keep_partial=True).get_final_completion()
    else:
        fake.play(SSE, Event(chunk("half an")), Data(b""), *[Data(b": \n\n")] * 2)
        async with chat.stream("A?", keep_partial=True) as stream:
            async for piece in stream.text_stream:
                assert "half an" == piece
                break

    assert [
        {"role": "user", "content": "A?"},
        {"role": "assistant", "content": "half an"},
    ] == list(chat.messages)


async def test_keep_partial_adds_a_turn_left_by_break_when_its_stream_is_closed(
    fake, fake_client
):
    """
    A ``break`` out of a loop does not close the stream: with *keep_partial*, the turn
    is added to the history only when the stream is closed.
    """
    chat = fake_client.conversation()
    fake.play(SSE, Event(chunk("half an")), Data(b""), *[Data(b": \n\n")] * 2)
    stream = chat.stream("A?", keep_partial=True)
    async for _ in stream:
        break

    assert [] == list(chat.messages)
    await stream.aclose()
    assert ["A?", "half an"] == [message["content"] for message in chat.messages]


async def test_turn_may_consist_of_tool_results(fake, fake_client):
    """
    The messages of a turn may be the results of the tools that the model called.
    """
    fake.reply("", tool_calls=[{"id": "c1", "name": "time", "arguments": {}}])
    chat = fake_client.conversation()

    asked = await chat.ask("What time is it?")
    call = asked.message.tool_calls[0]
    await chat.ask([asi1.ToolMessage("noon", tool_call_id=call.id)])

    assert ["user", "assistant", "tool", "assistant"] == roles(chat)
    assert "c1" == sent(fake)[1]["tool_calls"][0]["id"] == sent(fake)[2]["tool_call_id"]


async def test_answer_is_in_the_history_as_assistant_whatever_its_role(
    fake, fake_client
):
    """
    An answer is added to the history with the role "assistant", whatever role the
    server sent.
    """
    message = {"role": "model", "content": "Four."}
    fake.reply_json({"choices": [{"message": message, "finish_reason": "stop"}]})
    chat = fake_client.conversation()

    assert "Four." == (await chat.ask("2 + 2?")).text
    assert ["user", "assistant"] == roles(chat)


async def test_changing_passed_or_returned_messages_does_not_change_the_history(
    fake, fake_client
):
    """
    Changing messages that were passed to a conversation, or returned by it, does not
    change the conversation's history.
    """
    chat = fake_client.conversation()
    given = [{"role": "user", "content": [{"type": "text", "text": "A?"}]}]
    await chat.ask(given)
    given[0]["content"][0]["text"] = "X"
    chat.messages[0]["content"].append("Y")

    await chat.ask("B?")

    assert [{"type": "text", "text": "A?"}] == sent(fake)[0]["content"]


async def test_edit_undo_and_fork_change_or_copy_the_history(fake, fake_client):
    """
    `edit` replaces a message, `undo` removes the last turn and returns its messages,
    and `fork` copies the history or its first messages into a new conversation.
    """
    chat = fake_client.conversation("Be brief.")
    await chat.ask("A?")
    await chat.ask("B?")

    chat.edit(1, "A, then?")
    chat.edit(-1, asi1.AssistantMessage("No."))
    other = chat.fork(3)
    undone = chat.undo()

    assert ("B?", "No.") == tuple(message["content"] for message in undone)
    assert ["Be brief.", "A, then?"] == [m["content"] for m in chat.messages[:2]]
    assert chat.messages == other.messages
    await other.ask("C?")
    assert (3, 5) == (len(chat.messages), len(other.messages))
    chat.undo()
    assert () == chat.undo()
    assert ["system"] == roles(chat)
    with pytest.raises(asi1.ArgumentError, match="place: must be the index"):
        chat.edit(1, "X")


POLICIES = {
    "newest": asi1.KeepNewest(1500),
    "relevant": asi1.DropLeastRelevant(1500),
    "summary": asi1.Summarise(1500, size=100),
    "composed": asi1.DropLeastRelevant(2000) | asi1.Summarise(1500, size=100),
}


def question(number):
    topic = ("otters", "rivers", "giraffes")[number % 3]
    return f"Question {number}: what of {topic}? " + "Please tell me more. " * 4


def check_budget(fake, chat):
    """Check that the largest request has 1200 to 1500 tokens; the budget is 1500."""
    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert max(counts) <= 1500
    assert max(counts) > 1200
    assert 401 == len(chat.messages)
    assert "Be brief." == sent(fake)[0]["content"]


def check_same(fake, before):
    """Check that the requests from index *before* on consist of two equal halves."""
    bodies = [request.body for request in fake.requests[before:]]
    half = len(bodies) // 2
    assert bodies[:half]
    assert bodies[:half] == bodies[half:]


@pytest.mark.system
@pytest.mark.parametrize("name", POLICIES)
async def test_every_request_of_200_turns_stays_within_the_token_budget(
    fake, fake_client, name
):
    """
    In a conversation of 200 turns every request, including those for summaries, stays
    within the policy's token budget; afterwards a fork and a conversation loaded from
    JSON send equal request bodies.
    """
    chat = fake_client.conversation("Be brief.", context=POLICIES[name], session_id="s")
    for number in range(200):
        await chat.ask(question(number))
    loaded = fake_client.conversation(saved=chat.to_json(), context=POLICIES[name])

    before = len(fake.requests)
    for one in (chat.fork(), loaded):
        await one.ask("And now?")

    check_budget(fake, chat)
    check_same(fake, before)
    assert "s" == fake.requests[-1].headers["x-session-id"]
    summarises = name in ("summary", "composed")
    assert summarises == (chat.summary is not None)
    assert summarises == (chat.summary_usage.total_tokens > 0)
    assert chat.to_json() == chat.fork().to_json()


TOO_LONG = {
    "object": "error",
    "message": "The input (4000 tokens) is longer than the model's context length"
    " (1000 tokens).",
    "code": 400,
}


async def conversation_of(client, policy, turns=12, **options):
    chat = client.conversation("Be brief.", context=policy, **options)
    for number in range(turns):
        await chat.ask(question(number))
    return chat


@pytest.mark.parametrize("streamed", [False, True])
async def test_context_length_error_is_retried_once_with_fewer_messages(
    fake, fake_client, streamed
):
    """
    A request that is too long for the server is sent once more with fewer messages, and
    later requests stay within the limit that the server's error named. Hooks see the
    second request as a retry.
    """
    retried = []
    hooks = asi1.Hooks(
        on_retry=lambda call: retried.append(
            (call.error.status_code, call.wait.seconds)
        )
    )
    client = fake_client.with_options(hooks=hooks)
    chat = await conversation_of(client, asi1.KeepNewest(100_000))
    fake.reply_json(TOO_LONG, status=400)

    if streamed:
        answer = await chat.stream("B?").get_final_completion()
    else:
        answer = await chat.ask("B?")

    long, short = fake.requests[-2:]
    assert [(400, 0.0)] == retried
    assert len(short.body) < len(long.body) / 3
    assert ["system", "user"] == [m["role"] for m in sent(fake)][:2]
    assert "You said: B?" == answer.text
    assert [(1, 400), (2, 200)] == [
        (attempt.number, attempt.status) for attempt in answer.response.attempts
    ]
    assert 27 == len(chat.messages)
    later = fake_client.conversation(
        saved=chat.to_json(), context=asi1.KeepNewest(100_000)
    )
    for _ in range(15):
        await later.ask(question(1))
    assert 39 + len(fake.requests[-1].body) // 4 <= 950


@pytest.mark.parametrize(
    ("policy", "requests"),
    [(None, 1), (asi1.KeepNewest(100_000, retry=False), 1), (asi1.KeepNewest(), 2)],
)
async def test_context_length_error_is_raised_after_the_allowed_retry(
    fake, fake_client, policy, requests
):
    """
    A context length error is raised at once if the conversation has no policy, or a
    policy that allows no retry. Otherwise it is raised after one retry. The history is
    unchanged.
    """
    chat = await conversation_of(fake_client, policy)
    before, asked = chat.messages, len(fake.requests)
    fake.reply_json(TOO_LONG, status=400, times=2)

    with pytest.raises(asi1.ContextLengthError) as caught:
        await chat.ask("B?")

    assert (1000, 4000) == (caught.value.limit, caught.value.requested)
    assert requests == len(fake.requests) - asked
    assert before == chat.messages


async def test_turn_that_alone_exceeds_the_token_budget_is_not_sent(fake, fake_client):
    """
    A turn that exceeds the token budget even without the history is refused, and no
    request is sent.
    """
    chat = fake_client.conversation("Be brief.", context=asi1.KeepNewest(50))

    with pytest.raises(asi1.ArgumentError, match="over the budget of 50"):
        await chat.ask("otter " * 200)

    assert [] == fake.requests
    assert 1 == len(chat.messages)


async def test_summary_request_has_no_tools_and_its_usage_is_counted(fake, fake_client):
    """
    A summary request is sent without the tools, options and session id of the turns.
    Its token usage is added to the usage of the conversation.
    """
    tools = [{"type": "function", "function": {"name": "f"}}]
    policy = asi1.Summarise(900, size=60, model="small")
    chat = await conversation_of(
        fake_client, policy, 15, tools=tools, session_id="s", temperature=0
    )

    asked = [r for r in fake.requests if r.json["model"] == "small"]
    assert asked
    assert {"model", "messages", "max_tokens"} == set(asked[0].json)
    assert "x-session-id" not in asked[0].headers
    prompt_tokens = sum(39 + len(r.body) // 4 for r in asked)
    assert prompt_tokens == chat.summary_usage.prompt_tokens
    total = sum(39 + len(r.body) // 4 for r in fake.requests)
    assert total == chat.usage.prompt_tokens


async def test_change_of_a_summarised_message_drops_the_summary(fake, fake_client):
    """
    Editing a summarised message, or forking before the last summarised message, drops
    the summary. A change to later messages keeps the summary.
    """
    chat = await conversation_of(fake_client, asi1.Summarise(900, size=60), 15)

    assert chat.summary is not None
    assert chat.summary == chat.fork().summary
    assert chat.fork(2).summary is None
    chat.edit(-1, "No.")
    assert chat.summary is not None
    chat.edit(1, "Something else?")
    assert chat.summary is None


@pytest.mark.virtual_time
async def test_timeout_of_a_turn_includes_the_summary_request():
    """
    The timeout of a turn includes the time of the request that summarises older
    messages.
    """
    fake = FakeASI1(seed=7)
    async with in_process(fake, max_retries=0) as client:
        chat = await conversation_of(client, asi1.Summarise(900, size=60), 6)
        fake.reply("They spoke.", delay=8)
        fake.fault("stall_before_headers")
        began = anyio.current_time()

        with pytest.raises(asi1.APITimeoutError) as caught:
            await chat.ask("otter " * 300, timeout=10)

        assert "They spoke." == chat.summary
        assert "total" == caught.value.phase
        assert 10 == pytest.approx(anyio.current_time() - began, abs=0.1)
        assert 10 == pytest.approx(caught.value.elapsed, abs=0.1)
        assert "10" in str(caught.value)


@pytest.mark.virtual_time
async def test_timeout_of_a_turn_includes_all_requests_for_one_summary():
    """
    If a summary takes several requests, the timeout of the turn covers all of them
    together.
    """
    fake = FakeASI1(seed=7)
    async with in_process(fake, max_retries=0) as client:
        talk = client.conversation()
        for number in range(12):
            await talk.ask(f"{number} otter " * 40)
        chat = client.conversation(
            saved=talk.to_json(), context=asi1.Summarise(500, size=60)
        )
        fake.reply("They spoke.", delay=8, times=None)
        began = anyio.current_time()

        with pytest.raises(asi1.APITimeoutError):
            await chat.ask("otter " * 120, timeout=10)

        assert 10 == pytest.approx(anyio.current_time() - began, abs=0.1)


async def test_summary_request_has_the_clients_headers_but_not_its_stop_option(fake):
    """
    A summary request is sent with `extra_headers` of the client's default options, but
    without the options that shape an answer, such as `stop`.
    """
    options = {"extra_headers": {"x-tenant": "t1"}, "stop": ["END"]}
    async with asi1.AsyncASI1(
        "sk-test", fake.base_url, default_options=options
    ) as client:
        await conversation_of(client, asi1.Summarise(900, size=60, model="small"), 15)

    asked = [r for r in fake.requests if r.json["model"] == "small"]
    assert asked
    assert {"t1"} == {r.headers["x-tenant"] for r in fake.requests}
    assert not any("stop" in r.json for r in asked)


async def test_clients_default_max_tokens_lowers_the_token_budget(fake, monkeypatch):
    """
    If a context policy has no token budget, requests stay within the model's context
    size minus the client's default `max_tokens`.
    """
    monkeypatch.setitem(asi1.CONTEXT_SIZES, "huge", 1200)
    async with asi1.AsyncASI1(
        "sk-test", fake.base_url, default_options={"max_tokens": 600}
    ) as client:
        await conversation_of(client, asi1.KeepNewest(), 20, model="huge")

    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert 400 < max(counts) <= 600


async def test_policy_without_a_token_budget_keeps_to_the_models_context_size(
    fake, fake_client, monkeypatch
):
    """
    If a context policy has no token budget, requests stay within the model's context
    size minus `max_tokens`. A model of unknown context size is refused.
    """
    with pytest.raises(asi1.ArgumentError, match="no context size is known"):
        fake_client.conversation(context=asi1.KeepNewest(), model="huge")
    monkeypatch.setitem(asi1.CONTEXT_SIZES, "huge", 1200)

    await conversation_of(
        fake_client, asi1.KeepNewest(), 20, model="huge", max_tokens=200
    )

    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert 800 < max(counts) <= 1000


@pytest.mark.system
@pytest.mark.parametrize(
    ("info", "options", "most"),
    [
        ({"context": 1600, "output": 600}, {}, 1200),
        ({"context": 1600, "output": 200}, {}, 1400),
        ({"context": 1600, "output": 200}, {"max_tokens": 400}, 1200),
        ({"context": 1600}, {}, 1200),
    ],
    ids=["large-output", "small-output", "max-tokens", "unknown-output"],
)
async def test_policy_without_a_token_budget_reserves_tokens_for_the_answer(
    fake, info, options, most
):
    """
    A policy without a token budget reserves `max_tokens` for the answer. Without
    `max_tokens`, it reserves the model's output limit, but at most a quarter of the
    context.
    """
    models = {"huge": asi1.ModelInfo(**info)}
    async with in_process(fake, models=models) as client:
        await conversation_of(client, asi1.KeepNewest(), 30, model="huge", **options)

    counts = [39 + len(request.body) // 4 for request in fake.requests]
    assert most - 200 < max(counts) <= most


async def test_models_of_a_client_override_the_model_table_for_its_children(fake):
    """
    A client's ``models`` replace entries of `asi1.MODELS` for this client and for its
    `with_options` children, which may add ``models`` of their own. Other clients and
    `asi1.MODELS` itself do not change.
    """
    tiny = {"asi1": asi1.ModelInfo(context=100)}
    async with in_process(fake, models=tiny) as client:
        child = client.with_options(models={"huge": asi1.ModelInfo(context=10**6)})
        for each in (client, child):
            chat = each.conversation(model="asi1", context=asi1.KeepNewest())
            with pytest.raises(asi1.ArgumentError, match="over the budget of 75"):
                await chat.ask("otter " * 100)
        child.conversation(model="huge", context=asi1.KeepNewest())
        with pytest.raises(asi1.ArgumentError, match="no context size is known"):
            client.conversation(model="huge", context=asi1.KeepNewest())

    assert 196_000 == asi1.MODELS["asi1"].context


def saved(**changes):
    return json.dumps(json.loads(to_json(History())) | changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": 7},
        {"context": "newest"},
        {"temprature": 0},
        {"idempotency_key": "the same"},
        {"saved": saved(messages=EARLIER[:1]), "system": "x"},
        {"saved": saved(messages=EARLIER[:1]), "messages": EARLIER},
        {"messages": 7},
        {"messages": EARLIER[0]},
    ],
)
async def test_wrong_argument_is_refused_when_a_conversation_is_created(
    fake_client, wrong
):
    """
    A wrong argument raises an `ArgumentError` that names the argument when the
    conversation is created, before its first turn.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        fake_client.conversation(**wrong)

    assert caught.value.argument in {*wrong}


@pytest.mark.parametrize(
    "settings",
    [
        {"default_options": {"idempotency_key": "mine"}},
        {"default_options": {"extra_headers": {"Idempotency-Key": "mine"}}},
        {"default_headers": {"Idempotency-Key": "mine"}},
    ],
)
async def test_fixed_idempotency_key_of_a_client_is_refused(fake_client, settings):
    """
    A client whose default options have a fixed idempotency key is refused: all of its
    calls would share the key, and a server may answer each of them with the first
    answer. "auto" is accepted. A conversation refuses a fixed key, which all of its
    turns would share.
    """
    auto = fake_client.with_options(default_options={"idempotency_key": "auto"})

    assert () == auto.conversation().messages
    with pytest.raises(asi1.ConfigurationError, match="each call needs its own"):
        fake_client.with_options(**settings)
    with pytest.raises(asi1.ConfigurationError, match="each call needs its own"):
        asi1.AsyncASI1("test-key", **settings)
    with pytest.raises(asi1.ArgumentError, match="each turn needs its own key"):
        fake_client.conversation(idempotency_key="mine")
    with pytest.raises(asi1.ArgumentError, match=r"extra_headers: .* each turn needs"):
        fake_client.conversation(extra_headers={"Idempotency-Key": "mine"})


async def test_lone_surrogate_in_an_answer_is_replaced_in_the_history(
    fake, fake_client
):
    """
    A lone surrogate in an answer becomes U+FFFD in the history, since a lone surrogate
    could not be sent with the next turn.
    """
    body = b'{"id":"x","choices":[{"message":{"role":"user","content":"a\\ud800b"}}]}'
    fake.reply_json(body)
    chat = fake_client.conversation()
    await chat.ask("A?")

    await chat.ask("B?")

    assert {"role": "assistant", "content": "a\ufffdb"} == sent(fake)[1]


async def test_conversation_of_a_closed_client_is_refused(fake, fake_client):
    """
    After a client was closed, a turn of one of its conversations and the creation of a
    new conversation raise `ClientClosedError`.
    """
    chat = fake_client.conversation()
    await fake_client.aclose()

    with pytest.raises(asi1.ClientClosedError):
        await chat.ask("A?")
    with pytest.raises(asi1.ClientClosedError):
        fake_client.conversation()
    await until(lambda: fake.open_connections == 0)


def reply_counting(prompt_tokens, text="Fine."):
    """Return the body of an answer whose usage reports *prompt_tokens*."""
    answer = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 1}
    return json.dumps({"id": "a", "choices": [answer], "usage": usage}).encode()


async def test_one_absurdly_high_token_count_blocks_no_later_turn(fake, fake_client):
    """
    After the server has reported one prompt token count far above all its other counts,
    later turns still fit into the budget.
    """
    for count in (20, 30, 9000):
        fake.reply_json(reply_counting(count))
    chat = fake_client.conversation(context=asi1.KeepNewest(8000))

    answers = [(await chat.ask("hello")).text for _ in range(6)]

    assert ["Fine."] * 3 == answers[:3]
    assert ["You said: hello"] * 3 == answers[3:]


async def test_impossible_token_count_is_not_used_and_raises_nothing(fake, fake_client):
    """
    An impossible token count from the server is not used for later estimates, and the
    answer is returned. Such a count in a saved conversation raises an `ArgumentError`.
    """
    fake.reply_json(reply_counting(10**400))
    chat = fake_client.conversation()

    answer = await chat.ask("hello")

    assert "Fine." == answer.text
    assert () == chat.tokens.samples
    await chat.ask("hello")
    saved = json.loads(chat.to_json())
    saved["samples"] = [[10**400, 1, 5]]
    with pytest.raises(asi1.ArgumentError, match="saved"):
        fake_client.conversation(saved=json.dumps(saved))


async def test_lone_surrogate_in_a_summary_is_replaced(fake, fake_client):
    """
    A lone surrogate in a summary becomes U+FFFD, and later turns still work.
    """
    policy = asi1.Summarise(900, size=60, model="small")
    talk = fake_client.conversation()
    for _ in range(12):
        await talk.ask("tell " * 60)
    fake.clear()
    fake.reply_json(reply_counting(200, "sum \ud83d mary"), times=None)
    chat = fake_client.conversation(saved=talk.to_json(), context=policy)

    for _ in range(3):
        await chat.ask("tell " * 60)

    assert "sum \ufffd mary" == chat.summary
    assert chat.summary == fake_client.conversation(saved=chat.to_json()).summary


async def test_answer_to_an_abandoned_turn_does_not_join_the_history(fake, fake_client):
    """
    If a turn is no longer the conversation's current turn when its answer arrives, the
    answer is not added to the history.
    """
    chat = fake_client.conversation()
    fake.reply("Late.", delay=0.2)
    async with anyio.create_task_group() as group:
        group.start_soon(chat.ask, "A?")
        await until(lambda: fake.requests)
        chat._turns.current = None

    assert () == chat.messages


async def test_turn_of_the_parent_process_does_not_block_a_forked_child(
    fake, fake_client, monkeypatch
):
    """
    A turn that was under way when the process was forked does not make the conversation
    busy in the child process.
    """
    chat = fake_client.conversation()
    async with chat.stream("A?"):
        with pytest.raises(asi1.ConversationBusyError):
            chat.undo()
        monkeypatch.setattr("os.getpid", lambda: 0)
        assert () == chat.undo()
        monkeypatch.undo()


async def test_keep_partial_applies_to_a_stream_that_was_refused_at_first(
    fake, fake_client
):
    """
    *keep_partial* applies even to a stream whose first read was refused because another
    turn was under way, and which was read after that turn.
    """
    fake.reply("one two three four", chunk_words=1, chunk_delay=0.05, times=None)
    chat = fake_client.conversation()
    stream_a = chat.stream("A?", keep_partial=True)
    async with chat.stream("B?") as other:
        await anext(other)
        with pytest.raises(asi1.ConversationBusyError):
            await anext(stream_a)
    await until(lambda: chat._turns.current is None)

    text = ""
    while not text:
        text += (await anext(stream_a)).text
    await stream_a.aclose()

    assert ["user", "assistant"] == roles(chat)


@pytest.mark.parametrize(
    "use",
    [
        lambda fake_client, chat: chat.edit("0", "y"),
        lambda fake_client, chat: chat.edit(0.5, "y"),
        lambda fake_client, chat: chat.fork("1"),
        lambda fake_client, chat: fake_client.conversation(saved=10**15),
        lambda fake_client, chat: fake_client.conversation(saved={"a": 1}),
    ],
    ids=["edit-str", "edit-float", "fork-str", "saved-int", "saved-dict"],
)
async def test_index_or_saved_text_of_a_wrong_type_is_refused(fake, fake_client, use):
    """
    An index, a number of messages or a saved conversation of a wrong type raises an
    `ArgumentError`.
    """
    chat = fake_client.conversation()
    await chat.ask("A?")

    with pytest.raises(asi1.ArgumentError):
        use(fake_client, chat)


async def test_scoring_function_that_returns_no_number_is_refused(fake, fake_client):
    """
    If the scoring function of a context policy does not return a number, the turn
    raises an `ArgumentError`.
    """
    chat = fake_client.conversation()
    for _ in range(6):
        await chat.ask("tell " * 60)
    policy = asi1.DropLeastRelevant(400, score=lambda *_: None)
    chat = fake_client.conversation(saved=chat.to_json(), context=policy)

    with pytest.raises(asi1.ArgumentError, match="score"):
        await chat.ask("tell me")


EMPTY = [
    pytest.param({"message": {"content": None}, "finish_reason": "stop"}, id="null"),
    pytest.param({"message": {"content": ""}, "finish_reason": "length"}, id="length"),
    pytest.param({"message": {"content": " \n"}, "finish_reason": "stop"}, id="blank"),
    pytest.param(
        {"message": {"reasoning_content": "Hm."}, "finish_reason": "length"},
        id="thoughts",
    ),
    pytest.param(
        {"message": {"content": []}, "finish_reason": "content_filter"}, id="no-parts"
    ),
]


@pytest.mark.system
@pytest.mark.parametrize("choice", EMPTY)
@pytest.mark.parametrize("streams", [False, True], ids=["ask", "stream"])
@pytest.mark.parametrize("keep", [False, True], ids=["", "keep-reasoning"])
async def test_empty_answer_is_in_the_history_but_is_not_sent(
    fake, fake_client, choice, streams, keep
):
    """
    An answer with neither text nor tool calls is a turn of the history, even in a saved
    conversation, and can be undone. But later requests do not contain the answer.
    """
    fake.clear()
    if streams:
        fake.play(SSE, Event({"choices": [{"index": 0, **choice}]}), DONE)
    else:
        fake.reply_json({"choices": [choice]})
    fake.reply("Yes.", times=None)
    chat = fake_client.conversation(keep_reasoning=keep)

    if streams:
        async with chat.stream("A?") as stream:
            answer = await stream.get_final_completion()
    else:
        answer = await chat.ask("A?")
    saved = fake_client.conversation(saved=chat.to_json())
    await chat.fork().ask("B?")
    await saved.ask("B?")
    undone = chat.undo()

    asked = [{"role": "user", "content": "A?"}, {"role": "user", "content": "B?"}]
    assert choice["finish_reason"] == answer.finish_reason
    assert [asked, asked] == [sent(fake), sent(fake, -2)]
    assert ["user", "assistant", "user", "assistant"] == roles(saved)
    assert ["user", "assistant"] == [message["role"] for message in undone]
    assert () == chat.messages


@pytest.mark.parametrize("streams", [False, True], ids=["ask", "stream"])
async def test_function_call_is_sent_with_the_next_turn(fake, fake_client, streams):
    """
    An answer with only a ``function_call``, as older servers send it, is sent with the
    next turn, since such a message is valid without content.
    """
    call = {"name": "dive", "arguments": '{"m": 3}'}
    fake.clear()
    if streams:
        parts = [{"name": "dive", "arguments": ""}, {"arguments": '{"m"'}]
        deltas = [{"function_call": part} for part in [*parts, {"arguments": ": 3}"}]]
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        fake.play(SSE, Event(*chunks, chunk(finish="function_call")), DONE)
    else:
        message = {"role": "assistant", "content": None, "function_call": call}
        choice = {"message": message, "finish_reason": "function_call"}
        fake.reply_json({"choices": [choice]})
    fake.reply("Yes.", times=None)
    chat = fake_client.conversation()

    if streams:
        answer = await chat.stream("A?").get_final_completion()
    else:
        answer = await chat.ask("A?")
    saved = fake_client.conversation(saved=chat.to_json())
    result = {"role": "function", "name": "dive", "content": "wet"}
    await saved.ask([result])
    await fake_client.chat.completions.create(messages=[answer])

    reply = {"role": "assistant", "content": None, "function_call": call}
    assert [{"role": "user", "content": "A?"}, reply, result] == sent(fake, -2)
    assert [reply] == sent(fake)


async def test_empty_answer_appended_to_messages_is_not_sent(fake, fake_client):
    """
    An empty answer, or its message, in the ``messages`` of a call is not sent.
    """
    fake.clear()
    fake.reply_json({"choices": [{"message": {"role": "assistant", "content": None}}]})
    fake.reply("Yes.", times=None)
    create = fake_client.chat.completions.create
    user = {"role": "user", "content": "A?"}
    answer = await create(messages=[user])

    for empty in (answer, answer.message, answer.message.to_dict()):
        await create(messages=[user, empty, user])

        assert [user, user] == sent(fake)


async def test_token_estimator_ignores_empty_answers(fake, fake_client):
    """
    The token estimator learns from the messages that were sent, not from empty answers.
    """
    fake.clear()
    fake.reply_json({"choices": [{"message": {"content": None}}]})
    fake.reply("Yes.", usage={"prompt_tokens": 9, "total_tokens": 10}, times=None)
    chat = fake_client.conversation(context=asi1.KeepNewest(1000))
    await chat.ask("A?")

    await chat.ask("B?")

    assert (4, 2, 9) == chat.tokens.samples[-1]


CALL = {
    "index": 0,
    "id": "c1",
    "type": "function",
    "extra_content": {"google": {"thought_signature": "s1"}},
    "function": {"name": "dive", "arguments": "{}", "signature": "s2"},
}


@pytest.mark.parametrize("streams", [False, True], ids=["ask", "stream"])
async def test_unknown_keys_of_tool_calls_are_sent_back(fake, fake_client, streams):
    """
    Unknown keys of a tool call are sent back with the next turn, streamed or not, even
    by forks and loaded conversations. Unknown keys of a message are not sent back.
    """
    fake.clear()
    message = {"tool_calls": [CALL], "annotations": [1], "reasoning_content": "Hm."}
    if streams:
        first = {"choices": [{"index": 0, "delta": message}]}
        fake.play(SSE, Event(first), Event(chunk(finish="tool_calls")), DONE)
    else:
        fake.reply_json({"choices": [{"message": message}]})
    fake.reply("Yes.", times=None)
    chat = fake_client.conversation()
    if streams:
        async with chat.stream("A?") as stream:
            await stream.get_final_completion()
    else:
        await chat.ask("A?")
    wire = {key: value for key, value in CALL.items() if key != "index"}
    back = {"role": "assistant", "content": None, "tool_calls": [wire]}
    result = asi1.ToolMessage("deep", "c1")

    for each in (
        fake_client.conversation(saved=chat.to_json()),
        chat.fork(),
        chat,
    ):
        await each.ask([result])

        assert back == sent(fake)[1]


@pytest.mark.system
@pytest.mark.parametrize("streams", [False, True], ids=["ask", "stream"])
@pytest.mark.parametrize("thought", [False, True], ids=["message", "answer"])
@pytest.mark.parametrize("keep", [None, False, True])
async def test_thoughts_are_sent_back_only_with_keep_reasoning(
    fake, fake_client, streams, thought, keep
):
    """
    With ``keep_reasoning=True`` the model's thoughts, wherever the server sends them,
    are in the history and are sent back as ``reasoning_content``. Without
    ``keep_reasoning``, they are neither in the history nor sent back.
    """
    fake.clear()
    part = {"content": "Yes."} | ({} if thought else {"reasoning_content": "Hm."})
    top = {"thought": "Hm."} if thought else {}
    if streams:
        first = {"choices": [{"index": 0, "delta": part}], **top}
        fake.play(SSE, Event(first), Event(chunk(finish="stop")), DONE)
    else:
        fake.reply_json({"choices": [{"message": part}], **top})
    fake.reply("Fine.", times=None)
    chat = fake_client.conversation(keep_reasoning=keep)
    if streams:
        async with chat.stream("A?") as stream:
            await stream.get_final_completion()
    else:
        await chat.ask("A?")
    reply = {"role": "assistant", "content": "Yes."}
    kept = reply | ({"reasoning_content": "Hm."} if keep else {})

    for each in (
        fake_client.conversation(saved=chat.to_json()),
        fake_client.conversation(saved=chat.to_json(), keep_reasoning=keep),
        chat.fork(),
        chat,
    ):
        assert kept == each.messages[1]
        await each.ask("B?")

        assert kept == sent(fake)[1]

    off = fake_client.conversation(saved=chat.to_json(), keep_reasoning=False)
    assert reply == off.messages[1]


async def test_forks_and_loaded_conversations_inherit_keep_reasoning(fake, fake_client):
    """
    Forks and loaded copies of a conversation with ``keep_reasoning`` add the thoughts
    of later answers, and of partial answers, to their history.
    """
    fake.clear()
    fake.reply("Yes.", thoughts=["Hm."], times=None)
    chat = fake_client.conversation(keep_reasoning=True)

    for each in (chat.fork(), fake_client.conversation(saved=chat.to_json())):
        await each.ask("A?")
        async with each.stream("B?", keep_partial=True) as stream:
            async for piece in stream.text_stream:
                assert piece
                break

        replies = each.messages[1::2]
        assert ["Hm.", "Hm."] == [reply["reasoning_content"] for reply in replies]


async def test_keep_reasoning_missing_in_a_saved_conversation_is_false(fake_client):
    """
    A saved conversation without the field "keep_reasoning" is loaded as if this field
    were false.
    """
    old = json.loads(fake_client.conversation("Hi").to_json())
    del old["keep_reasoning"]

    chat = fake_client.conversation(saved=json.dumps(old))

    assert json.loads(chat.to_json())["keep_reasoning"] is False


@pytest.mark.parametrize("value", ["no", 1, "False"])
async def test_keep_reasoning_of_a_wrong_type_is_refused(fake_client, value):
    """
    ``keep_reasoning`` must be True, False or None.
    """
    with pytest.raises(asi1.ArgumentError, match="keep_reasoning: "):
        fake_client.conversation(keep_reasoning=value)


async def test_surrogate_pair_of_two_chunks_is_joined_in_the_history(fake, fake_client):
    """
    A character that came as two halves of a surrogate pair, in two chunks, is stored,
    saved and sent back as one character.
    """
    fake.clear()
    done = Data(b"data: [DONE]\n\n")
    fake.play(SSE, Event(chunk("\ud83e")), Event(chunk("\udda6")), done)
    chat = fake_client.conversation()
    async with chat.stream("A?") as stream:
        await stream.get_final_completion()

    fake.reply("Fine.")
    await chat.ask("B?")

    otter = {"role": "assistant", "content": "\U0001f9a6"}
    assert otter == sent(fake)[1] == json.loads(chat.to_json())["messages"][1]
