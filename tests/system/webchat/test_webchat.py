"""What the buttons and keys of examples/webchat do, in a real browser."""

from __future__ import annotations

import pytest

from asi1.testing import Close, Stall

from ...support.talk import SSE, Event, chunk, until


pytest.importorskip("playwright", reason="playwright is not installed")

from .site import expect, outcome_of, visiting


# The message that a browser logs for each reply with an error status.
FAILED_TO_LOAD = "Failed to load resource: the server responded with a status of "


def messages_sent(fake, number=-1):
    """Return (role, content) of each message in the fake's request *number*."""
    messages = fake.requests[number].json["messages"]
    return [(message["role"], message["content"]) for message in messages]


def endless(*texts):
    """Return the fake's steps for a reply that streams *texts*, then stalls."""
    return [SSE, *(Event(chunk(text)) for text in texts), Stall()]


async def test_answer_is_shown_with_its_token_count(fake, visit):
    """
    An answer is shown below its question with the token counts; the next question is
    sent to the model together with the first question and its answer.
    """
    fake.reply(
        "Because of *scattering*.",
        usage={"prompt_tokens": 7, "completion_tokens": 1500, "total_tokens": 1507},
        chunk_words=1,
    )
    fake.reply("By day.")

    await visit.ask_and_wait("Why is the sky blue?")
    first = await visit.answer_html()
    await expect(visit.meta).to_contain_text("1,507 tokens (7 in, 1,500 out)")
    await expect(visit.page.get_by_text("1,507 tokens in this chat")).to_be_visible()
    await visit.ask_and_wait("When?")

    assert '<p dir="auto">Because of <em>scattering</em>.</p>' == first
    assert [
        ("user", "Why is the sky blue?"),
        ("assistant", "Because of *scattering*."),
        ("user", "When?"),
    ] == messages_sent(fake)
    assert fake.requests[-1].json["stream"] is True


async def test_thoughts_are_collapsed_until_the_user_opens_them(fake, visit):
    """
    The model's thoughts are collapsed until the user opens them; a click opens them,
    and Enter closes them again.
    """
    fake.reply("Four.", thoughts=["Two and two."])

    await visit.ask_and_wait("2 + 2?")

    notes = visit.page.get_by_text("Two and two.")
    summary = visit.page.get_by_text("Thoughts", exact=True)
    await expect(notes).to_be_hidden()
    await summary.click()
    await expect(notes).to_be_visible()
    await summary.press("Enter")
    await expect(notes).to_be_hidden()
    await expect(visit.text).to_have_text("Four.")


