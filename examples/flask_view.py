"""
Flask views that answer with ASI-1: whole, and streamed to the browser as it is written.

    pip install flask
    export ASI_ONE_API_KEY=...
    flask --app examples/flask_view.py run     # threads are on
    curl -N "http://127.0.0.1:5000/stream?q=Why+is+the+sky+blue%3F"

One client serves all threads of a process. It connects at its first call, and so may be
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
    """Answer as a whole."""
    answer = client.chat.completions.create(messages=request.args["q"], timeout=60)
    return {"text": answer.text, "request_id": answer.response.request_id}


@app.get("/stream")
def stream() -> Response:
    """Answer piece by piece."""
    # Waits until the server begins to answer: a refusal is still a page of its own.
    answer = client.chat.completions.create(messages=request.args["q"], stream=True)

    def pieces() -> Iterator[str]:
        # Flask closes this generator when the browser leaves, and `with` the call.
        with answer:
            try:
                yield from answer.text_stream
            except ASI1Error as error:
                yield f"\n[broken off: {error}]"

    response = Response(pieces(), mimetype="text/plain")
    response.headers["X-Accel-Buffering"] = "no"  # or nginx waits for the whole
    return response


@app.errorhandler(ASI1Error)
def failed(error: ASI1Error) -> tuple[dict[str, str], int]:
    """Say what went wrong; the key is in no error."""
    busy = isinstance(error, APIStatusError) and error.status_code == 429
    return {"error": str(error)}, 503 if busy else 502
