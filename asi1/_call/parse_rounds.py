"""
The calls of one `parse`: asks the model again if its answer does not fit the type.

A generator yields each call and receives its answer, so that both clients share this
code. The answer is decoded in the caller's task or, for the blocking client, in the
caller's thread, since decoding may run the user's validators.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from attrs import frozen

from .._models.base_types import JSON
from .._models.completion import ChatCompletion
from .._models.errors import ASI1Error, CallCancelledError
from .._models.messages import Message, Messages, wire_messages
from .._models.output_errors import OutputError, OutputInvalidError
from .._models.parsed import ParsedCompletion, parsed_completion
from .._protocol.request import ChatDraft, draft_chat
from .._protocol.schema.output_type import OutputType, output_type
from .._settings.option_checks import check_own_keys
from .._settings.validators import whole_number, wrong
from .answer_reader import AnswerReader
from .attempts import OneRequest
from .call import Call
from .engine import Engine


if TYPE_CHECKING:
    from .watch import Watch


__all__ = ["ParsePlan", "Rounds", "parse_rounds", "run_rounds"]

_T = TypeVar("_T")

# A generator that yields calls, which have not begun, and receives their answers.
Rounds: TypeAlias = Generator[Call[ChatCompletion], ChatCompletion, _T]

_whole_number = whole_number(0)
_CORRECTION = (
    "Your answer does not have the required form: {problem}. Give the whole answer"
    " again, as JSON without any other text."
)


@frozen(kw_only=True)
class ParsePlan(Generic[_T]):
    """
    The arguments of `parse` that say how an answer becomes a value.

    Attributes:
        output: The type that the answer becomes.
        repair: How often the model is asked again if its answer does not fit.
    """

    output: OutputType[_T]
    repair: int

    @classmethod
    def of(cls, response_format: Any, repair: object) -> ParsePlan[Any]:
        """
        Check the arguments of `parse` and return the plan.

        Raises:
            ArgumentError: JSON Schema cannot describe *response_format*, or *repair* is
                not a number.
        """
        problem = _whole_number(repair)
        if problem:
            raise wrong("repair", problem, repair)
        times = cast("int", repair)
        return ParsePlan(output=output_type(response_format), repair=times)

    def check(self, options: Mapping[str, Any]) -> None:
        """
        Check the options of the requests, those of the client included.

        Raises:
            ArgumentError: The requests of a repair would have the same idempotency key.
        """
        if self.repair:
            check_own_keys(options, "answer")

    def rounds(
        self,
        draft: ChatDraft,
        first: Call[ChatCompletion],
        again: Callable[[Sequence[Message]], Call[ChatCompletion]],
    ) -> Rounds[ParsedCompletion[_T]]:
        """
        Run the calls until an answer fits the type; return this answer with its value.

        Args:
            draft: The request of *first* without its messages.
            first: The first call.
            again: Returns a call that sends what *first* sent, followed by messages.

        Raises:
            OutputError: The last answer did not become a value; `earlier` has the
                errors of the answers before it.
        """
        hooks = first.resources.hooks
        if hooks is None or not self.repair:
            return (yield from self._rounds(first, again))
        parts = draft.parts
        watch = hooks.watch_run("parse", model=parts["model"], tags={**parts["tags"]})
        watch.start()
        error: Exception | None = None
        try:
            return (yield from self._rounds(first, again, watch))
        except Exception as caught:
            error = caught
            raise
        except BaseException:
            error = CallCancelledError("the caller no longer waits for the value")
            raise
        finally:
            watch.end(error)

    def _rounds(
        self,
        first: Call[ChatCompletion],
        again: Callable[[Sequence[Message]], Call[ChatCompletion]],
        parent: Watch | None = None,
    ) -> Rounds[ParsedCompletion[_T]]:
        call = first
        added: list[Message] = []
        earlier: list[OutputInvalidError] = []
        while True:
            call.parent = parent
            answer = yield call
            try:
                result = self.output.read(answer)
            except OutputError as error:
                if answer.response.cached:
                    # The new answer replaces the cached one, which would fail this call
                    # every time.
                    call = again(added)
                    call.resources = call.resources.renewing_cache()
                    continue
                error.earlier = tuple(earlier)
                repairs = len(earlier) < self.repair and not answer.message.tool_calls
                if not repairs or not isinstance(error, OutputInvalidError):
                    raise
                earlier.append(error)
            else:
                return parsed_completion(
                    answer,
                    result.value,
                    parsed_from=result.parsed_from,
                    earlier=tuple(earlier),
                )
            added += [answer, _correction(earlier[-1])]
            call = again(added)


def _correction(error: OutputInvalidError) -> dict[str, JSON]:
    return {"role": "user", "content": _CORRECTION.format(problem=error.message)}


def parse_rounds(
    engine: Engine,
    *,
    messages: Messages,
    model: str | None,
    response_format: Any,
    repair: object,
    options: Any,
) -> Rounds[ParsedCompletion[Any]]:
    """
    Return the calls of ``chat.completions.parse``, after checking all arguments.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    plan = ParsePlan.of(response_format, repair)
    wanted = {**options, "response_format": plan.output.response_format}
    draft = draft_chat(engine.config, model=model, stream=False, options=wanted)
    plan.check(draft.options)

    sent = wire_messages(messages)
    first = OneRequest(draft.request_of(sent))

    def again(added: Sequence[Message]) -> Call[ChatCompletion]:
        more = wire_messages(added) if added else ()
        request = draft.request_of([*sent, *more])
        return engine.call(OneRequest(request), AnswerReader)

    return plan.rounds(draft, engine.call(first, AnswerReader), again)


async def run_rounds(engine: Engine, rounds: Rounds[_T]) -> _T:
    """
    Make the calls that *rounds* yields, one after the other, on the event loop.

    Raises:
        ASI1Error: A call failed, or *rounds* raised this error.
    """
    try:
        call = next(rounds)
        while True:
            call = rounds.send(await engine.result(call))
    except StopIteration as done:
        result: _T = done.value
        return result
    except ASI1Error as error:
        rounds.throw(error)  # so that hooks are told why the calls have ended
        raise
    finally:
        rounds.close()
