"""
The wait that a server asks for before the next attempt, in its headers or in the body.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from asi1._protocol.retry_after import retry_after, retry_after_in_body


NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT, in seconds since 1970

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
        pytest.param({"retry-after": "7, 7"}, 7, id="twice"),
        pytest.param({"retry-after": "7, 9, 8"}, 9, id="several"),
        pytest.param({"retry-after": "1,5"}, None, id="decimal-comma"),
        pytest.param({"retry-after": "1,5, 7"}, 7, id="decimal-comma-and-number"),
        pytest.param(
            {"retry-after": f"7,{DATE.format(30)}"}, 30, id="several-without-space"
        ),
        pytest.param(
            {"retry-after": "Fri,15 Jan 2027 08:00:30 GMT, 7"},
            30,
            id="date-without-space",
        ),
        pytest.param({"retry-after": "soon, 7, -1, nan"}, 7, id="one-is-valid"),
        pytest.param({"retry-after": ", 7,"}, 7, id="empty-values"),
        pytest.param({"retry-after": "1, " * 63 + "5, 9"}, 5, id="very-many"),
        pytest.param({"retry-after": "0" * 64 + "7"}, None, id="very-long"),
        pytest.param({"retry-after": "\x1f7"}, 7, id="control-character"),
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
        *(
            pytest.param({"retry-after-ms": text}, 0.001, id=f"milliseconds-{text!a}")
            for text in ("1\x1f", "\x1c1", "1\x85", "\xa01\u2003")
        ),
        pytest.param({"retry-after-ms": "500, 1500"}, 1.5, id="milliseconds-several"),
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
    ``retry-after`` is a number of seconds or an HTTP date. ``retry-after-ms``, in
    milliseconds, is preferred. A negative, past, infinite or unreadable value is
    ignored.
    """
    assert seconds == retry_after(headers, NOW)


@pytest.mark.parametrize(
    ("asked", "sent", "seconds"),
    [
        pytest.param(DATE.format(30), DATE.format(10), 20, id="same-clock"),
        pytest.param(
            "Fri, 15 Jan 2027 09:00:30 GMT",
            "Fri, 15 Jan 2027 09:00:10 GMT",
            20,
            id="an-hour-ahead",
        ),
        pytest.param(
            "Fri, 15 Jan 2027 07:00:30 GMT",
            "Fri, 15 Jan 2027 07:00:10 GMT",
            20,
            id="an-hour-behind",
        ),
        pytest.param(DATE.format(30), DATE.format(30), None, id="at-once"),
        pytest.param(DATE.format(30), DATE.format(31), None, id="past-for-the-server"),
        pytest.param(
            DATE.format(30), "Friday, 15-Jan-27 08:00:10 GMT", 20, id="date-rfc850"
        ),
        pytest.param(
            DATE.format(30), "Fri Jan 15 08:00:10 2027", 20, id="date-without-zone"
        ),
        pytest.param(DATE.format(30), "today", 30, id="unreadable-date"),
        pytest.param(DATE.format(30), "", 30, id="empty-date"),
        pytest.param(
            DATE.format(30), f"{DATE.format(10)}, {DATE.format(12)}", 20, id="two-dates"
        ),
        pytest.param("7", DATE.format(59), 7, id="seconds"),
        pytest.param(
            f"{DATE.format(30)}, {DATE.format(40)}", DATE.format(10), 30, id="several"
        ),
        pytest.param(
            f"25, {DATE.format(30)}, 5", DATE.format(10), 25, id="number-is-longer"
        ),
        pytest.param(
            f"Friday, 15-Jan-27 08:00:50 GMT, {DATE.format(30)}",
            DATE.format(10),
            40,
            id="several-forms",
        ),
    ],
)
def test_date_in_retry_after_is_compared_to_the_date_of_the_reply(asked, sent, seconds):
    """
    A date in ``retry-after`` is compared to the ``date`` header of the reply, or to
    this machine's clock if the reply has no valid date. The longest of several waits is
    used.
    """
    assert seconds == retry_after({"retry-after": asked, "date": sent}, NOW)


