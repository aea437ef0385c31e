"""How long a server asks to wait before the next attempt."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from asi1._protocol.retry_after import retry_after


NOW = 1_800_000_000.0  # seconds since 1970: Fri, 15 Jan 2027 08:00:00 GMT

DATE = "Fri, 15 Jan 2027 08:00:{:02} GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": " 7 "}, 7, id="white-space"),
        pytest.param({"retry-after": "0.5"}, 0.5, id="part-of-a-second"),
        pytest.param({"retry-after": "1e9"}, 1e9, id="huge"),
        pytest.param({"retry-after": "0"}, None, id="zero"),
        pytest.param({"retry-after": "-7"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, id="inf"),
        pytest.param({"retry-after": "1e309"}, None, id="infinite"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "soon"}, None, id="not-a-number"),
        pytest.param({"retry-after": "7 s"}, None, id="unit"),
        pytest.param({"retry-after": "7, 7"}, None, id="twice"),
        pytest.param(
            {"retry-after": "1_000"},
            None,
            id="underscore",
        ),
        pytest.param(
            {"retry-after": "\u0661\u0662"},
            None,
            id="arabic-digits",
        ),
        pytest.param({"retry-after": DATE.format(30)}, 30, id="date"),
        pytest.param({"retry-after": DATE.format(0)}, None, id="date-is-now"),
        pytest.param(
            {"retry-after": "Fri, 15 Jan 2027 07:59:59 GMT"}, None, id="date-past"
        ),
        pytest.param(
            {"retry-after": "Fri, 15 Jan 2027 09:00:30 +0100"}, 30, id="date-with-zone"
        ),
        pytest.param(
            {"retry-after": "Friday, 15-Jan-27 08:00:30 GMT"}, 30, id="date-rfc850"
        ),
        pytest.param(
            {"retry-after": "Fri, 32 Jan 2027 08:00:30 GMT"}, None, id="impossible-date"
        ),
        pytest.param({"retry-after-ms": "1500"}, 1.5, id="milliseconds"),
        pytest.param(
            {"retry-after-ms": "1500", "retry-after": "9"}, 1.5, id="milliseconds-win"
        ),
        pytest.param(
            {"retry-after-ms": "x", "retry-after": "9"},
            9,
            id="milliseconds-not-a-number",
        ),
        pytest.param(
            {"retry-after-ms": "-5", "retry-after": "9"}, 9, id="milliseconds-negative"
        ),
        pytest.param({"retry-after-ms": "nan"}, None, id="milliseconds-nan"),
    ],
)
def test_retry_after_is_read_from_seconds_dates_and_milliseconds(headers, seconds):
    """
    ``retry-after`` is read as seconds or an HTTP date; ``retry-after-ms``, in
    milliseconds, wins over it; a negative, past, infinite or unreadable value is
    ignored.
    """
    assert seconds == retry_after(headers, NOW)


@pytest.mark.system
def test_date_without_a_time_zone_is_in_gmt():
    """
    The oldest form of an HTTP date has no time zone and is in GMT, whatever the local
    zone.
    """
    code = (
        "from asi1._protocol.retry_after import retry_after\n"
        f"print(retry_after({{'retry-after': 'Fri Jan 15 08:00:30 2027'}}, {NOW}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"TZ": "XYZ+5", "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )

    assert "30.0" == done.stdout.strip()


@given(text=st.text(), wall=st.floats(0, 1e10))
@example(text="Mon, 01 Jan 0001 00:00:00 +2359", wall=0)
@example(text="Fri, 31 Dec 9999 23:59:59 -2359", wall=0)
@example(text="1 Jan 99999999 00:00", wall=0)
@example(text="1 Jan 2027 99999999999999999999:00", wall=0)
def test_any_retry_after_is_a_positive_wait_or_none(text, wall):
    """
    Any value of ``retry-after`` or ``retry-after-ms`` is read as a wait of more than 0
    s, or as None.
    """
    for name in ("retry-after", "retry-after-ms"):
        seconds = retry_after({name: text}, wall)

        assert seconds is None or 0 < seconds < math.inf
