"""
Chooses the fake server's reply to each request, and records the requests.

Each request takes one reply from a queue; when the queue is empty, it gets the standing
reply. The server and the in-process transport call `Script` from different threads, so
a lock protects its state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random, SystemRandom
from threading import Lock
from typing import TypeAlias

from attrs import frozen

from ._images import ImageReply
from ._plan import Plan
from ._replies import Answer, Failure
from ._request import Ask, Reading, RecordedRequest


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

    Attributes:
        require_key: Whether a request without an Authorization header gets a 401.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = SystemRandom().getrandbits(64) if seed is None else seed
        self._lock = Lock()
        self._queue: deque[Recipe] = deque()
        self._standing: Recipe | None = None
        self._requests: list[RecordedRequest] = []
        self._turn = 0
        self.require_key = False

    def put(self, recipe: Recipe, times: int | None) -> None:
        """
        Queue a reply *times* times; None sets the reply used while the queue is empty.

        The reply for an empty queue (the standing reply) answers chat requests only.

        Raises:
            ValueError: *times* is less than 1.
        """
        if times is not None and times < 1:
            raise ValueError(
                "times: must be at least 1, or None for the standing reply"
            )
        with self._lock:
            if times is None:
                self._standing = recipe
            else:
                self._queue.extend([recipe] * times)

    def clear(self) -> None:
        """Remove all replies that a test has scripted, and all recorded requests."""
        with self._lock:
            self._queue.clear()
            self._standing = None
            self._requests.clear()

    @property
    def pending(self) -> int:
        """How many replies are still queued."""
        return len(self._queue)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests received so far, in order of arrival; the list is a copy."""
        with self._lock:
            return list(self._requests)

    def take_early(self, head: RecordedRequest) -> EarlyRecipe | None:
        """
        Take the next reply, if an `EarlyRecipe`, before the request's body is read.

        Returns:
            The reply, to be passed to `answer`; None if the body must be read first.
        """
        with self._lock:
            following = self._queue[0] if self._queue else self._standing
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
            recipe = early or self._choose(request)
        context = Ask(request, rng)
        try:
            return recipe(context)
        except Exception as exc:  # noqa: BLE001  # a user's function may raise anything
            message = f"the scripted reply raised {exc!r}"
            return Failure(status=500, message=message)(context)

    def _choose(self, request: RecordedRequest) -> Recipe:
        unknown = Failure(status=404, message=f"unknown path: {request.path}")
        if not request.path.startswith("/v1/"):
            return unknown
        if self.require_key and not request.headers.get("authorization"):
            return Failure(status=401, message="API key is missing", code="no_api_key")
        if self._queue:
            return self._queue.popleft()
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._standing or CANNED
            case "POST", "/v1/image/generate" | "/v1/image/edit":
                return ImageReply()
            case _, ("/v1/chat/completions" | "/v1/image/generate" | "/v1/image/edit"):
                return Failure(status=405, message="method must be POST")
            case _:
                return unknown