@pytest.mark.parametrize("how", ["button", "keyboard", "escape"])
async def test_stopped_answer_cancels_the_request_and_keeps_the_text(fake, visit, how):
    """
    If the user stops an answer that is still arriving, the request to the model is
    cancelled, the text so far stays, and the focus moves to the input field.
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

    assert "left" == await outcome_of(fake.requests[0])
    await visit.wait_until_done()
    await expect(visit.meta).to_contain_text("Stopped")
    await expect(visit.prompt).to_be_focused()
    await visit.ask_and_wait("And?")
    assert ("assistant", "So far ") == messages_sent(fake)[1]


async def test_failed_question_shows_a_banner_with_a_retry_button(fake, visit):
    """
    If a question fails, a banner shows the server's message and the time to wait; the
    banner's button sends the same question again, and removes the banner.
    """
    fake.fail(429, retry_after=300, message="<b>Slow</b> down.", times=1)
    fake.reply("Here.")

    await visit.ask_and_wait("Hi")
    await expect(visit.alert).to_contain_text(
        "<b>Slow</b> down. Try again in 5 minutes."
    )
    await visit.retry.focus()
    await visit.page.keyboard.press("Enter")
    await visit.wait_until_done()

    await expect(visit.text).to_have_text("Here.")
    await expect(visit.alert).to_be_empty()
    await expect(visit.prompt).to_be_focused()
    assert [("user", "Hi")] == messages_sent(fake, 0) == messages_sent(fake, 1)
    visit.expected.append(f"{FAILED_TO_LOAD}429")


async def test_broken_answer_stays_on_the_page_until_a_retry_replaces_it(fake, visit):
    """
    An answer that breaks off stays, marked as broken; a retry replaces the answer.
    """
    fake.play(SSE, Event(chunk("One ")), Close())
    fake.reply("One two.")

    await visit.ask_and_wait("Count")
    await expect(visit.text).to_have_text("One")
    await expect(visit.meta).to_contain_text("Broken off")
    await visit.retry.click()
    await visit.wait_until_done()

    await expect(visit.text).to_have_text("One two.")
    assert 1 == await visit.page.locator(".turn").count()


async def test_broken_answer_is_not_sent_with_the_next_question(fake, visit):
    """
    The next question after a broken answer is sent with the previous question, but
    without the partial answer; sending that question also removes the error banner.
    """
    fake.play(SSE, Event(chunk("One ")), Close())
    fake.reply("Fine.")

    await visit.ask_and_wait("Count")
    await expect(visit.alert).not_to_be_empty()
    await visit.ask_and_wait("Well?")

    await expect(visit.alert).to_be_empty()
    assert [("user", "Count"), ("user", "Well?")] == messages_sent(fake)


async def test_unreachable_server_is_reported_in_the_banner(fake, visit):
    """
    If the page cannot reach its server, a banner says so, with a button that retries.
    """
    fake.reply("Back.")

    await visit.page.context.set_offline(True)
    try:
        await visit.ask_and_wait("Hi")
    finally:
        await visit.page.context.set_offline(False)
    await expect(visit.alert).to_contain_text("The server cannot be reached.")
    await visit.retry.click()

    await expect(visit.text).to_have_text("Back.")
    visit.expected.append("net::ERR_INTERNET_DISCONNECTED")


async def test_page_says_that_the_token_limit_cut_off_an_answer(fake, visit):
    """
    If the token limit cuts off an answer, the page says so.
    """
    fake.reply("One two", finish_reason="length")

    await visit.ask_and_wait("Count")

    await expect(visit.meta).to_contain_text("Cut at the limit of tokens")


async def test_reload_keeps_the_conversation(fake, visit):
    """
    After a reload the conversation is still shown, and is sent with the next question.
    """
    fake.reply("**One**, two.", thoughts=["Count up."])
    fake.reply("Three.")

    await visit.ask_and_wait("Count")
    before = await visit.page.locator("#turns").inner_html()
    await visit.page.reload()
    await expect(visit.text).to_have_text("One, two.")
    assert before == await visit.page.locator("#turns").inner_html()
    await visit.ask_and_wait("Go on")

    assert [("user", "Count"), ("assistant", "**One**, two."), ("user", "Go on")] == (
        messages_sent(fake)
    )


async def test_reload_cancels_an_open_request_and_keeps_the_text(fake, visit):
    """
    A reload while an answer arrives cancels the request, and the text so far stays.
    """
    fake.play(*endless("So far"))

    await visit.ask("Go on")
    await expect(visit.text).to_have_text("So far")
    await visit.page.reload()

    assert "left" == await outcome_of(fake.requests[0])
    await expect(visit.text).to_have_text("So far")
    await expect(visit.meta).to_contain_text("Stopped")


async def test_failed_question_can_be_retried_after_a_reload(fake, visit):
    """
    After a reload, the banner of a failed question is shown, and its button retries.
    """
    fake.fail(400, message="No.")
    fake.reply("Yes.")

    await visit.ask_and_wait("May I?")
    await visit.page.reload()
    await expect(visit.alert).to_contain_text("No.")
    await visit.retry.click()

    await expect(visit.text).to_have_text("Yes.")
    visit.expected.append(f"{FAILED_TO_LOAD}400")


async def test_invalid_stored_history_is_ignored(fake, visit):
    """
    If the history in the browser's storage is invalid, the page ignores it and works.
    """
    fake.reply("Fine.", times=None)
    keep = "kept => localStorage.setItem('asi1-webchat-1', kept)"

    for kept in ("{", "7", '{"a": 1}', "[null]", '[{"text": 1, "tokens": {}}]'):
        await visit.page.evaluate(keep, kept)
        await visit.page.reload()
        await visit.ask_and_wait("Hi")
        await expect(visit.text).to_have_text("Fine.")
        assert [("user", "Hi")] == messages_sent(fake)


async def test_new_chat_deletes_the_old_chat_after_confirmation(fake, visit):
    """
    A new chat begins only after the user has confirmed a dialog; then nothing of the
    old chat stays in the page or in the browser's storage.
    """
    fake.reply("Old.")

    await visit.ask_and_wait("Hi")
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


async def test_screen_reader_gets_only_the_complete_answer_and_only_once(fake, visit):
    """
    The page's live region, which a screen reader reads aloud, gets the state of the
    answer, then the complete answer once, and never a part of the answer.
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
    await visit.ask_and_wait("Count")
    await expect(visit.page.get_by_role("status")).to_have_text(text.strip())
    heard = await visit.page.evaluate("() => heard")

    assert "Waiting for the answer" == heard[0]
    assert {"Thinking", "Answering"} >= set(heard[1:-1])
    assert len(heard) <= 4
    live = "[aria-live] #turns, [role=log] #turns, [role=status] #turns"
    assert 0 == await visit.page.locator(live).count()


async def test_questions_and_answers_have_headings(fake, visit):
    """
    Questions and answers have level-2 headings; headings in an answer begin at level 3.
    """
    fake.reply("# Big\n\n## Small")

    await visit.ask_and_wait("Hi")

    for level, name in ((2, "You say"), (2, "asi1 says"), (3, "Big"), (4, "Small")):
        heading = visit.page.get_by_role("heading", level=level, name=name)
        await expect(heading).to_have_count(1)


@pytest.mark.parametrize(("motion", "count"), [("reduce", 0), ("no-preference", 1)])
async def test_reduced_motion_stops_the_animation(browser, url, fake, motion, count):
    """
    The indicator of a pending answer is animated unless users prefer reduced motion.
    """
    fake.play(Stall())

    async with visiting(browser, url, reduced_motion=motion) as visit:
        await visit.ask("Hi")
        await expect(visit.page.locator(".waiting")).to_have_count(1)
        moving = "() => document.getAnimations().length"
        assert count == await visit.page.evaluate(moving)
        # Else the request might arrive in the next test, and get that test's reply.
        await until(lambda: fake.requests)


async def test_enter_on_a_touch_screen_begins_a_new_line(browser, url, fake):
    """
    On a touch screen Enter begins a new line, because there is no Shift+Enter; the
    button sends the question and hides the keyboard, which covers the answer.
    """
    fake.reply("Fine.")

    phone = {"viewport": {"width": 390, "height": 844}}
    async with visiting(browser, url, **phone, is_mobile=True, has_touch=True) as visit:
        await visit.prompt.type("a\nb")
        await visit.send.tap()
        await visit.wait_until_done()
        await expect(visit.text).to_have_text("Fine.")
        await expect(visit.prompt).not_to_be_focused()
        assert [("user", "a\nb")] == messages_sent(fake)
