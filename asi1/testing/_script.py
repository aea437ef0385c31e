"""
Chooses the fake server's reply to each request, and records the requests.

Each request takes one reply from a queue; when the queue is empty, it gets the standing
reply. The server and the in-process transport call `Script` from different threads, so
a lock protects its state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import groupby
from random import Random, SystemRandom
from threading import Lock
from typing import TypeAlias

from attrs import evolve, frozen

from .._settings.validators import whole_number
from ._answer import Answer
from ._checks import ensure, tool_problem
from ._images import ImageReply
from ._plan import Plan
from ._replies import Failure
from ._request import Ask, Reading, RecordedRequest
from ._shapes import Generation


__all__ = ["CANNED", "EarlyRecipe", "Recipe", "Script"]


Recipe: TypeAlias = Callable[[Ask], Plan]


@frozen
class EarlyRecipe:
    """
    Makes the plan of a reply, and says how the server reads the request's body.

    Attributes:
        make: Makes the plan of the reply.
        reading: How the request is read.
    """

    make: Recipe
    reading: Reading

    def __call__(self, context: Ask) -> Plan:
        """Make the plan of the reply."""
        return self.make(context)


# The answer to a chat request for which the test has scripted no reply.
CANNED = Answer(
    text=(
        "Hello from the fake! No model was asked, so here is a small fact instead: "
        "a lighthouse keeper's logbook had a line for every hour of the night, and "
        "the commonest entry by far was \u201clamp burning well\u201d."
    ),
    thoughts=(
        "No reply is scripted.",
        "A short and friendly one will do.",
    ),
    generation="guide",
)


class Script:
    """
    The queued replies, the standing reply (for an empty queue) and the requests.

    Args:
        seed: Seed of the random ids and times; None for a random seed.
        generation: The format of answers that do not set their own; None for "2025",
            and "guide" for the built-in answer.

    Attributes:
        strict: Whether a request without a scripted reply gets an error.
        require_key: Whether a request without an Authorization header gets a 401.
    """

    def __init__(self, seed: int | None, generation: Generation | None = None) -> None:
        self._seed = SystemRandom().getrandbits(64) if seed is None else seed
        self._generation: Generation = generation or "2025"
        self._canned = evolve(CANNED, generation=generation or CANNED.generation)
        self._lock = Lock()
        self._queue: deque[tuple[Recipe, str]] = deque()
        self._standing: Recipe | None = None
        self._requests: list[RecordedRequest] = []
        self._unscripted: list[RecordedRequest] = []
        self._turn = 0
        self.strict = False
        self.require_key = False

    def put(self, recipe: Recipe, times: int | None, call: str) -> None:
        """
        Queue a reply *times* times; None sets the reply used while the queue is empty.

        The reply for an empty queue (the standing reply) answers chat requests only.

        Args:
            recipe: Makes the plan of the reply.
            times: How many requests get the reply.
            call: The call that scripted the reply, such as ``fail(429)``, for `unmet`.

        Raises:
            TypeError: *times* is not an int.
            ValueError: *times* is less than 1.
        """
        if times is not None:
            ensure("times", times, _times, int)
        with self._lock:
            if times is None:
                self._standing = recipe
            else:
                self._queue.extend([(recipe, call)] * times)

    def clear(self) -> None:
        """Remove all replies that a test has scripted, and all recorded requests."""
        with self._lock:
            self._queue.clear()
            self._standing = None
            self._requests.clear()
            self._unscripted.clear()

    @property
    def pending(self) -> int:
        """How many replies are still queued."""
        return len(self._queue)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests received so far, in order of arrival; the list is a copy."""
        with self._lock:
            return list(self._requests)

    def unmet(self) -> str:
        """
        Return which requests had no scripted reply, and which replies were not used; ""
        if there are none of either.
        """
        with self._lock:
            requests = [*map(_shown, self._unscripted)]
            replies = [call for _, call in self._queue]
        parts = [
            ("requests for which no reply was scripted", requests),
            ("scripted replies for which no request came", replies),
        ]
        return "\n".join(_listed(title, lines) for title, lines in parts if lines)

    def take_early(self, head: RecordedRequest) -> EarlyRecipe | None:
        """
        If the next reply is an `EarlyRecipe`, take it before the body is read.

        Returns:
            The reply, to be passed to `answer`; None if the body must be read first.
        """
        with self._lock:
            following = self._queue[0][0] if self._queue else self._standing
            if isinstance(following, EarlyRecipe) and (self._choose(head) is following):
                return following
        return None

    def answer(
        self, request: RecordedRequest, early: EarlyRecipe | None = None
    ) -> Plan:
        """
        Record a request; return the plan of *early*, or of the next scripted reply.

        Returns:
            The plan of the reply. If making the plan raises, a 500 that names the
            error: the test would not see an exception in the server's thread.
        """
        with self._lock:
            self._requests.append(request)
            self._turn += 1
            rng = Random(f"{self._seed}:{self._turn}")
            problem = None if early else self._tool_problem(request)
            recipe = problem or early or self._choose(request)
            if recipe is None:
                self._unscripted.append(request)
                recipe = self._refusal(request) if self.strict else self._usual(request)
        context = Ask(request, rng, self._generation)
        try:
            return recipe(context)
        except Exception as exc:  # noqa: BLE001  # a user's function may raise anything
            message = f"the scripted reply raised {exc!r}"
            return Failure(status=500, message=message)(context)

    def _choose(self, request: RecordedRequest) -> Recipe | None:
        """Return the reply that is scripted for *request*; None if there is none."""
        if not request.path.startswith("/v1/"):
            return None
        if self.require_key and not request.headers.get("authorization"):
            return Failure(status=401, message="API key is missing", code="no_api_key")
        if self._queue:
            return self._queue.popleft()[0]
        chat = (request.method, request.path) == ("POST", "/v1/chat/completions")
        return self._standing if chat else None

    def _usual(self, request: RecordedRequest) -> Recipe:
        match request.method, request.path:
            case "POST", "/v1/chat/completions" if _messages_of(request) == []:
                return Failure(status=400, message="messages: at least one is needed")
            case "POST", "/v1/chat/completions":
                return self._canned
            case "POST", "/v1/image/generate" | "/v1/image/edit":
                return ImageReply()
            case _, ("/v1/chat/completions" | "/v1/image/generate" | "/v1/image/edit"):
                return Failure(status=405, message="method must be POST")
            case _:
                return Failure(status=404, message=f"unknown path: {request.path}")

    def _tool_problem(self, request: RecordedRequest) -> Recipe | None:
        """Return the error of a strict fake for tool calls that a service refuses."""
        if not self.strict or request.path != "/v1/chat/completions":
            return None
        problem = tool_problem(_messages_of(request))
        return Failure(status=400, message=problem) if problem else None

    def _refusal(self, request: RecordedRequest) -> Recipe:
        # Clients do not retry a 400, so that the test ends with the first such call.
        message = f"the fake is strict, and no reply is scripted for {_shown(request)}"
        return Failure(status=400, message=message, code="no_scripted_reply")


def _messages_of(request: RecordedRequest) -> object:
    """Return the messages in a request's body; None if there are none."""
    try:
        messages: object = request.json["messages"]
    except (ValueError, LookupError, TypeError):
        return None
    return messages


def _times(value: object) -> str | None:
    problem = whole_number(1)(value)
    return problem and f"{problem}, or None for the standing reply"


def _shown(request: RecordedRequest) -> str:
    """Return the request's method and path, and its last message or its prompt."""
    try:
        body = request.json
        asked = body.get("prompt") or body["messages"][-1]["content"]
    except (ValueError, AttributeError, LookupError, TypeError):
        return f"{request.method} {request.path}"
    return f"{request.method} {request.path}: {asked!r:.80}"


def _listed(title: str, lines: list[str]) -> str:
    """Return *title* followed by the *lines*; equal successive lines are shown once."""
    groups = [(line, len(list(equal))) for line, equal in groupby(lines)]
    shown = [f"  {line}" + (f" ({n} times)" if n > 1 else "") for line, n in groups]
    return "\n".join([f"{title}:", *shown])
