"""The result of one step of ``asi1 doctor``, as lines of text and as JSON."""

from __future__ import annotations

from asi1._settings.secret import Secret
from asi1.cli._doctor.finding import Finding, as_json, lines_of, summary_of


def test_texts_of_a_finding_are_short_and_have_no_api_key_or_control_characters():
    """
    Text from a server cannot control or fill the terminal, add lines to the report, or
    show the API key; numbers stay as they are.
    """
    secret = Secret("sk-not-to-be-seen")
    hostile = f"\x1b[2J sk-not-to-be-seen\nok      key: \u202e{'x' * 1000}"
    finding = Finding("reply", "failed", hostile, hostile, {"a": hostile, "b": 1.5})

    cleaned = finding.cleaned(secret.redact)

    begin = "\u241b[2J *** ok key: \ufffdxxx"
    for text in (cleaned.text, cleaned.cure, cleaned.facts["a"]):
        assert text.startswith(begin)
        assert len(text) == 503
        assert text.endswith("x...")
    assert 1.5 == cleaned.facts["b"]


def test_findings_become_lines_of_text_and_json():
    """
    A failure is written in capitals, with its advice below it; the JSON of all results
    says whether one has failed.
    """
    good = Finding("key", "ok", "there", facts={"variable": "A"})
    bad = Finding("TCP", "failed", "refused", "start it")

    assert "ok      key: there\n" == lines_of(good)
    assert "FAILED  TCP: refused\n        cure: start it\n" == lines_of(bad)
    assert "all is well\n" == summary_of([good])
    assert "failed: TCP\n" == summary_of([good, bad])
    assert {
        "ok": False,
        "steps": [
            {
                "name": "key",
                "state": "ok",
                "text": "there",
                "cure": None,
                "facts": {"variable": "A"},
            },
            {"name": "TCP", "state": "failed", "text": "refused", "cure": "start it"},
        ],
    } == as_json([good, bad])
    assert as_json([good])["ok"] is True
