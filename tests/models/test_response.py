"""Response metadata: values read from the status and the headers of a reply."""

from __future__ import annotations

import copy
import pickle

import pytest

from asi1 import Attempt, RateLimits, ResponseInfo
from asi1._models.response import Headers, read_info


@pytest.mark.parametrize(
    ("made", "given"),
    [
        (
            ResponseInfo(),
            ResponseInfo(
                status=None,
                request_id=None,
                headers={},
                attempts=(),
                elapsed=None,
                time_to_first_token=None,
                rate_limits=None,
            ),
        ),
        (
            Attempt(number=1),
            Attempt(number=1, status=None, cause=None, sent=True, elapsed=0, wait=None),
        ),
    ],
    ids=["response", "attempt"],
)
def test_metadata_field_that_is_not_set_has_a_default(made, given):
    """
    A field of the response metadata that is not set is None, empty or 0. An attempt
    whose field ``sent`` is not set counts as sent.
    """
    assert given == made


def test_repr_of_response_metadata_leaves_out_the_headers():
    """
    ``repr`` of response metadata leaves out the headers, which are many.
    """
    info = read_info(299, {"x-otter": "sleek"})

    assert 299 == info.status
    assert "299" in repr(info)
    assert "sleek" not in repr(info)


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-request-id": "a", "request-id": "b"}, "a"),
        ({"request-id": "b"}, "b"),
        ({"x-request-id": "", "request-id": "b"}, "b"),
        ({}, None),
    ],
)
def test_request_id_is_read_from_either_of_two_headers(headers, request_id):
    """
    The request id is the value of ``x-request-id``, else of ``request-id``, else None.
    """
    assert request_id == read_info(200, headers).request_id


def test_response_metadata_has_no_cookies():
    """
    The response metadata has all headers of a response except those that set cookies.
    """
    info = read_info(200, {"set-cookie": "a=b", "set-cookie2": "c", "x-otter": "1"})

    assert {"x-otter": "1"} == info.headers


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"x-ratelimit-limit-requests": "many"}, None, id="not-a-number"),
        pytest.param({"x-ratelimit-limit-requests": ""}, None, id="empty"),
        pytest.param({"x-ratelimit-limit-requests": "-1"}, None, id="negative"),
        pytest.param({"x-ratelimit-limit-requests": "\u0663"}, None, id="not-ascii"),
        pytest.param(
            {"x-ratelimit-limit-tokens": "9" * 19}, None, id="too-many-digits"
        ),
        pytest.param(
            {
                "x-ratelimit-limit-requests": "3",
                "x-ratelimit-limit-tokens": "640000",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-remaining-tokens": "1",
                "x-ratelimit-reset-requests": "20s",
                "x-ratelimit-reset-tokens": "6ms",
            },
            RateLimits(
                limit_requests=3,
                limit_tokens=640000,
                remaining_requests=0,
                remaining_tokens=1,
                reset_requests="20s",
                reset_tokens="6ms",
            ),
            id="all",
        ),
        pytest.param(
            {"x-ratelimit-remaining-requests": "0"},
            RateLimits(remaining_requests=0),
            id="one",
        ),
    ],
)
def test_rate_limit_headers_are_read(headers, limits):
    """
    ``rate_limits`` has the counts in ``x-ratelimit-*`` headers that are whole numbers.
    If no such header can be read, ``rate_limits`` is None.
    """
    assert limits == read_info(200, headers).rate_limits


def test_headers_are_found_by_a_name_in_any_case():
    """
    A header is found by its name in upper or lower case, as in httpx. Copies and
    pickles of the headers are plain dicts, since a pickle must not name a private
    class.
    """
    headers = Headers({"retry-after": "1"})

    assert "1" == headers["Retry-After"] == headers.get("RETRY-AFTER")
    assert "Retry-After" in headers
    assert ("x", None) == (headers.get("Other", "x"), headers.get("Other"))
    assert 7 not in headers
    assert {"retry-after": "1"} == headers
    assert [dict, dict] == [
        type(copy.deepcopy(headers)),
        type(pickle.loads(pickle.dumps(headers))),
    ]
    assert 200 == ResponseInfo(status=200).status_code
