"""docs/faults.md agrees with the matrix."""

from __future__ import annotations

import os
import subprocess
import sys

from pathlib import Path

from asi1.testing import FAULTS


ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "faults.md"


def printed_page():
    """Return the output of the command, run in the checkout with these tests."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.faults", "--markdown"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_page_is_the_output_of_the_command():
    """
    docs/faults.md is the output of the command that it names.
    """
    page = PAGE.read_text(encoding="utf-8")

    assert printed_page() == page
    assert "python -m tests.system.faults --markdown > docs/faults.md" in page


def test_page_has_one_line_for_each_fault():
    """
    Each fault has one line, which describes the fault in the words of the fake.
    """
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    for name, fault in FAULTS.items():
        (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert fault.about in line
