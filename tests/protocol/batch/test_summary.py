"""The counts of a batch."""

from __future__ import annotations

from collections import Counter

import asi1

from asi1._protocol.batch.summary import BatchCount


def test_tally_counts_this_run_on_top_of_earlier_ones():
    """
    The summary has the answers and failures of all runs, and the tokens and seconds of
    this run. A negative token count of a server counts as none.
    """
    base = asi1.BatchSummary(
        total=10, done=4, failed=1, earlier=5, errors={"RateLimitError": 1}
    )
    count = BatchCount(base, Counter(base.errors))
    usage = asi1.Usage(prompt_tokens=7, completion_tokens=-2)

    count.add(asi1.ChatCompletion(usage=usage))
    count.add(asi1.ChatCompletion())
    count.add(asi1.RateLimitError("slow down"))
    count.add(asi1.APITimeoutError("late"))
    found = count.summary(running=2, seconds=1.5)

    assert (6, 3, 5, 1) == (found.done, found.failed, found.earlier, found.left)
    assert {"RateLimitError": 2, "APITimeoutError": 1} == found.errors
    assert (7, 0, 7) == (
        found.prompt_tokens,
        found.completion_tokens,
        found.total_tokens,
    )
    assert (2, 1.5) == (found.running, found.seconds)
    assert {"RateLimitError": 1} == base.errors
