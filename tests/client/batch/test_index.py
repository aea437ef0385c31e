"""The index of a batch's requests."""

from __future__ import annotations

from collections import Counter

from asi1._client.batch.index import Index
from asi1._protocol.batch.resume import Entry, State


DIGEST = "ab" * 16


def test_second_request_with_the_same_custom_id_is_not_added():
    """
    The first request of a custom id is added. For a second request, the index returns
    the line number of the first request, and does not change.
    """
    with Index() as index:
        assert None is index.add(b"a", DIGEST, 3)
        assert 3 == index.add(b"a", "cd" * 16, 9)
        assert Entry(DIGEST) == index.get(b"a")
        assert None is index.get(b"b")


def test_index_counts_states_changes_and_errors():
    """
    The index counts requests by their state, changed requests that are still to be
    sent, and failures by error class. After a reset, all requests are new.
    """
    failed = Entry(DIGEST, State.FAILED, 7)
    with Index() as index:
        for key in (b"a", b"b", b"c", b"d"):
            index.add(key, DIGEST, 1)
        index.put(b"a", failed, "APITimeoutError")
        index.put(b"b", Entry(DIGEST, State.ANSWERED, 0, changed=True), None)
        index.put(b"c", Entry(DIGEST, changed=True), None)

        counts = [index.count(state) for state in State]
        assert ([2, 1, 1], 1) == (counts, index.changed())
        assert Counter(APITimeoutError=1) == index.errors()
        assert failed == index.get(b"a")

        index.reset()
        assert 4 == index.count(State.NEW)
        assert Counter() == index.errors()
