"""
asi1: the async-first Python client of ASI-1 Mini, with a blocking twin.

Start with `AsyncASI1` or `ASI1`; other names are what they take, return or raise, such
as RetryPolicy, RateLimit, Budget, ChatCompletion, ChatStream, tool, and ASI1Error.
"""

import os
import sys

from ._fork_lock import run_apart


TYPE_CHECKING = False  # Not imported from `typing`, since loading `typing` takes time.
if TYPE_CHECKING:
    from ._blocking.api_response import APIResponse
    from ._blocking.batch import batch
    from ._blocking.chat import Chat, Completions
    from ._blocking.client import ASI1
    from ._blocking.conversation import Conversation
    from ._blocking.images import Images
    from ._blocking.map import Answers
    from ._blocking.parsed_stream import ParsedStream
    from ._blocking.stream import ChatStream, Pieces
    from ._blocking.to_sse import EventBytes
    from ._blocking.tool_run import ToolRun
    from ._call.sqlite_cache import SQLiteCache
    from ._client.api_response import AsyncAPIResponse
    from ._client.chat import AsyncChat, AsyncCompletions
    from ._client.client import AsyncASI1
    from ._client.conversation.conversation import AsyncConversation
    from ._client.images import AsyncImages
    from ._client.map import AsyncAnswers
    from ._client.mcp_tools import tools_of
    from ._client.parsed_stream import AsyncParsedStream
    from ._client.stream import AsyncChatStream, AsyncPieces
    from ._client.to_sse import AsyncEventBytes
    from ._client.tool_run import AsyncToolRun
    from ._models.base import Model
    from ._models.base_types import DEFAULT
    from ._models.busy_errors import (
        ConversationBusyError,
        StreamBusyError,
        StreamConsumedError,
    )
    from ._models.call_info import Call, Wait
    from ._models.chunks import ChatCompletionChunk, ChunkChoice, Delta, ToolCallDelta
    from ._models.completion import (
        ChatChoice,
        ChatCompletion,
        ChatMessage,
        FunctionCall,
        ToolCall,
    )
    from ._models.errors import (
        APIConnectionError,
        APIError,
        APIResponseError,
        APITimeoutError,
        ArgumentError,
        ASI1Error,
        CallCancelledError,
        ClientClosedError,
        ConfigurationError,
        ServerStreamError,
        StreamClosedError,
        StreamDecodeError,
        StreamError,
        StreamInterruptedError,
        StreamTruncatedError,
    )
    from ._models.generated_images import GeneratedImage, GeneratedImages
    from ._models.messages import (
        AssistantMessage,
        Message,
        Messages,
        SystemMessage,
        ToolMessage,
        UserMessage,
    )
    from ._models.output_errors import (
        OutputError,
        OutputInvalidError,
        OutputRefusedError,
        OutputTruncatedError,
        ThoughtBudgetError,
    )
    from ._models.parsed import ParsedChoice, ParsedCompletion, ParsedMessage
    from ._models.planner import AgentUsed
    from ._models.raw import RawReply
    from ._models.raw_response import RawResponse
    from ._models.response import Attempt, RateLimits, ResponseInfo, Usage
    from ._models.spent import Spent
    from ._models.status_errors import (
        APIStatusError,
        AuthenticationError,
        BadRequestError,
        ConflictError,
        ContextLengthError,
        InternalServerError,
        NotFoundError,
        PaymentRequiredError,
        PermissionDeniedError,
        QuotaExceededError,
        RateLimitError,
        RequestTooLargeError,
        UnprocessableEntityError,
    )
    from ._protocol.batch.summary import BatchSummary
    from ._protocol.context.policies import ContextPolicy, DropLeastRelevant, KeepNewest
    from ._protocol.context.summarise import Summarise
    from ._protocol.context.tokens import CONTEXT_SIZES, TokenEstimator
    from ._protocol.map_items import ChatRequest
    from ._protocol.tools.errors import MaxRoundsError, ToolError
    from ._protocol.tools.steps import (
        AnswerStep,
        TextStep,
        ThoughtStep,
        ToolArgumentsStep,
        ToolEndedStep,
        ToolRunResult,
        ToolStartedStep,
        ToolStep,
    )
    from ._protocol.tools.tool import Tool, tool
    from ._settings.budget import Budget, BudgetExceededError
    from ._settings.cache import Cache
    from ._settings.config import Limits
    from ._settings.hooks import Hooks
    from ._settings.models import MODELS, ModelInfo
    from ._settings.options import (
        ChatOptions,
        ParseOptions,
        RequestOptions,
        ToolOptions,
    )
    from ._settings.prices import PRICES, Price
    from ._settings.rate_limit import Limiter, LimitOutcome, RateLimit
    from ._settings.retry import RetryPolicy
    from ._settings.timeouts import Timeouts
    from ._version import __version__


