"""The sliding window of a rate limit, computed without a clock."""

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._settings.rate_window import Window


def window(limit, seconds=60.0, *taken):
    """
    Return a rate limit's window that has already counted the *taken* pairs of a time in
    seconds and an amount.
    """
    return filled(limit, seconds, *taken)[0]


def filled(limit, seconds, *taken):
    """Return a window as `window` does, and the entries of the window."""
    made = Window(limit, seconds)
    return made, [made.take(at, amount) for at, amount in taken]


@pytest.mark.parametrize(
    ("taken", "amount", "wait"),
    [
        pytest.param([], 1, 0, id="empty-window"),
        pytest.param([(0, 1), (1, 1)], 1, 0, id="room-in-the-window"),
        pytest.param([(0, 1), (1, 1), (2, 1)], 1, 50, id="wait-for-the-oldest"),
        pytest.param([(0, 1), (1, 1), (2, 1)], 2, 51, id="wait-for-two"),
        pytest.param([(-60, 1), (1, 1), (2, 1)], 1, 0, id="oldest-is-a-minute-old"),
        pytest.param([(1, 3)], 1, 51, id="one-large-amount"),
        pytest.param([(1, 1), (2, 1)], 9, 52, id="larger-than-the-window"),
        pytest.param([], 9, 0, id="larger-than-the-empty-window"),
    ],
)
def test_full_window_has_room_again_when_its_first_call_expires(taken, amount, wait):
    """
    With a limit of three calls a minute, a fourth call waits until the first call is a
    minute old.
    """
    assert wait == window(3, 60.0, *taken).wait(10, amount)


def test_window_without_limit_never_waits():
    """
    A window without a limit never makes a caller wait.
    """
    assert 0 == window(None, 60.0, (0, 1e9)).wait(0, 1e9)


@given(
    limit=st.integers(1, 20),
    amounts=st.lists(st.integers(1, 20), max_size=60),
)
def test_calls_that_wait_stay_within_the_limit_in_any_minute(limit, amounts):
    """
    If calls wait as long as the window says, the calls of any minute stay within the
    limit, unless a single call is larger than the limit.
    """
    made, now, passed = Window(limit, 60.0), 0.0, []
    for amount in amounts:
        while wait := made.wait(now, amount):
            now += wait
        made.take(now, amount)
        passed.append((now, amount))

    for end, _ in passed:
        minute = [amount for at, amount in passed if end - 60 < at <= end]
        assert sum(minute) <= limit or 1 == len(minute)


def test_refusal_halves_the_pace_and_successes_restore_it():
    """
    After the server refuses a call, only half of the limit may be used; successful
    calls restore the full limit.
    """
    made = window(10)
    made.refused()
    for at in range(5):
        assert 0 == made.wait(at, 1)
        made.take(at, 1)
    assert made.wait(5, 1) > 0

    for _ in range(8):
        made.went_well()

    assert 0 == made.wait(5, 1)
    assert 1.0 == made.pace


def test_window_allows_one_call_at_a_time_after_any_number_of_refusals():
    """
    After any number of refusals by the server, the window still allows one call at a
    time.
    """
    made = window(10)
    for _ in range(100):
        made.refused()

    assert 0 == made.wait(0, 1)
    made.take(0, 1)
    assert 60 == made.wait(0, 1)


def test_number_of_tokens_really_used_replaces_the_estimate():
    """
    The number of tokens that a call really used replaces the estimate that the window
    counted when the call began.
    """
    made, (entry,) = filled(100, 60.0, (0, 90))
    assert made.wait(1, 50) > 0

    made.correct(entry, 30, 1)

    assert 0 == made.wait(1, 50)


def test_pace_is_halved_down_to_a_sixteenth_and_raised_by_a_tenth():
    """
    Each refusal halves the pace, but never below a sixteenth of the limit; each success
    raises the pace by a tenth of itself, up to the full limit.
    """
    made = window(10)

    paces = [(made.refused(), made.pace)[1] for _ in range(5)]
    made.went_well()
    raised = made.pace
    for _ in range(40):
        made.went_well()

    assert [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16] == paces
    assert pytest.approx(1.1 / 16) == raised
    assert 1.0 == made.pace


def test_window_counts_the_tokens_that_each_concurrent_call_really_used():
    """
    When several calls run at once, the window counts the tokens that each call really
    used, in whatever order the calls end.
    """
    made, (first, second, third) = filled(100, 60.0, (0, 20), (1, 30), (2, 40))

    for entry in (first, third, second):
        made.correct(entry, 1, 2)

    assert 0 == made.wait(3, 97)
    assert 57 == made.wait(3, 98)


@pytest.mark.parametrize("used", [0, 19, 20])
def test_correcting_a_call_that_left_the_window_changes_no_other_call(used):
    """
    The correction of a call that has left the window does not change the count of
    another call with the same estimate.
    """
    made, (old, _) = filled(100, 60.0, (0, 20), (50, 20))

    made.correct(old, used, 61)

    assert 0 == made.wait(61, 80)
    assert 49 == made.wait(61, 81)


@pytest.mark.parametrize(("at", "until"), [(1, 61), (59, 119), (60, 120), (999, 1059)])
def test_tokens_beyond_the_estimate_count_from_the_end_of_the_call(at, until):
    """
    What a call used beyond its estimate counts for a minute from the call's end, even
    if the call took longer than the window.
    """
    made, (entry,) = filled(100, 60.0, (0, 20))

    made.correct(entry, 50, at)

    assert until - at == made.wait(at, 71)
    assert 0 == made.wait(max(at, 60), 70)
    assert 0 == made.wait(until, 100)


@pytest.mark.parametrize("used", [30, 95, 0])
def test_limit_is_fully_free_again_after_a_corrected_call_left_the_window(used):
    """
    When a call with a corrected token count has left the window, the full limit is free
    again, and no more than the limit.
    """
    made, (entry,) = filled(100, 60.0, (0, 90))
    made.correct(entry, used, 0)

    assert 0 == made.wait(60, 100)
    made.take(60, 100)
    assert 60 == made.wait(60, 1)


def test_window_without_a_limit_stores_nothing():
    """
    A window without a limit stores nothing, however many tokens calls use.
    """
    made, (entry,) = filled(None, 60.0, (0, 1))

    made.correct(entry, 10**9, 1)

    assert 0 == len(made._entries)
