"""The advice, called a cure, that follows a failed step of ``asi1 doctor``."""

from __future__ import annotations

import ssl

import pytest

import asi1

from asi1.cli._doctor.cures import cure_of, cure_of_call


@pytest.mark.parametrize(
    ("message", "cure"),
    [
        ("certificate has expired", "clock"),
        ("certificate is not yet valid", "clock"),
        ("IP address mismatch, certificate is not valid for '::1'", "another name"),
        ("Hostname mismatch, certificate is not valid for 'a'", "another name"),
        ("self-signed certificate in certificate chain", "SSL_CERT_FILE"),
        ("unable to get local issuer certificate", "SSL_CERT_FILE"),
    ],
)
def test_advice_for_a_refused_certificate_depends_on_the_reason(message, cure):
    """Each reason for which a certificate is refused has advice of its own."""
    error = ssl.SSLCertVerificationError("")
    error.verify_message = message

    assert cure in cure_of("TLS", error)


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (asi1.AuthenticationError("no"), "key is valid"),
        (asi1.PermissionDeniedError("no"), "key is valid"),
        (asi1.PaymentRequiredError("no"), "dashboard"),
        (asi1.QuotaExceededError("no"), "dashboard"),
        (asi1.NotFoundError("no"), "base URL"),
        (asi1.RateLimitError("no"), "fewer requests"),
        (asi1.RateLimitError("no", retry_after=2.5), "wait 2.5 s"),
        (asi1.InternalServerError("no"), "try again later"),
        (asi1.APITimeoutError("no"), "--timeout"),
        (asi1.APIConnectionError("no"), "steps above"),
        (asi1.APIResponseError("no"), "is not ASI-1"),
        (asi1.ConfigurationError("no"), "setting"),
        (asi1.StreamTruncatedError("no"), "ASI1_LOG=debug"),
    ],
)
def test_advice_for_a_failed_call_depends_on_its_error(error, cure):
    """Each kind of error of a call has advice of its own."""
    assert cure in cure_of_call(error)
