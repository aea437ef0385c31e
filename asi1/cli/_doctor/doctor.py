"""Runs the steps of ``asi1 doctor``, and prints the finding of each step at once."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap

from argparse import Namespace
from collections.abc import Iterator
from importlib import metadata
from urllib.request import getproxies

from ..._settings.secret import Secret
from .._terminal import Screen
from .calls import find_answer, find_reply
from .finding import Finding, as_json, lines_of, summary_of
from .route import steps_to
from .settings import find_key, find_loop, find_proxy, find_url
from .versions import find_extras, find_libraries, find_versions


__all__ = ["doctor"]

# Lines are broken between words if the terminal has at least this many columns.
_LEAST = 40


def doctor(options: Namespace) -> int:
    """Print what each step has found; return 0 if none has failed, else 1."""
    out = Screen(sys.stdout, os.environ)
    key, first = find_key(options, os.environ)
    secret = Secret(key or "")
    findings: list[Finding] = []
    for each in _findings(options, key, first):
        finding = each.cleaned(secret.redact)
        findings.append(finding)
        if not options.json:
            out.write(_folded(lines_of(finding)) if out.live else lines_of(finding))
    report = as_json(findings)
    if options.json:
        out.write_json(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        out.write(summary_of(findings))
    return 0 if report["ok"] else 1


def _findings(options: Namespace, key: str | None, first: Finding) -> Iterator[Finding]:
    yield from _installed()
    yield first
    loop = find_loop(os.environ)
    if loop is not None:
        yield loop
    url, finding = find_url(options, os.environ)
    yield finding
    if url is None:
        return
    proxy, finding = find_proxy(url, os.environ, getproxies())
    yield finding
    if finding.state == "failed":
        return
    failed = False
    for each in steps_to(url, proxy, options.timeout):
        yield each
        failed = failed or each.state == "failed"
    if not failed:
        yield from _calls(options, key, url)


def _installed() -> Iterator[Finding]:
    yield find_versions()
    try:
        requirements = metadata.requires("asi1") or []
    except metadata.PackageNotFoundError:
        return  # asi1 is not installed, only on Python's path
    yield find_libraries(requirements)
    yield find_extras(requirements)


def _calls(options: Namespace, key: str | None, url: str) -> Iterator[Finding]:
    reply = find_reply(key, url, options.model, options.timeout)
    yield reply
    if not options.ask:
        return
    if key is None:
        yield Finding("answer", "skipped", "not asked, since there is no key")
    elif reply.state == "failed":
        yield Finding("answer", "skipped", "not asked, since the reply has failed")
    else:
        yield find_answer(key, url, options.model, options.timeout)


def _folded(lines: str) -> str:
    """Return the lines of a finding, broken between words to fit the terminal."""
    columns = shutil.get_terminal_size().columns
    if columns < _LEAST:
        return lines
    folded = (
        textwrap.fill(
            line,
            columns - 1,
            subsequent_indent=" " * 8,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines.splitlines()
    )
    return "".join(f"{each}\n" for each in folded)
