"""The web chat of the examples in a real browser: what its buttons and keys do."""

from __future__ import annotations

import pytest

from asi1.testing import Close, Stall

from ...support.talk import SSE, Event, chunk


pytest.importorskip("playwright", reason="playwright is not installed")

from .site import ended, expect, visiting


# What a browser writes into its console whenever a reply has an error's status.
REFUSED = "Failed to load resource: the server responded with a status of "


def asked(fake, number=-1):
    """Return what the model was asked: who said what."""
    messages = fake.requests[number].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


def endless(*texts):
    """Return a stream that says *texts* and then nothing until the browser leaves."""
    return [SSE, *(Event(chunk(text)) for text in texts), Stall()]


async def test_an_answer_is_shown_with_its_count(fake, visit):
    """
    A question gets its answer, with the tokens that it took, and the next one is asked
    with both in front of it.
    """
    fake.reply(
        "Because of *scattering*.",
        usage={"prompt_tokens": 7, "completion_tokens": 1500, "total_tokens": 1507},
        chunk_words=1,
    )
    fake.reply("By day.")

    await visit.asked("Why is the sky blue?")
    first = await visit.said()
    await expect(visit.meta).to_contain_text("1,507 tokens (7 in, 1,500 out)")
    await expect(visit.page.get_by_text("1,507 tokens in this chat")).to_be_visible()
    await visit.asked("When?")

    assert '<p dir="auto">Because of <em>scattering</em>.</p>' == first
    assert [
        ("user", "Why is the sky blue?"),
        ("assistant", "Because of *scattering*."),
        ("user", "When?"),
    ] == asked(fake)
    assert fake.requests[-1].json["stream"] is True


async def test_thoughts_fold_away(fake, visit):
    """
    Thoughts are folded away until a reader unfolds them, by mouse or by keyboard.
    """
    fake.reply("Four.", thoughts=["Two and two."])

    await visit.asked("2 + 2?")

    notes = visit.page.get_by_text("Two and two.")
    summary = visit.page.get_by_text("Thoughts", exact=True)
    await expect(notes).to_be_hidden()
    await summary.click()
    await expect(notes).to_be_visible()
    await summary.press("Enter")
    await expect(notes).to_be_hidden()
    await expect(visit.text).to_have_text("Four.")


@pytest.mark.parametrize("how", ["button", "keyboard", "escape"])
async def test_stopping_closes_the_call(fake, visit, how):
    """
    An answer is shown while it comes; stopping it ends the upstream call, keeps what
    has come, and puts the focus where the next question is typed.
    """
    fake.play(*endless("So ", "far "))
    fake.reply("Fine.")

    await visit.ask("Go on")
    await expect(visit.text).to_have_text("So far")
    await expect(visit.answer).to_have_attribute("aria-busy", "true")
    assert "open" == fake.requests[0].outcome
    if how == "button":
        await visit.stop.click()
    elif how == "keyboard":
        await visit.page.keyboard.press("Tab")
        await visit.page.keyboard.press("Enter")
    else:
        await visit.page.keyboard.press("Escape")

    assert "left" == await ended(fake.requests[0])
    await visit.over()
    await expect(visit.meta).to_contain_text("Stopped")
    await expect(visit.prompt).to_be_focused()
    await visit.asked("And?")
    assert ("assistant", "So far ") == asked(fake)[1]


async def test_a_refusal_can_be_tried_again(fake, visit):
    """
    A refusal is told in a banner, in the server's words and with its time to wait; the
    banner's button asks the same again, and takes the banner away.
    """
    fake.fail(429, retry_after=300, message="<b>Slow</b> down.", times=1)
    fake.reply("Here.")

    await visit.asked("Hi")
    await expect(visit.alert).to_contain_text(
        "<b>Slow</b> down. Try again in 5 minutes."
    )
    await visit.retry.focus()
    await visit.page.keyboard.press("Enter")
    await visit.over()

    await expect(visit.text).to_have_text("Here.")
    await expect(visit.alert).to_be_empty()
    await expect(visit.prompt).to_be_focused()
    assert [("user", "Hi")] == asked(fake, 0) == asked(fake, 1)
    visit.forgiven.append(f"{REFUSED}429")