@pytest.mark.system
@pytest.mark.parametrize("place", ["error", "errors", "detail", "text", "list", "top"])
@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 20s. Contact us to raise the limit.", 20),
        ("Please try again in 1m30s.", 90),
        ("try again in 350ms", 0.35),
        ("Please retry after 2 seconds.", 2),
        ("Please retry in 36.073423s.", 36.073423),
        ("TRY AGAIN LATER, AFTER 3 SECS", 3),
        ("Retry your request in 1 Minute, 5 Seconds", 65),
        ("try again in about 1 minute and 30 seconds", 90),
        ("Try again in 1h2m3.5s!", 3723.5),
        ("Please try again in\n 2 days", 172_800),
        ("Too Many Requests: retry after 35", 35),
        ("Retry-After: 35.5, please", 35.5),
        ("Request was throttled. Expected available in 42 seconds.", 42),
        ("Please wait 20 seconds before trying again", 20),
        ("Wait for 1500 milliseconds", 1.5),
        ("try again in 1s; big requests: try again in 9s; or wait 5s", 9),
        ("try again in 0s", None),
        ("try again after 3 attempts", None),
        ("try again in 5 sheep", None),
        ("retry after 35 requests", None),
        ("retry after 2027-01-15", None),
        ("Try again at 12:30", None),
        ("Try again in " + "9" * 30 + "s", None),
        ("Try again with less than 20 seconds of audio", None),
        ("Limit 3 per 1 minute, used 3", None),
        ("the country in 2s", None),
        ("await 2s", None),
        ("gave up trying after 300s", None),
        ("Stopped retrying after 300s", None),
        ("stopped to retry after 300s", None),
        ("did not wait for 60s", None),
        ("We didn't wait 60s", None),
        ("Do not retry after 60s", None),
        ("Not to retry after 60s", None),
        ("We stopped currently retrying in 60s", None),
        ("An unstopped currently retrying in 60s", 60),
        ("Your message 'please wait 5 minutes' was rejected", None),
        ("Your message 'don't stop, wait 5 minutes' was rejected", None),
        ('Unknown option "try again in 5s".', None),
        ("Invalid: \u201cwait 5 minutes\u201d", None),
        ("Model not available in 24h mode", None),
        ("Model not available. Try again in 20s", 20),
        ("Model 'asi1' is not available, retry after 20s", 20),
        ("You've no quota, don't worry: it's back, try again in 20s", 20),
        ("Retrying in 20s", 20),
        ('{"message": "try again in 20s", "code', 20),
        ('{"retry after": 35}', 35),
        ("", None),
    ],
)
def test_wait_in_the_message_of_an_error_is_read(message, seconds, place):
    """
    A wait in the message of an error, such as "try again in 20s", is read, wherever the
    message is in the body. Other numbers and times in the message are ignored.
    """
    bodies = {
        "error": {"error": {"message": message, "code": "rate_limit_exceeded"}},
        "errors": {"errors": [{"detail": message}]},
        "detail": {"detail": [message]},
        "text": message,
        "list": [{"error": {"message": message}}],
        "top": {"error": message},
    }

    assert seconds == retry_after_in_body(bodies[place])


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        pytest.param({"retry_after": 64.57, "global": False}, 64.57, id="top"),
        pytest.param({"error": {"retry_after": 2}}, 2, id="error"),
        pytest.param({"error": {"retryAfter": "2"}}, 2, id="numeric-string"),
        pytest.param({"Error": {"Retry-After": " 2s "}}, 2, id="capitals"),
        pytest.param({"detail": {"retry_after_seconds": 3}}, 3, id="detail"),
        pytest.param({"parameters": {"retry_after": 35}}, 35, id="parameters"),
        pytest.param({"retry_after_ms": 1500}, 1.5, id="milliseconds"),
        pytest.param({"error": {"retryAfterMs": "1500"}}, 1.5, id="camel-milliseconds"),
        pytest.param({"retry_after_ms": "2s"}, 2, id="unit-wins"),
        pytest.param({"error": {"retryDelay": "1.5s"}}, 1.5, id="delay"),
        pytest.param({"retryDelay": "1m30s"}, 90, id="delay-minutes"),
        pytest.param(
            {
                "error": {
                    "code": 429,
                    "details": [{"@type": "Help"}, {"retryDelay": "36s"}],
                }
            },
            36,
            id="google",
        ),
        pytest.param(
            [{"error": {"details": [{"retryDelay": "36s"}]}}], 36, id="google-in-a-list"
        ),
        pytest.param(
            {"retry_delay": {"seconds": 36, "nanos": 500_000_000}}, 36.5, id="duration"
        ),
        pytest.param({"retry_after": 2, "error": {"retry_after": 5}}, 5, id="longest"),
        pytest.param(
            {"retry_after": 2, "message": "try again in 9s"}, 2, id="member-wins"
        ),
        pytest.param(
            {"retry_after": None, "message": "try again in 9s"}, 9, id="member-is-null"
        ),
        pytest.param({"choices": [{"retry_after": 3}]}, None, id="elsewhere"),
        pytest.param({"retry_after": True}, None, id="bool"),
        pytest.param({"retry_after": 0}, None, id="zero"),
        pytest.param({"retry_after": -1}, None, id="negative"),
        pytest.param({"retry_after": "soon"}, None, id="words"),
        pytest.param({"retry_after": [2]}, None, id="list"),
        pytest.param({"retry_delay": {}}, None, id="empty-duration"),
        pytest.param({"retry_after": math.nan}, None, id="nan"),
        pytest.param({"retry_after": math.inf}, None, id="inf"),
        pytest.param({"retry_after": 10**400}, None, id="huge-int"),
        pytest.param({"retry_after": "1e400"}, None, id="infinite"),
        pytest.param({"retry_after": "2" * 65}, None, id="very-long"),
        pytest.param({"retry_policy": 2}, None, id="another-name"),
        pytest.param(None, None, id="empty"),
        pytest.param(7, None, id="number"),
    ],
)
def test_wait_in_a_field_of_the_error_body_is_read(body, seconds):
    """
    A wait may be a field of the error body, in seconds, in milliseconds or with a unit.
    A wait in a field is preferred to a wait in a message. A wait that is not positive
    and finite is ignored.
    """
    assert seconds == retry_after_in_body(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"error": [{}] * 99 + [{"retry_after": 1}]}, id="items"),
        pytest.param(
            {f"k{n}": n for n in range(99)} | {"retry_after": 1}, id="members"
        ),
        pytest.param(
            {"error": {"error": {"error": {"error": {"retry_after": 1}}}}}, id="levels"
        ),
    ],
)
def test_only_the_start_of_a_large_error_body_is_searched_for_a_wait(body):
    """
    Only the first six levels of an error body are searched for a wait and, in each
    object or list, only the first 100 values.
    """
    assert 1 == retry_after_in_body(body)
    if isinstance(body.get("error"), list):
        further = {"error": [{}, *body["error"]]}
    elif "error" in body:
        further = {"error": body}
    else:
        further = {"k": 0, **body}

    assert retry_after_in_body(further) is None


