"""Which requests a batch sends after earlier runs with the same output."""

from __future__ import annotations

import pytest

import asi1

from asi1._client.batch.plan import PlanOptions, open_plan
from asi1._protocol.batch.request_lines import read_request
from asi1._protocol.batch.rows import answer_row, error_row

from .conftest import request_line


IDS = ["a", "b\u00fc", "c"]
OPTIONS = PlanOptions(model=None, default_model="asi1-mini", retry_failed=False)
RETRY = PlanOptions(model=None, default_model="asi1-mini", retry_failed=True)


def request(custom_id, text=None):
    line = request_line(custom_id, text).encode()
    return read_request(line, model=None, default_model="asi1-mini")


def answer(custom_id, text=None):
    found = asi1.ChatCompletion(wire={"choices": []})
    return answer_row(request(custom_id, text), found)


def failure(custom_id, text=None):
    return error_row(request(custom_id, text), asi1.APITimeoutError("late"))


def due(files, options=OPTIONS):
    """Return the ids of the requests to send, and the summary before they are sent."""
    found = []
    with open_plan(files.input, files.output, options) as plan:
        while (requests := plan.due()) is not None:
            found += [each.custom_id for each in requests]
        return found, plan.base


@pytest.mark.system
def test_output_truncated_at_any_byte_is_repaired_and_continued(files):
    """
    An output that ends in the middle of a row is truncated to the end of the row before
    it, and the requests without a complete row are sent. A row that lacks only its
    newline is complete.
    """
    files.ask(*IDS)
    rows = [answer("a"), failure("b\u00fc"), answer("c")]
    whole = b"".join(rows)
    for size in range(len(whole) + 1):
        files.output.write_bytes(whole[:size])
        ends = [len(b"".join(rows[: n + 1])) for n in range(3)]
        kept = sum(end - 1 <= size for end in ends)

        found, base = due(files)

        assert IDS[kept:] == found
        assert b"".join(rows[:kept]) == files.output.read_bytes()
        assert (3, kept) == (base.total, base.earlier)


@pytest.mark.parametrize("rest", [bytes(5000), b'{"id":"batch_req_12' + bytes(5000)])
def test_output_is_truncated_before_zero_bytes_that_a_power_failure_left(rest, files):
    """
    If an output ends in zero bytes, which a power failure may leave in place of the
    last rows, it is truncated to the end of its last complete row.
    """
    files.ask(*IDS)
    files.output.write_bytes(answer("a") + rest)

    assert IDS[1:] == due(files)[0]
    assert answer("a") == files.output.read_bytes()


@pytest.mark.parametrize(
    ("rows", "options", "wanted", "counts"),
    [
        ([answer("a"), failure("c")], OPTIONS, ["b\u00fc"], (1, 1, 2, 0)),
        ([answer("a"), failure("c")], RETRY, ["b\u00fc", "c"], (1, 0, 1, 0)),
        ([answer("a", "old")], OPTIONS, IDS, (0, 0, 0, 1)),
        ([failure("a", "old"), failure("a")], OPTIONS, IDS[1:], (0, 1, 1, 0)),
        ([answer("other")], OPTIONS, IDS, (0, 0, 0, 0)),
    ],
)
def test_rows_of_earlier_runs_decide_what_is_sent(rows, options, wanted, counts, files):
    """
    A request with an answer is not sent again, and a failed request only with
    *retry_failed*. A request that differs from the request of its row is sent, and
    counted as changed.
    """
    files.ask(*IDS)
    files.output.write_bytes(b"".join(rows))

    found, base = due(files, options)

    assert wanted == found
    assert counts == (base.done, base.failed, base.earlier, base.changed)


def test_wrong_lines_of_the_input_are_named_in_one_error(files):
    """
    One error names the first wrong lines of the input by their numbers, including lines
    with a repeated custom id. The output is not created.
    """
    files.ask("a", "\n", "{}\n", "a", *["[]\n"] * 9)

    with pytest.raises(asi1.ArgumentError) as caught:
        due(files)

    told = caught.value.message.split("; ")
    assert [
        "input: line 3 has no custom_id",
        "line 4 has the custom_id of line 1, 'a'",
        *(f"line {n} is not a JSON object" for n in (5, 6, 7)),
        "perhaps more lines are wrong",
        "nothing was sent",
    ] == told
    assert not files.output.exists()


@pytest.mark.parametrize("text", ["my notes", "my notes\n", '{"id": "x"}\n', "\0\1"])
def test_file_that_is_not_an_output_is_refused_and_does_not_change(text, files):
    """
    A file with anything but rows of a batch is refused as output, and stays as it is.
    """
    files.ask(*IDS)
    files.output.write_bytes(answer("a") + text.encode())

    with pytest.raises(asi1.ArgumentError, match="line 2 was not written by a batch"):
        due(files)

    assert answer("a") + text.encode() == files.output.read_bytes()


def test_input_is_refused_as_output(files):
    """
    The input cannot be the output, even under another name.
    """
    files.ask(*IDS)
    files.output.symlink_to(files.input)

    with pytest.raises(asi1.ArgumentError, match="the same file as the input"):
        due(files)


def test_input_that_changes_during_the_batch_is_noticed(files):
    """
    If the input changes after it was checked, the batch ends: a line that was not
    checked is not sent.
    """
    files.ask(*IDS)
    with open_plan(files.input, files.output, OPTIONS) as plan:
        files.ask("a", "d", "c")
        with pytest.raises(asi1.ArgumentError, match="line 2 was changed during"):
            plan.due()


def test_rows_that_were_replaced_are_removed_at_the_end(files):
    """
    At its end, a batch leaves one row for each custom id. Rows of custom ids that are
    not in the input stay.
    """
    files.ask(*IDS)
    old = [answer("a", "old"), answer("other"), failure("b\u00fc"), bytes(9) + b"\n"]
    files.output.write_bytes(b"".join([*old, failure("c")]))
    new = [answer("a"), answer("b\u00fc"), failure("c")]

    with open_plan(files.input, files.output, RETRY) as plan:
        plan.output.append(new)
        plan.finish()

    assert b"".join([old[1], *new]) == files.output.read_bytes()