async def test_a_broken_answer_keeps_what_came(fake, visit):
    """
    An answer that breaks off stays on show and is told of; trying again replaces it.
    """
    fake.play(SSE, Event(chunk("One ")), Close())
    fake.reply("One two.")

    await visit.asked("Count")
    await expect(visit.text).to_have_text("One")
    await expect(visit.meta).to_contain_text("Broken off")
    await visit.retry.click()
    await visit.over()

    await expect(visit.text).to_have_text("One two.")
    assert 1 == await visit.page.locator(".turn").count()


async def test_a_broken_answer_is_no_part_of_the_conversation(fake, visit):
    """
    Who asks on after an answer broke off takes the banner away; the model is told of
    the question, and not of the piece of an answer.
    """
    fake.play(SSE, Event(chunk("One ")), Close())
    fake.reply("Fine.")

    await visit.asked("Count")
    await expect(visit.alert).not_to_be_empty()
    await visit.asked("Well?")

    await expect(visit.alert).to_be_empty()
    assert [("user", "Count"), ("user", "Well?")] == asked(fake)


async def test_a_lost_server_is_told_of(fake, visit):
    """
    A page that has lost its server says so, and works once it is back.
    """
    fake.reply("Back.")

    await visit.page.context.set_offline(True)
    try:
        await visit.asked("Hi")
    finally:
        await visit.page.context.set_offline(False)
    await expect(visit.alert).to_contain_text("The server cannot be reached.")
    await visit.retry.click()

    await expect(visit.text).to_have_text("Back.")
    visit.forgiven.append("net::ERR_INTERNET_DISCONNECTED")


async def test_a_cut_answer_says_so(fake, visit):
    """
    An answer that the limit of tokens ended is marked as cut.
    """
    fake.reply("One two", finish_reason="length")

    await visit.asked("Count")

    await expect(visit.meta).to_contain_text("Cut at the limit of tokens")


async def test_a_reload_keeps_the_history(fake, visit):
    """
    A reload shows the same conversation, and the next question continues it.
    """
    fake.reply("**One**, two.", thoughts=["Count up."])
    fake.reply("Three.")

    await visit.asked("Count")
    before = await visit.page.locator("#turns").inner_html()
    await visit.page.reload()
    await expect(visit.text).to_have_text("One, two.")
    assert before == await visit.page.locator("#turns").inner_html()
    await visit.asked("Go on")

    assert [("user", "Count"), ("assistant", "**One**, two."), ("user", "Go on")] == (
        asked(fake)
    )


async def test_a_reload_in_mid_stream_keeps_what_came(fake, visit):
    """
    Whoever reloads while an answer comes ends the call, and finds what had come.
    """
    fake.play(*endless("So far"))

    await visit.ask("Go on")
    await expect(visit.text).to_have_text("So far")
    await visit.page.reload()

    assert "left" == await ended(fake.requests[0])
    await expect(visit.text).to_have_text("So far")
    await expect(visit.meta).to_contain_text("Stopped")


async def test_a_reload_keeps_a_failure(fake, visit):
    """
    A failed question can still be tried again after a reload.
    """
    fake.fail(400, message="No.")
    fake.reply("Yes.")

    await visit.asked("May I?")
    await visit.page.reload()
    await expect(visit.alert).to_contain_text("No.")
    await visit.retry.click()

    await expect(visit.text).to_have_text("Yes.")
    visit.forgiven.append(f"{REFUSED}400")


