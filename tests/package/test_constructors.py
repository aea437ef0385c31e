"""Constructor parameters of data classes, and of classes whose fields change later."""

from __future__ import annotations

import inspect

import pytest

import asi1

from asi1._call.answer_reader import AnswerReader
from asi1._call.attempts import Attempts
from asi1._call.batch_queue import BatchQueue
from asi1._call.budgets import Account
from asi1._call.bytes_reader import BytesReader
from asi1._call.call import Call
from asi1._call.engine import Engine
from asi1._call.hook_caller import HookCaller
from asi1._call.prompt_call import EndedCalls, PromptCall
from asi1._call.rate_limiter import LocalLimiter, _Waiter
from asi1._call.resources import Bill, Tally
from asi1._call.task import CallTask
from asi1._call.timer import Timer
from asi1._protocol.answer_parts import Parts
from asi1._protocol.context.history import History
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.normalise import HalfCharacters
from asi1._protocol.request import ChatDraft, Request
from asi1._protocol.sse_reader import EventDecoder
from asi1._protocol.stream_answer import Assembler
from asi1._settings.rate_window import Window
from asi1._settings.retry import RetryBudget


@pytest.mark.parametrize(
    "cls",
    [
        *(asi1.Attempt, asi1.LimitOutcome, asi1.Limits, asi1.RateLimit),
        *(asi1.RateLimits, asi1.RawReply, asi1.ResponseInfo, asi1.RetryPolicy),
        *(asi1.Budget, asi1.Price, asi1.Spent),
        *(asi1.Timeouts, ChatDraft, Request, History, asi1.Hooks, asi1.Wait),
        asi1.Call,
    ],
)
def test_data_classes_take_keyword_arguments_only(cls):
    """
    The constructor of a class with many fields takes keyword arguments only, so that a
    new field can be added at any position.
    """
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}

    assert {inspect.Parameter.KEYWORD_ONLY} == kinds


READER = ["config", "request", "timer", "queue", "opened"]


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (AnswerReader, READER),
        (Assembler, ["expected"]),
        (Account, ["budget"]),
        (Attempts, ["budget", "jitter"]),
        (Bill, ["tally", "reader", "reserved"]),
        (BatchQueue, []),
        (BytesReader, READER),
        (Call, ["resources", "requests", "reader_class", "began"]),
        (Engine, ["resources", "parents"]),
        (EventDecoder, ["max_event_bytes"]),
        (FastChunkReader, []),
        (HalfCharacters, []),
        (HookCaller, ["hooks"]),
        (LocalLimiter, ["limit", "clock"]),
        (Parts, []),
        (PromptCall, ["key", "request", "item", "done"]),
        (RetryBudget, ["capacity"]),
        (Tally, []),
        (Timer, ["began", "timeouts", "stream", "token"]),
        (Window, ["limit", "seconds"]),
        (_Waiter, ["tokens", "token", "loop"]),
        (asi1.TokenEstimator, ["samples", "fixed"]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_constructor_has_no_parameter_for_changing_or_computed_fields(cls, names):
    """
    If a field changes later or is computed, the constructor has no parameter for it. So
    each such field starts at its initial value.
    """
    assert names == list(inspect.signature(cls).parameters)


@pytest.mark.parametrize(
    "cls",
    [
        *(AnswerReader, Attempts, BatchQueue, BytesReader, Call, CallTask),
        *(Engine, FastChunkReader, HookCaller, LocalLimiter, Timer),
        *(Window, PromptCall, EndedCalls, _Waiter, Account, Bill, Tally),
    ],
)
def test_object_with_changing_fields_equals_only_itself(cls):
    """
    If the fields of a class can change, two of its objects are never equal, even if
    their fields are. Both objects can be in one set.
    """
    assert (object.__eq__, object.__hash__) == (cls.__eq__, cls.__hash__)
