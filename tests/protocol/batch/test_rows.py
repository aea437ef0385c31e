"""The rows of a batch's output: written, read, and left incomplete by a crash."""

from __future__ import annotations

import json

import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._models.base import as_sent
from asi1._protocol.batch.request_lines import BatchRequest
from asi1._protocol.batch.rows import (
    OutputRow,
    answer_row,
    ends_batch,
    error_row,
    is_torn,
    read_row,
)


DIGEST = "0123456789abcdef" * 2
REQUEST = BatchRequest("id-\u00fc", {}, DIGEST)
ANSWERED = asi1.ResponseInfo(status=200, request_id="req-1")
ANSWER = as_sent(
    asi1.ChatCompletion(
        wire={"choices": [{"message": {"content": "Hello"}}]}, response=ANSWERED
    )
)


def refusal(body, kind=asi1.BadRequestError, status=400):
    info = asi1.ResponseInfo(status=status, request_id="req-2")
    return kind("no\x1b[2J", status_code=status, body=body, response=info)


def test_row_of_an_answer_has_the_form_of_openais_batch_output():
    """
    The row of an answer has the fields of OpenAI's Batch API, with the answer as the
    server sent it. The row's id contains the hash of the request.
    """
    wanted = {
        "id": f"batch_req_{DIGEST}",
        "custom_id": "id-\u00fc",
        "response": {"status_code": 200, "request_id": "req-1", "body": ANSWER.wire},
        "error": None,
    }

    row = answer_row(REQUEST, ANSWER)

    assert wanted == json.loads(row)
    assert OutputRow("id-\u00fc", DIGEST) == read_row(row)


@pytest.mark.parametrize(
    ("error", "response", "reported", "name"),
    [
        (
            refusal({"error": {"message": "no", "x": 1}}),
            {
                "status_code": 400,
                "request_id": "req-2",
                "body": {"error": {"message": "no", "x": 1}},
            },
            None,
            "BadRequestError",
        ),
        (
            refusal("<html>", asi1.InternalServerError, 503),
            {
                "status_code": 503,
                "request_id": "req-2",
                "body": {"error": {"message": "no\x1b[2J"}},
            },
            None,
            "InternalServerError",
        ),
        (
            asi1.APITimeoutError("timed out"),
            None,
            {"code": "APITimeoutError", "message": "timed out"},
            "APITimeoutError",
        ),
        (
            asi1.APIResponseError("no answer", response=ANSWERED),
            None,
            {"code": "APIResponseError", "message": "no answer"},
            "APIResponseError",
        ),
    ],
)
def test_row_of_a_failure_has_the_response_only_if_the_server_refused(
    error, response, reported, name
):
    """
    The row of a refused request has the server's status and body. The row of any other
    failure has the error's class and message, even if the server replied with status
    200.
    """
    row = error_row(REQUEST, error)

    value = json.loads(row)
    assert (response, reported) == (value["response"], value["error"])
    assert OutputRow("id-\u00fc", DIGEST, name) == read_row(row)
    assert not read_row(row).answered


@pytest.mark.system
@given(text=st.text(), number=st.integers() | st.floats(allow_nan=False))
def test_any_answer_becomes_one_line_of_json_without_control_characters(text, number):
    """
    Whatever an answer contains becomes one line of valid JSON, with lone surrogates as
    U+FFFD. The line contains no control characters and no line separators.
    """
    wire = {"choices": [{"message": {"content": text}}], "x": [number], text: None}
    answer = as_sent(asi1.ChatCompletion(wire=wire, response=ANSWERED))

    row = answer_row(REQUEST, answer)

    shown = row.decode()
    assert shown.endswith("}\n")
    assert 1 == len(shown.splitlines())
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown[:-1])
    read = json.loads(row)["response"]["body"]["choices"][0]["message"]["content"]
    valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert valid == read
    assert read_row(row).answered


def test_row_of_a_deeply_nested_answer_can_be_read_again():
    """
    An answer that is nested as deeply as a reply may be is written as a row that a
    later run can read.
    """
    deep = []
    for _ in range(199):
        deep = [deep]
    answer = as_sent(asi1.ChatCompletion(wire={"x": deep}, response=ANSWERED))

    assert read_row(answer_row(REQUEST, answer)).answered


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"notes\n",
        b"[]\n",
        b'{"custom_id": "a"}\n',
        b'{"id": "batch_req_7", "custom_id": "a", "response": {"status_code": 200}}\n',
        f'{{"id": "batch_req_{DIGEST}", "response": {{"status_code": 200}}}}'.encode(),
        f'{{"id": "batch_req_{DIGEST}", "custom_id": "a"}}'.encode(),
    ],
)
def test_line_of_another_program_is_not_a_row(line):
    """
    A line that no batch has written is not a row, even if it has the form of OpenAI's
    output: without the hash, a batch cannot tell to which request the line belongs.
    """
    assert None is read_row(line)


def test_error_code_that_is_not_a_name_is_read_as_unknown():
    """
    An error code that is not the name of a class is not shown: someone has edited the
    file, and the code may contain anything.
    """
    value = {"id": f"batch_req_{DIGEST}", "custom_id": "a", "error": {"code": "\x1b["}}

    assert OutputRow("a", DIGEST, "Unknown") == read_row(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("line", "torn"),
    [
        *((answer_row(REQUEST, ANSWER)[:size], True) for size in range(1, 150, 7)),
        (answer_row(REQUEST, ANSWER)[:60] + bytes(900), True),
        (answer_row(REQUEST, ANSWER)[:60] + bytes(900) + b"}\n", True),
        (bytes(4096), True),
        (bytes(4096) + b"\n", True),
        (b"my notes", False),
        (b'{"id":"chatcmpl', False),
        (b'{"id":"batch_req_\n', False),
        (b"\0\1\2", False),
    ],
)
def test_beginning_of_a_row_counts_as_unfinished_and_other_text_does_not(line, torn):
    """
    The beginning of a row, or zeros in place of its end, is what a crash leaves of a
    row, and may be removed. Other text may not be removed: a batch must not shorten a
    user's file.
    """
    assert torn == is_torn(line)


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (refusal(None, asi1.AuthenticationError, 401), True),
        (refusal(None, asi1.PaymentRequiredError, 402), True),
        (refusal(None, asi1.QuotaExceededError, 429), True),
        (asi1.ClientClosedError("closed"), True),
        (asi1.ConfigurationError("no such CA file"), True),
        (asi1.ArgumentError("messages: empty"), False),
        (refusal(None, asi1.RateLimitError, 429), False),
        (refusal(None, asi1.PermissionDeniedError, 403), False),
        (refusal(None), False),
        (asi1.APIConnectionError("refused"), False),
    ],
)
def test_batch_ends_at_an_error_that_each_request_would_get(error, ends):
    """
    A batch ends at a wrong key, a used-up quota, a closed client or a wrong setting,
    since each request would fail. The batch goes on after an error that concerns one
    request.
    """
    assert ends == ends_batch(error)
