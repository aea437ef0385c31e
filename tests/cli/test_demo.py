"""``asi1 demo``: an example answer that needs no key."""

from __future__ import annotations

import re

import pytest

from asi1.cli import main


@pytest.mark.system
def test_demo_runs_without_api_key_and_network(monkeypatch, capsys):
    """
    The demo shows thoughts, text, token counts and times, and says that the demo is
    offline and what to do next. The demo needs no key, ignores proxies and base URLs
    set in the environment, and writes no ANSI codes if stdout is not a terminal.
    """
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "ASI1_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    code = main(["demo"])
    out, err = capsys.readouterr()

    assert (0, "") == (code, err)
    assert "\x1b" not in out
    opening, _, rest = out.partition("\n\n> Tell me ")
    assert "offline" in opening
    assert "fake server" in opening
    assert "No key and no network." in opening
    _, thoughts, text, counts, closing = rest.split("\n\n", 4)
    assert thoughts.startswith("Otters holding hands?")
    assert text.startswith("Bumblebees play.")
    assert re.fullmatch(
        r"\d+ tokens \(\d+ in, \d+ out\), first token after \d+\.\d\d s,"
        r" \d+\.\d\d s in all",
        counts,
    )
    assert "https://asi1.ai" in closing
    assert "ASI_ONE_API_KEY" in closing
    assert closing.endswith('\n    asi1 ask "Why do bumblebees play?"\n')


@pytest.mark.system
def test_demo_dims_thoughts_and_token_counts_on_a_terminal(on_terminal):
    """
    On a terminal, the demo dims thoughts and token counts but not the text; each line
    is shorter than 88 characters.
    """
    seen, code = on_terminal(["demo"])

    assert 0 == code
    dimmed = "".join(re.findall(r"\x1b\[2m(.*?)\x1b\[0m", seen, re.DOTALL))
    assert dimmed.startswith("Otters holding hands?")
    assert dimmed.endswith(" s in all")
    assert "Bumblebees play." not in dimmed
    bare = re.sub(r"\x1b\[\dm", "", seen)
    assert "Bumblebees play." in bare
    assert max(map(len, bare.splitlines())) < 88


@pytest.mark.parametrize("word", ["now", "--model=asi1"])
def test_demo_refuses_arguments(word, capsys):
    """
    The demo's answer is fixed, so `asi1 demo` refuses a question or an option.
    """
    assert 2 == main(["demo", word])
    assert capsys.readouterr().err.startswith("asi1: unrecognized arguments: ")
