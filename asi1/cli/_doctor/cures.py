"""Advice for the user after a failed step, chosen by the step and its error."""

from __future__ import annotations

import ssl

import asi1


__all__ = ["cure_of", "cure_of_call"]

_URL = "correct the base URL"
_CURES = {
    "DNS": "correct the name in the base URL or the proxy, or look at the network",
    "TCP": "look whether the server runs, and whether a firewall or a proxy is needed"
    " (HTTPS_PROXY)",
    "tunnel": "look at the proxy's rules, or let NO_PROXY name the server",
    "TLS": "look whether the server speaks TLS at this port, and what is between",
}
_ISSUER = (
    "set SSL_CERT_FILE to a file with the issuer's certificate; a company's proxy often"
    " has one of its own"
)
_CERTIFICATE = (
    ("expired", "look at this machine's clock; the server needs a new certificate"),
    ("not yet valid", "look at this machine's clock"),
    ("mismatch", "correct the base URL: the certificate is for another name"),
    ("", _ISSUER),
)


def cure_of(step: str, error: Exception | None = None) -> str:
    """Return the advice for a failed connection step, such as DNS or TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message.lower()
        return next(cure for part, cure in _CERTIFICATE if part in words)
    if isinstance(error, UnicodeError | ValueError):
        return _URL
    return _CURES[step]


def cure_of_call(error: asi1.ASI1Error) -> str:
    """Return the advice for a failed call."""
    wait = getattr(error, "retry_after", None)
    match error:
        case asi1.AuthenticationError() | asi1.PermissionDeniedError():
            return "look whether the key is valid, and made for this server"
        case asi1.PaymentRequiredError() | asi1.QuotaExceededError():
            return "look at the account in your ASI:One dashboard at https://asi1.ai"
        case asi1.NotFoundError():
            return f"{_URL}, which mostly ends in /v1, or the name of the model"
        case asi1.RateLimitError():
            return f"wait {wait:g} s" if wait else "wait, and send fewer requests"
        case asi1.InternalServerError():
            return "the server has trouble: try again later"
        case asi1.APITimeoutError():
            return "try again, with a larger --timeout"
        case asi1.APIConnectionError():
            return "look at the steps above; a firewall or proxy may be in the way"
        case asi1.APIResponseError():
            return f"{_URL}: what answers there is not ASI-1"
        case asi1.ConfigurationError():
            return "correct the setting that the message names"
        case _:
            return "try again; ASI1_LOG=debug shows each attempt"
