"""What the retry policy of a new client costs before the first error."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.system
def test_new_client_does_not_load_status_errors():
    """
    Making a client loads no error class of a status: most programs never meet one, and
    the start of each would pay for them.
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
