"""The README's examples, run unchanged."""

import re
import runpy

from pathlib import Path

import httpx
import pytest

from asi1.testing import FakeASI1

from ..support.services import uvicorn_serving


README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


@pytest.mark.system
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_python_example_of_the_readme_runs(number, tmp_path, monkeypatch, capsys):
    """
    Each Python example of the README runs unchanged against the fake server. If the
    example is a web application, it is served and receives a request.
    """
    script = tmp_path / "example.py"
    script.write_text(EXAMPLES[number], "utf-8")
    monkeypatch.chdir(tmp_path)

    with FakeASI1() as fake:
        monkeypatch.setenv("ASI_ONE_API_KEY", "sk_readme")
        monkeypatch.setenv("ASI1_BASE_URL", fake.base_url)
        made = runpy.run_path(str(script), run_name="__main__")
        if "app" in made:
            with uvicorn_serving(made["app"]) as url:
                page = httpx.get(f"{url}/chat", params={"q": "Hi"})
            assert "event: done" in page.text

        printed = capsys.readouterr().out
        assert printed or "assert" in EXAMPLES[number] or "app" in made
        assert fake.requests or "FakeASI1" in EXAMPLES[number]


def test_readme_shows_the_main_features():
    """
    The README's examples show a call, a stream, thoughts, a conversation of several
    turns, and error handling.
    """
    shown = "\n".join(EXAMPLES)

    for part in ("create(", "stream=True", ".thought", "messages +=", "except asi1."):
        assert part in shown
