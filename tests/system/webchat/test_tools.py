"""The tools of examples/webchat in a real browser: what is shown, and approvals."""

from __future__ import annotations

import json

import pytest

from asi1.testing import Stall

from ...support.talk import SSE, Event


pytest.importorskip("playwright", reason="playwright is not installed")

from .site import expect, outcome_of


HTML = '<img src="x" onerror="alert(1)">'
MAIL = {"name": "send_mail", "arguments": {"to": "ada@a.example", "text": HTML}}


def dice(count):
    return {"name": "roll_dice", "arguments": {"count": count}}


def results_sent(fake):
    """Return the contents of the tool messages in the fake's last request."""
    messages = fake.requests[-1].json["messages"]
    return [m["content"] for m in messages if m["role"] == "tool"]


def call(visit, number=0):
    return visit.answer.locator(".call").nth(number)


def button(visit, name):
    return visit.answer.get_by_role("button", name=f"{name} send_mail")


async def test_tool_calls_and_results_are_shown_beside_the_answer(fake, visit):
    """
    The page shows each tool that the model uses, with its arguments and its result or
    error. The texts of two answers are separate paragraphs.
    """
    fake.reply("Let me roll.", tool_calls=[dice(2), dice(0)])
    fake.reply("There.")

    await visit.ask_and_wait("Roll two dice")

    await expect(visit.answer.locator(".call")).to_have_count(2)
    await expect(call(visit)).to_contain_text("roll_dice done")
    [rolled, refused] = results_sent(fake)
    await expect(call(visit).locator("pre").last).to_have_text(rolled)
    await expect(call(visit, 1)).to_contain_text("roll_dice failed")
    await expect(call(visit, 1)).to_contain_text("count must be from 1 to 100")
    assert "count must be" in refused
    await expect(visit.text.locator("p")).to_have_text(["Let me roll.", "There."])
    await expect(visit.answer.get_by_role("button", name="Approve")).to_have_count(0)


@pytest.mark.parametrize("reloaded", [False, True])
async def test_approved_call_runs_and_the_answer_goes_on(fake, visit, reloaded):
    """
    A call that needs an approval waits for a click, even across a reload of the page.
    The approved call runs, and the model goes on with the call's result. The model's
    arguments are shown as text, never as HTML.
    """
    fake.reply("I write.", tool_calls=[MAIL])
    fake.reply("It is sent.")

    await visit.ask_and_wait("Write to Ada")
    if reloaded:
        await visit.page.reload()
    await expect(call(visit)).to_contain_text("send_mail waits for your approval")
    shown = json.loads(await call(visit).locator("pre").text_content())
    await expect(visit.meta).to_contain_text("Waiting for your approval")
    assert 1 == len(fake.requests)
    await button(visit, "Approve").click()
    await expect(visit.text.locator("p")).to_have_text(["I write.", "It is sent."])
    await visit.wait_until_done()

    assert MAIL["arguments"] == shown
    await expect(call(visit)).to_contain_text("send_mail done")
    assert (["sent"], 2) == (results_sent(fake), len(fake.requests))
    await expect(button(visit, "Approve")).to_have_count(0)
    await expect(visit.answer.locator("img")).to_have_count(0)


async def test_refused_call_does_not_run_and_the_model_is_told(fake, visit):
    """
    If the user refuses a call, the model reads that the user does not allow it.
    """
    fake.reply("", tool_calls=[MAIL])
    fake.reply("As you like.")

    await visit.ask_and_wait("Write to Ada")
    await button(visit, "Refuse").click()
    await expect(visit.text).to_have_text("As you like.")

    await expect(call(visit)).to_contain_text("send_mail refused")
    [told] = results_sent(fake)
    assert "does not allow" in told


async def test_hidden_characters_of_arguments_are_shown_as_escapes(fake, visit):
    """
    Characters of the arguments that cannot be seen, or that turn the text around, are
    shown as escapes: the user sees what is approved. Long arguments are not shortened.
    """
    given = {"to": "a\u202eb@a.example\u200b", "text": "x" * 5000 + "end"}
    wire = json.dumps(given, ensure_ascii=False)
    fake.reply("", tool_calls=[{"name": "send_mail", "arguments": wire}])

    await visit.ask_and_wait("Write")

    shown = await call(visit).locator("pre").text_content()
    assert wire.replace("\u202e", r"\u{202e}").replace("\u200b", r"\u{200b}") == shown


async def test_call_without_approval_never_runs_after_the_next_question(fake, visit):
    """
    If the user asks something else instead of deciding, the call never runs, and the
    call's buttons are gone.
    """
    fake.reply("", tool_calls=[MAIL])
    fake.reply("Blue.")

    await visit.ask_and_wait("Write to Ada")
    await visit.ask_and_wait("Which color?")

    await expect(visit.text).to_have_text("Blue.")
    approve = visit.page.get_by_role("button", name="Approve send_mail")
    await expect(approve).to_have_count(0)
    assert [] == results_sent(fake)


async def test_approval_that_the_server_has_forgotten_is_reported(fake, visit):
    """
    If the server does not know the run any more, a banner says that nothing waits for
    the approval, and the banner's button asks the question again.
    """
    fake.reply("", tool_calls=[MAIL])
    fake.reply("Fine.")

    await visit.ask_and_wait("Write to Ada")
    await visit.page.evaluate(
        """() => {
          const kept = JSON.parse(localStorage.getItem("asi1-webchat-1"));
          kept[0].run = "unknown";
          localStorage.setItem("asi1-webchat-1", JSON.stringify(kept));
        }"""
    )
    await visit.page.reload()
    await button(visit, "Approve").click()
    await expect(visit.alert).to_contain_text("nothing waits for this approval")
    await visit.retry.click()

    await expect(visit.text).to_have_text("Fine.")
    await expect(visit.answer.locator(".call")).to_have_count(0)
    visit.expected.append("status of 404")


async def test_stopped_run_calls_no_more_tools(fake, visit):
    """
    If the user stops an answer, calls that the model is still writing never run.
    """
    fake.play(
        SSE,
        Event(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {
                            "content": "I roll",
                            "tool_calls": [
                                {
                                    "index": 0,
                                    "id": "a",
                                    "function": {
                                        "name": "roll_dice",
                                        "arguments": '{"count": 1}',
                                    },
                                }
                            ],
                        },
                    }
                ]
            }
        ),
        Stall(),
    )

    await visit.ask("Roll")
    await expect(visit.text).to_have_text("I roll")
    await visit.stop.click()

    assert "left" == await outcome_of(fake.requests[0])
    await visit.wait_until_done()
    await expect(visit.answer.locator(".call")).to_have_count(0)
    assert 1 == len(fake.requests)
