"""The steps that call the server as a program would, with asi1's own client."""

from __future__ import annotations

import asi1

from .._interrupt import cancel_on_interrupt
from .._view import summary
from .cures import cure_of_call
from .finding import Finding


__all__ = ["find_answer", "find_reply"]

_PATH = "/chat/completions"
# Sent in place of a key that is missing; the server answers 401.
_NO_KEY = "asi1-doctor-has-no-key"
# The largest reply that is read, in bytes.
_MOST = 1024 * 1024
# The timeout of the answer to `_QUESTION` is at least this many seconds.
_ANSWER_SECONDS = 60.0
_QUESTION = "Say hello in one short sentence."
_MOST_TOKENS = 300
# The statuses that are expected for a request without messages.
_EXPECTED = (400, 422)
_REFUSED = (401, 403)


def find_reply(key: str | None, url: str, model: str | None, seconds: float) -> Finding:
    """
    Send a request without messages, which a server refuses and does not charge.

    The request is sent twice, since the first reply also takes the time to open a
    connection.
    """
    try:
        with cancel_on_interrupt(), _client(key, url, model, seconds) as client:
            text, first = _refused(client, model, sends_key=key is not None)
            _, then = _refused(client, model, sends_key=key is not None)
    except asi1.ASI1Error as error:
        return Finding("reply", "failed", str(error), cure_of_call(error))
    text += "" if key else " (no key of yours was sent)"
    times = [_seconds(first), _seconds(then)]
    shown = f"{times[0] * 1000:.0f} ms, then {times[1] * 1000:.0f} ms"
    facts = {"status": first.status, "first_seconds": times[0], "seconds": times[1]}
    return Finding(
        "reply", "ok", f"{text}, {shown} on the open connection", facts=facts
    )


def _refused(
    client: asi1.ASI1, model: str | None, *, sends_key: bool
) -> tuple[str, asi1.ResponseInfo]:
    """
    Send a request without messages; return the refusal, and the response metadata.

    Raises:
        asi1.ASI1Error: The server did not refuse the request for its missing messages.
    """
    good = _EXPECTED if sends_key else (*_EXPECTED, *_REFUSED)
    try:
        reply = client.request(
            "POST", _PATH, json={"model": model or "asi1-mini", "messages": []}
        )
        reply.json()
    except asi1.APIStatusError as error:
        if error.status_code not in good or error.response is None:
            raise
        return str(error), error.response
    return f"{reply.response.status}", reply.response


def find_answer(key: str, url: str, model: str | None, seconds: float) -> Finding:
    """Ask the model one short question."""
    seconds = max(seconds, _ANSWER_SECONDS)
    try:
        with cancel_on_interrupt(), _client(key, url, model, seconds) as client:
            stream = client.chat.completions.stream(
                messages=_QUESTION, max_tokens=_MOST_TOKENS
            )
            with stream:
                answer = stream.get_final_completion()
    except asi1.ASI1Error as error:
        return Finding("answer", "failed", str(error), cure_of_call(error))
    said = repr(answer.text[:100]) if answer.text.strip() else "no text"
    facts = {"model": answer.model, "seconds": _seconds(answer.response)}
    return Finding("answer", "ok", f"{said}, {summary(answer)}", facts=facts)


def _client(key: str | None, url: str, model: str | None, seconds: float) -> asi1.ASI1:
    return asi1.ASI1(
        key or _NO_KEY,
        url,
        model=model or "asi1-mini",
        timeout=seconds,
        max_retries=0,
        max_event_bytes=_MOST,
    )


def _seconds(response: asi1.ResponseInfo) -> float:
    """Return how many seconds the last attempt took."""
    attempts = response.attempts
    return round(attempts[-1].elapsed if attempts else response.elapsed or 0.0, 6)
