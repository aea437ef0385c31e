"""``asi1 doctor`` as a user sees it: its lines, its JSON and its exit code."""

from __future__ import annotations

import json

import pytest

from asi1.cli import main

from ..conftest import KEY


@pytest.fixture
def findings(capsys):
    """Return a function that runs ``asi1 doctor --json`` and returns the steps that it
    reports.
    """

    def run(code, *words):
        assert code == main(["doctor", "--json", "--timeout", "60", *words])
        out, err = capsys.readouterr()
        assert "" == err
        assert KEY not in out
        report = json.loads(out)
        assert (code == 0) is report["ok"]
        return {step["name"]: step for step in report["steps"]}

    return run


def test_doctor_succeeds_if_the_server_refuses_the_empty_request(fake, capsys):
    """
    Each step is shown in a line. The request has no messages, so that it costs nothing.
    A server that refuses this request with status 400 has accepted the URL and the API
    key.
    """
    fake.fail(400, message="messages: at least one", times=2)

    code = main(["doctor", "--timeout", "60"])

    out, err = capsys.readouterr()
    assert (0, "") == (code, err)
    names = [line.split(":")[0].split(None, 1)[1] for line in out.splitlines()[3:-1]]
    assert ["key", "base URL", "proxy", "DNS", "TCP", "TLS", "reply"] == names
    assert "ok      key: *** from the environment variable ASI_ONE_API_KEY\n" in out
    assert f"{fake.base_url}, from the environment variable ASI1_BASE_URL\n" in out
    assert "ok      reply: 400: messages: at least one, " in out
    assert out.endswith("all is well\n")
    assert [[], []] == [request.json["messages"] for request in fake.requests]


def test_without_an_api_key_the_server_is_still_checked(fake, findings, monkeypatch):
    """
    A missing key is a failure, but the steps after it are still made: a server that
    refuses the request because of the key has been reached. ``--ask`` is skipped.
    """
    monkeypatch.delenv("ASI_ONE_API_KEY")
    fake.fail(401, message="No key.", times=2)

    found = findings(1, "--ask")

    assert "failed" == found["key"]["state"]
    assert "ok" == found["reply"]["state"]
    text = "401: No key. (no key of yours was sent), "
    assert found["reply"]["text"].startswith(text)
    assert "skipped" == found["answer"]["state"]


@pytest.mark.parametrize(
    ("status", "cure"),
    [(401, "key is valid"), (404, "base URL"), (402, "dashboard"), (503, "later")],
)
def test_reply_that_is_not_the_expected_refusal_is_a_failure(
    fake, findings, status, cure
):
    """
    If the server answers the request without messages by any status but 400 or 422,
    this is a failure with advice for the status, and ``--ask`` is skipped.
    """
    fake.fail(status, message=f"\x1b[2J no {KEY}")

    found = findings(1, "--ask")

    assert "failed" == found["reply"]["state"]
    assert f"{status}: \u241b[2J no ***" == found["reply"]["text"]
    assert cure in found["reply"]["cure"]
    assert "skipped" == found["answer"]["state"]
    assert 1 == len(fake.requests)


def test_page_of_another_server_is_a_failure(fake, findings):
    """A reply with status 200 that is not JSON, such as a login page, is a failure."""
    fake.fault("html_200")

    found = findings(1)

    assert "failed" == found["reply"]["state"]
    assert "not ASI-1" in found["reply"]["cure"]


def test_ask_option_shows_an_answer_with_its_tokens_and_time(fake, findings):
    """``--ask`` streams a short answer, and tells its tokens, its cost and its time."""
    fake.fail(422, times=2)
    fake.reply("Hello,\nyou\u202e!")

    found = findings(0, "--ask", "--model", "asi1-fast")

    text = found["answer"]["text"]
    assert text.startswith(r"'Hello,\nyou\u202e!', ")
    assert " tokens (" in text
    assert "first token after " in text
    assert "asi1-fast" == fake.requests[-1].json["model"]


def test_failed_question_of_the_ask_option_is_a_failure_with_advice(fake, findings):
    """If the question of ``--ask`` fails, the report ends with a failure and its
    advice, even if all steps before it succeeded.
    """
    fake.fail(400, times=2)
    fake.fail(500)

    found = findings(1, "--ask")

    assert "failed" == found["answer"]["state"]
    assert found["answer"]["cure"]


@pytest.mark.parametrize(
    ("setting", "last"),
    [
        ("ASI1_BASE_URL=nowhere", "base URL"),
        ("ASI1_BASE_URL=http://127.0.0.1:1/v1", "TCP"),
        (f"ASI1_BASE_URL=https://{'a' * 70}.example", "DNS"),
        ("ASI1_BASE_URL=https://otter.example", "TCP"),
        ("ASI1_LOOP=giraffe", "reply"),
    ],
)
def test_first_failure_on_the_way_to_the_server_ends_the_report(
    fake, findings, monkeypatch, setting, last
):
    """
    After a failed step on the way to the server, no later step is tried, since it would
    fail for the same reason. Nothing is sent.
    """
    monkeypatch.setenv(*setting.split("="))
    if "otter" in setting:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    found = findings(1)

    assert last == list(found)[-1]
    assert "failed" == found[last]["state"]
    assert found[last]["cure"]
    assert [] == fake.requests


def test_certificates_that_cannot_be_read_are_a_failure(
    fake, findings, monkeypatch, tmp_path
):
    """A file of certificates that cannot be read is reported before TLS begins."""
    missing = tmp_path / "missing.pem"
    monkeypatch.setenv("SSL_CERT_FILE", f"{missing}")
    monkeypatch.setenv("ASI1_BASE_URL", f"https://127.0.0.1:{fake.port}")

    found = findings(1)

    assert ("TLS", "failed") == (list(found)[-1], found["TLS"]["state"])
    assert f"SSL_CERT_FILE={missing}" in found["TLS"]["text"]


def test_proxy_that_is_not_a_url_is_a_failure(findings, key, monkeypatch):
    """A proxy that cannot be used ends the report before anything is looked up."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pw-4f2a@:x")

    found = findings(1)

    assert "proxy" == list(found)[-1]
    assert "pw-4f2a" not in f"{found}"


@pytest.mark.parametrize(("columns", "folds"), [("20", False), ("60", True)])
def test_long_lines_are_broken_between_words_on_a_wide_terminal(
    on_terminal, key, monkeypatch, columns, folds
):
    """
    On a wide terminal, long lines are broken between words and indented. A narrow
    terminal, a pipe and a file get each finding as one line.
    """
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("ASI1_BASE_URL", "http://127.0.0.1:1")

    shown, code = on_terminal(["doctor"])

    assert 1 == code
    assert folds is ("\n        ASI_ONE_API_KEY\n" in shown)
    assert folds is not ("*** from the environment variable ASI_ONE_API_KEY\n" in shown)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
def test_timeout_must_be_a_number_of_seconds(value, capsys):
    """A timeout that is not a positive number of seconds is wrong usage."""
    assert 2 == main(["doctor", "--timeout", value])
    assert "number of seconds" in capsys.readouterr().err