__all__ = [
    "ASI1",
    "CONTEXT_SIZES",
    "DEFAULT",
    "MODELS",
    "PRICES",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "ASI1Error",
    "AgentUsed",
    "AnswerStep",
    "Answers",
    "ArgumentError",
    "AssistantMessage",
    "AsyncAPIResponse",
    "AsyncASI1",
    "AsyncAnswers",
    "AsyncChat",
    "AsyncChatStream",
    "AsyncCompletions",
    "AsyncConversation",
    "AsyncEventBytes",
    "AsyncImages",
    "AsyncParsedStream",
    "AsyncPieces",
    "AsyncToolRun",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "BatchSummary",
    "Budget",
    "BudgetExceededError",
    "Cache",
    "Call",
    "CallCancelledError",
    "Chat",
    "ChatChoice",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatMessage",
    "ChatOptions",
    "ChatRequest",
    "ChatStream",
    "ChunkChoice",
    "ClientClosedError",
    "Completions",
    "ConfigurationError",
    "ConflictError",
    "ContextLengthError",
    "ContextPolicy",
    "Conversation",
    "ConversationBusyError",
    "Delta",
    "DropLeastRelevant",
    "EventBytes",
    "FunctionCall",
    "GeneratedImage",
    "GeneratedImages",
    "Hooks",
    "Images",
    "InternalServerError",
    "KeepNewest",
    "LimitOutcome",
    "Limiter",
    "Limits",
    "MaxRoundsError",
    "Message",
    "Messages",
    "Model",
    "ModelInfo",
    "NotFoundError",
    "OutputError",
    "OutputInvalidError",
    "OutputRefusedError",
    "OutputTruncatedError",
    "ParseOptions",
    "ParsedChoice",
    "ParsedCompletion",
    "ParsedMessage",
    "ParsedStream",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "Pieces",
    "Price",
    "QuotaExceededError",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RawReply",
    "RawResponse",
    "RequestOptions",
    "RequestTooLargeError",
    "ResponseInfo",
    "RetryPolicy",
    "SQLiteCache",
    "ServerStreamError",
    "Spent",
    "StreamBusyError",
    "StreamClosedError",
    "StreamConsumedError",
    "StreamDecodeError",
    "StreamError",
    "StreamInterruptedError",
    "StreamTruncatedError",
    "Summarise",
    "SystemMessage",
    "TextStep",
    "ThoughtBudgetError",
    "ThoughtStep",
    "Timeouts",
    "TokenEstimator",
    "Tool",
    "ToolArgumentsStep",
    "ToolCall",
    "ToolCallDelta",
    "ToolEndedStep",
    "ToolError",
    "ToolMessage",
    "ToolOptions",
    "ToolRun",
    "ToolRunResult",
    "ToolStartedStep",
    "ToolStep",
    "UnprocessableEntityError",
    "Usage",
    "UserMessage",
    "Wait",
    "__version__",
    "batch",
    "tool",
    "tools_of",
]

if os.environ.get("ASI1_LOG"):
    from . import _log  # noqa: F401


def __getattr__(name: str) -> object:
    asker = sys._getframe(1).f_code.co_name  # noqa: SLF001 - tells a ``from`` import
    value = globals()[name] = run_apart(lambda: _load(name, asker))
    return value


def _load(name: str, asker: str) -> object:
    from ._names import load  # noqa: PLC0415 - not at ``import asi1``

    return load(name, known=__all__, asker=asker)


def __dir__() -> list[str]:
    return __all__
