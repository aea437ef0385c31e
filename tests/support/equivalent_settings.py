"""Mutants of `asi1._settings` that no test can detect, each with the reason."""

from __future__ import annotations


__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "_settings.secret",
        "Secret.excerpt: 8 -> 9",
    ): "a longer part of the text is searched than is needed",
    (
        "_settings.retry",
        "RetryPolicy.next_wait: 60 -> 61",
    ): "both are far above each wait that is possible, and below an overflow",
    (
        "_settings.retry",
        "RetryPolicy.may_heal: '' -> 'XX'",
    ): "neither is true or false",
    (
        "_settings.escapes",
        "module: strict=True -> (nothing)",
    ): "there are as many names as characters",
    (
        "_settings.escapes",
        "module: True -> False",
    ): "there are as many names as characters",
    (
        "_settings.echoes",
        "module: 16 -> 17",
    ): "a little more of a text is searched than is needed",
    (
        "_settings.echoes",
        "Forms.of: 0 -> 1",
    ): "without forms, nothing is searched",
    (
        "_settings.echoes",
        "_without_cut_code: 0 -> 1",
    ): "8 characters of the key come before a character that is cut",
    (
        "_settings.echoes",
        "_encoded: 3 -> 4",
    ): "the fourth form is the first one",
    (
        "_settings.option_checks",
        "_unknown: n=1 -> (nothing)",
    ): "only the nearest name is shown",
    ("_settings.option_checks", "_unknown: 1 -> 2"): "only the nearest name is shown",
}
