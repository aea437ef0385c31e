"""docs/faults.md agrees with the matrix of expected outcomes."""

from __future__ import annotations

import os
import subprocess
import sys

from pathlib import Path

from asi1.testing import FAULTS


ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "faults.md"


def printed_page():
    """Return the output of ``python -m tests.system.faults --markdown``."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.faults", "--markdown"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_faults_page_is_the_output_of_the_command_that_the_page_names():
    """
    docs/faults.md is exactly the output of the command that the page itself names.
    """
    page = PAGE.read_text(encoding="utf-8")

    assert printed_page() == page
    assert "python -m tests.system.faults --markdown > docs/faults.md" in page


def test_faults_page_describes_each_fault_in_one_line():
    """
    Each fault has exactly one line in docs/faults.md, with the description of the fault
    from `asi1.testing.FAULTS`.
    """
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    for name, fault in FAULTS.items():
        (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert fault.about in line
