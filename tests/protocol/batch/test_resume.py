"""What a batch decides when it goes on: what is sent, and which rows stay."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._protocol.batch.resume import Entry, State
from asi1._protocol.batch.rows import OutputRow


NOW, OLD = "00" * 16, "ff" * 16
ANSWER, FAILURE = OutputRow("a", NOW), OutputRow("a", NOW, "APITimeoutError")
OLD_ANSWER, OLD_FAILURE = OutputRow("a", OLD), OutputRow("a", OLD, "APITimeoutError")


def entry_after(rows):
    entry = Entry(NOW)
    for at, row in enumerate(rows):
        entry = entry.found(row, at)
    return entry


@pytest.mark.parametrize(
    ("rows", "due", "due_with_retry", "kept"),
    [
        ([], True, True, []),
        ([ANSWER], False, False, [0]),
        ([FAILURE], False, True, [0]),
        ([FAILURE, ANSWER], False, False, [1]),
        ([ANSWER, FAILURE], False, False, [0]),
        ([FAILURE, FAILURE], False, True, [1]),
        ([ANSWER, ANSWER], False, False, [1]),
        ([OLD_ANSWER], True, True, [0]),
        ([OLD_FAILURE], True, True, [0]),
        ([OLD_ANSWER, ANSWER], False, False, [1]),
        ([OLD_FAILURE, FAILURE], False, True, [1]),
        ([OLD_ANSWER, FAILURE], False, True, [0, 1]),
        ([ANSWER, OLD_FAILURE], False, False, [0]),
        ([OLD_ANSWER, ANSWER, OLD_ANSWER], False, False, [1]),
    ],
)
def test_rows_decide_what_is_sent_and_what_is_kept(rows, due, due_with_retry, kept):
    """
    A request with an answer is not sent again; one with a failure only on demand; one
    that has changed is. In the end one row is kept, but an answer to the request as it
    was is not given up for a failure.
    """
    entry = entry_after(rows)

    assert due == entry.is_due(retry_failed=False)
    assert due_with_retry == entry.is_due(retry_failed=True)
    assert kept == [at for at, row in enumerate(rows) if entry.keeps(row, at)]


@given(st.lists(st.sampled_from([ANSWER, FAILURE, OLD_ANSWER, OLD_FAILURE])))
def test_what_is_kept_decides_the_same_again(rows):
    """
    The rows that are kept say the same of the request as all rows did, and an answer to
    the request is never removed.
    """
    entry = entry_after(rows)
    kept = [row for at, row in enumerate(rows) if entry.keeps(row, at)]

    assert entry.state == entry_after(kept).state
    assert (State.ANSWERED == entry.state) == (ANSWER in rows)
    if ANSWER in rows:
        assert [ANSWER] == kept
