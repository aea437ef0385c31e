"""
Waits for the answer of agents that work on a turn.

The API has no endpoint that tells when agents have finished: a client sends another
message in the same session until the answer changes.
"""

from __future__ import annotations

import anyio

from attrs import define

from ..._call.answer_reader import AnswerReader
from ..._models.completion import ChatCompletion
from ..._models.errors import APITimeoutError
from ..._settings.validators import is_number, or_none, seconds, wrong
from .turn import Turn
from .turn_taking import TurnTaking


__all__ = ["Waiting"]


@define(eq=False)
class Waiting:
    """
    Waits for a deferred answer; no other turn can begin until the wait ends.

    Attributes:
        taking: The conversation's history, and its running turn.
        message: The message to send until the answer has arrived.
        model: The model of these turns; None for the conversation's model.
        interval: Seconds to wait before each message.
        timeout: Seconds in total; None for no limit.
    """

    taking: TurnTaking
    message: str
    model: str | None
    interval: float
    timeout: float | None

    def __attrs_post_init__(self) -> None:
        if not (is_number(self.interval) and self.interval >= 0):
            raise wrong(
                "interval", "must be a number of seconds of at least 0", self.interval
            )
        if problem := or_none(seconds)(self.timeout):
            raise wrong("timeout", problem, self.timeout)

    async def run(self) -> ChatCompletion:
        """
        Return the first answer that is not deferred.

        Raises:
            APITimeoutError: No such answer arrived in time.
            ASI1Error: The conversation does not end with an answer, or a call failed.
        """
        self.taking.check_free()
        last = self.taking.last_answer()
        if not last.deferred:
            return last
        self._turn()  # raises now if an argument is wrong
        began = anyio.current_time()
        self.taking.claim(self)
        try:
            with anyio.move_on_after(self.timeout):
                while True:
                    await anyio.sleep(self.interval)
                    answer = await self._ask()
                    if _has_news(answer):
                        return answer
                    self.taking.claim(self)
        finally:
            self.taking.release(self)
        raise APITimeoutError(
            f"timed out: the answer is still deferred after {self.timeout:g} s",
            elapsed=anyio.current_time() - began,
            response=last.response,
        )

    def _turn(self) -> Turn[ChatCompletion]:
        return Turn(self.taking, self.message, self.model, {}, AnswerReader)

    async def _ask(self) -> ChatCompletion:
        """Send the message; add the turn to the history only if the agents answered."""
        turn = self._turn()
        self.taking.release(self)
        with turn:
            answer = await self.taking.engine.result(turn.call)
            if _has_news(answer):
                turn.commit(answer)
            else:
                turn.commit_usage(answer)
        return answer


def _has_news(answer: ChatCompletion) -> bool:
    # An answer that has only thoughts does not show whether the agents have answered.
    said = answer.text.strip() or answer.message.tool_calls
    return bool(said) and not answer.deferred
