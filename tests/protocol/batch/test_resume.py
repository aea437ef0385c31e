"""Which requests a resumed batch sends, and which rows of earlier runs it keeps."""

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
def test_earlier_rows_decide_what_is_sent_and_which_rows_are_kept(
    rows, due, due_with_retry, kept
):
    """
    A request with an answer is not sent again, and a failed request only if
    *retry_failed* is true; but a request that has changed is always sent again. One row
    of each request is kept. A failure after a change does not replace the answer from
    before the change.
    """
    entry = entry_after(rows)

    assert due == entry.is_due(retry_failed=False)
    assert due_with_retry == entry.is_due(retry_failed=True)
    assert kept == [at for at, row in enumerate(rows) if entry.keeps(row, at)]


@given(st.lists(st.sampled_from([ANSWER, FAILURE, OLD_ANSWER, OLD_FAILURE])))
def test_kept_rows_lead_to_the_same_decision_as_all_rows(rows):
    """
    The rows that are kept lead to the same state of a request as all rows did, and an
    answer to the request in its present form is never removed.
    """
    entry = entry_after(rows)
    kept = [row for at, row in enumerate(rows) if entry.keeps(row, at)]

    assert entry.state == entry_after(kept).state
    assert (State.ANSWERED == entry.state) == (ANSWER in rows)
    if ANSWER in rows:
        assert [ANSWER] == kept
