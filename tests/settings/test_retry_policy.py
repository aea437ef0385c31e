"""The error classes of HTTP statuses are not loaded for a client's retry policy."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.system
def test_new_client_does_not_load_status_errors():
    """
    A new client does not load the error classes of HTTP statuses: most programs never
    get such an error, and loading the classes would slow their start.
    """
    code = (
        "import sys, asi1\n"
        "asi1.AsyncASI1(api_key='sk_test')\n"
        "print('asi1._models.status_errors' in sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
    )

    assert "False" == done.stdout.strip()