async def test_a_history_that_makes_no_sense_is_no_hindrance(fake, visit):
    """
    Whatever is in the browser's store, the page opens and answers.
    """
    fake.reply("Fine.", times=None)
    keep = "kept => localStorage.setItem('asi1-webchat-1', kept)"

    for kept in ("{", "7", '{"a": 1}', "[null]", '[{"text": 1, "tokens": {}}]'):
        await visit.page.evaluate(keep, kept)
        await visit.page.reload()
        await visit.asked("Hi")
        await expect(visit.text).to_have_text("Fine.")
        assert [("user", "Hi")] == asked(fake)


async def test_a_new_chat_forgets_the_old_one(fake, visit):
    """
    A new chat begins only after one has agreed, and nothing of the old one is kept.
    """
    fake.reply("Old.")

    await visit.asked("Hi")
    new = visit.page.get_by_role("button", name="New chat")
    await new.click()
    await visit.page.get_by_role("button", name="Keep it").click()
    await expect(visit.text).to_have_text("Old.")
    await new.click()
    await visit.page.get_by_role("button", name="Begin anew").click()
    await expect(visit.page.locator(".turn")).to_have_count(0)
    await expect(visit.prompt).to_be_focused()
    await visit.page.reload()

    await expect(visit.page.get_by_role("heading", name="What would")).to_be_visible()
    assert 0 == await visit.page.evaluate("() => localStorage.length")


async def test_a_screen_reader_is_told_little(fake, visit):
    """
    A screen reader hears that an answer is awaited and comes, and then the answer,
    once; the pieces in between are in no live region.
    """
    text = "one two three four five six seven eight nine ten " * 4
    fake.reply(text, thoughts=["Count."], chunk_words=1)

    await visit.page.evaluate(
        """() => {
          window.heard = [];
          const status = document.querySelector("[role=status]");
          new MutationObserver(() => heard.push(status.textContent)).observe(
            status, {childList: true}
          );
        }"""
    )
    await visit.asked("Count")
    await expect(visit.page.get_by_role("status")).to_have_text(text.strip())
    heard = await visit.page.evaluate("() => heard")

    assert "Waiting for the answer" == heard[0]
    assert {"Thinking", "Answering"} >= set(heard[1:-1])
    assert len(heard) <= 4
    live = "[aria-live] #turns, [role=log] #turns, [role=status] #turns"
    assert 0 == await visit.page.locator(live).count()


async def test_messages_have_headings(fake, visit):
    """
    Each question and answer is found by its heading, and headings of an answer stand
    below its own.
    """
    fake.reply("# Big\n\n## Small")

    await visit.asked("Hi")

    for level, name in ((2, "You say"), (2, "asi1 says"), (3, "Big"), (4, "Small")):
        heading = visit.page.get_by_role("heading", level=level, name=name)
        await expect(heading).to_have_count(1)


@pytest.mark.parametrize(("motion", "count"), [("reduce", 0), ("no-preference", 1)])
async def test_nothing_moves_for_who_wants_no_motion(browser, url, fake, motion, count):
    """
    The sign that an answer is awaited moves, unless the reader wants less motion.
    """
    fake.play(Stall())

    async with visiting(browser, url, reduced_motion=motion) as visit:
        await visit.ask("Hi")
        await expect(visit.stop).to_be_visible()
        moving = "() => document.getAnimations().length"
        assert count == await visit.page.evaluate(moving)


async def test_on_a_phone_enter_breaks_the_line(browser, url, fake):
    """
    On a touch screen Enter breaks the line, as its keyboard has no other key for that,
    and the button sends; the keyboard does not come up over the answer.
    """
    fake.reply("Fine.")

    phone = {"viewport": {"width": 390, "height": 844}}
    async with visiting(browser, url, **phone, is_mobile=True, has_touch=True) as visit:
        await visit.prompt.type("a\nb")
        await visit.send.tap()
        await visit.over()
        await expect(visit.text).to_have_text("Fine.")
        await expect(visit.prompt).not_to_be_focused()
        assert [("user", "a\nb")] == asked(fake)
