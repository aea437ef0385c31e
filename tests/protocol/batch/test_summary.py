"""The counts of a batch."""

from __future__ import annotations

from collections import Counter

import asi1

from asi1._protocol.batch.summary import BatchCount


def test_summary_counts_this_run_and_earlier_runs():
    """
    The summary has the answers and failures of all runs, and the tokens and seconds of
    this run. It counts neither an impossible usage, nor the usage of an answer from the
    cache, since this run has not used these tokens.
    """
    base = asi1.BatchSummary(
        total=10, done=4, failed=1, earlier=5, errors={"RateLimitError": 1}
    )
    count = BatchCount(base, Counter(base.errors))
    wrong = asi1.Usage(prompt_tokens=7, completion_tokens=-2)
    usage = asi1.Usage(prompt_tokens=7, completion_tokens=2)
    cached = asi1.ResponseInfo(cached=True)

    count.add(asi1.ChatCompletion(usage=usage))
    count.add(asi1.ChatCompletion(usage=wrong))
    count.add(asi1.ChatCompletion(usage=usage, response=cached))
    count.add(asi1.RateLimitError("slow down"))
    count.add(asi1.APITimeoutError("late"))
    found = count.summary(running=2, seconds=1.5)

    assert (7, 3, 5, 0) == (found.done, found.failed, found.earlier, found.left)
    assert {"RateLimitError": 2, "APITimeoutError": 1} == found.errors
    assert (7, 2, 9) == (
        found.prompt_tokens,
        found.completion_tokens,
        found.total_tokens,
    )
    assert (2, 1.5) == (found.running, found.seconds)
    assert {"RateLimitError": 1} == base.errors
