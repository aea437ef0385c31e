"""The finding of one step of ``asi1 doctor``, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from ..._models.visible import visible


__all__ = ["Finding", "as_json", "lines_of", "summary_of"]

_State: TypeAlias = Literal["ok", "failed", "skipped"]
_WORDS: Mapping[_State, str] = {"ok": "ok", "failed": "FAILED", "skipped": "-"}
# Maximum characters of a text: a server can send a message of any length.
_MOST = 500


class Finding(NamedTuple):
    """
    The result of one step of ``asi1 doctor``.

    Attributes:
        name: The step's name.
        state: How the step ended; "skipped" if there was nothing to do.
        text: The finding in words; it may quote a server.
        cure: Advice for the user, if the step failed.
        facts: The finding, as data.
    """

    name: str
    state: _State
    text: str
    cure: str = ""
    facts: Mapping[str, Any] = {}

    def cleaned(self, redact: Callable[[str], str]) -> Finding:
        """Return the finding without the API key, each text cut to one short line."""

        def clean(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            line = visible(" ".join(redact(value).split()))
            return line if len(line) <= _MOST else f"{line[:_MOST]}..."

        facts = {name: clean(value) for name, value in self.facts.items()}
        return self._replace(text=clean(self.text), cure=clean(self.cure), facts=facts)


def lines_of(finding: Finding) -> str:
    """Return the line of a finding and, if it failed, the line with the advice."""
    line = f"{_WORDS[finding.state]:<7} {finding.name}: {finding.text}\n"
    return line + (f"        cure: {finding.cure}\n" if finding.cure else "")


def summary_of(findings: Sequence[Finding]) -> str:
    """Return the last line of the report."""
    failed = [each.name for each in findings if each.state == "failed"]
    return f"failed: {', '.join(failed)}\n" if failed else "all is well\n"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return all findings as data for JSON."""
    return {
        "ok": all(each.state != "failed" for each in findings),
        "steps": [
            {
                "name": each.name,
                "state": each.state,
                "text": each.text,
                "cure": each.cure or None,
                **({"facts": dict(each.facts)} if each.facts else {}),
            }
            for each in findings
        ],
    }
