"""
Two Flask views: a whole answer, and a stream of text for browsers.

    pip install flask
    export ASI_ONE_API_KEY=...
    flask --app examples/flask_view.py run     # serves requests in threads
    curl -N "http://127.0.0.1:5000/stream?q=Why+is+the+sky+blue%3F"

One client serves all threads of a process. It connects at its first call, so it can be
made before a server forks its workers.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response, request

from asi1 import ASI1, APIStatusError, ASI1Error


app = Flask(__name__)
client = ASI1()


@app.get("/ask")
def ask() -> dict[str, object]:
    """Return the whole answer."""
    answer = client.chat.completions.create(messages=request.args["q"], timeout=60)
    return {"text": answer.text, "request_id": answer.response.request_id}


@app.get("/stream")
def stream() -> Response:
    """Stream the text of the answer."""
    # create() waits until the reply begins, so an error here can still set the status.
    answer = client.chat.completions.create(messages=request.args["q"], stream=True)

    def pieces() -> Iterator[str]:
        # Flask closes this generator when the browser disconnects; `with` then ends the
        # call.
        with answer:
            try:
                yield from answer.text_stream
            except ASI1Error as error:
                yield f"\n[broken off: {error}]"

    response = Response(pieces(), mimetype="text/plain")
    response.headers["X-Accel-Buffering"] = "no"  # nginx must not buffer
    return response


@app.errorhandler(ASI1Error)
def failed(error: ASI1Error) -> tuple[dict[str, str], int]:
    """Reply with the message of the error, which never contains the key."""
    busy = isinstance(error, APIStatusError) and error.status_code == 429
    return {"error": str(error)}, 503 if busy else 502