@pytest.mark.system
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "retry_after", "retryDelay", "message", "x"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=10,
    )
)
def test_any_error_body_is_read_as_a_positive_wait_or_none(body):
    """
    Any error body is read as a wait of more than 0 s, or as None.
    """
    seconds = retry_after_in_body(body)

    assert seconds is None or 0 < seconds < math.inf


@pytest.mark.system
def test_date_without_a_time_zone_is_in_gmt():
    """
    The oldest form of an HTTP date names no time zone. Such a date is read as GMT,
    whatever the time zone of this machine.
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
@example(text="1\x1f", wall=0)
@example(text="1\u2028", wall=0)
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


@pytest.mark.parametrize(
    "name",
    [
        *("data", "detail", "details", "error", "errors", "extensions", "meta"),
        *("metadata", "parameters", "retryinfo", "retry_info", "RetryInfo"),
    ],
)
def test_wait_is_read_only_from_objects_with_the_details_of_an_error(name):
    """
    APIs put the details of an error into objects such as ``details`` or ``metadata``. A
    wait is read from these objects, and from no other object.
    """
    assert 7 == retry_after_in_body({name: {"retry_after": 7}})
    assert retry_after_in_body({f"x{name}": {"retry_after": 7}}) is None


@pytest.mark.parametrize(
    "name", ["description", "detail", "error", "message", "msg", "raw", "reason"]
)
def test_wait_is_read_only_from_fields_for_an_error_message(name):
    """
    APIs put the message of an error into fields such as ``message`` or ``reason``. A
    wait is read from the text of these fields, and from no other text.
    """
    assert 7 == retry_after_in_body({name: "try again in 7 s"})
    assert retry_after_in_body({f"x{name}": "try again in 7 s"}) is None


@pytest.mark.parametrize(("place", "seconds"), [(493, 7), (494, None)])
def test_wait_after_500_values_of_an_error_body_is_not_read(place, seconds):
    """
    Only the first 500 values of an error body are searched for a wait. In this test,
    these values are the body, its five lists, and the first 494 items of the lists.
    """
    items = [""] * 500
    items[place] = "try again in 7 s"

    body = [items[start : start + 100] for start in range(0, 500, 100)]

    assert seconds == retry_after_in_body(body)


@pytest.mark.parametrize(("digits", "seconds"), [(64, 7), (65, None)])
def test_wait_of_more_than_64_characters_is_not_read(digits, seconds):
    """
    A wait of more than 64 characters, in a header or in a body, is not read.
    """
    text = "7".rjust(digits, "0")

    assert seconds == retry_after({"retry-after": text}, NOW)
    assert seconds == retry_after_in_body({"retry_after": text})
