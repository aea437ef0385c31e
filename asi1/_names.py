"""
Where the public names are defined: the package loads a name's module at its first use.

A new public name is added here and, in ``asi1/__init__.py``, to the imports for type
checkers and to ``__all__``. Public names missing here are defined in `_models.errors`.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from typing import Any


__all__ = ["load"]

_MODULES = {
    "_models.raw": ("RawReply",),
    "_client.chat": ("AsyncChat", "AsyncCompletions"),
    "_models.busy_errors": (
        "ConversationBusyError",
        "StreamBusyError",
        "StreamConsumedError",
    ),
    "_models.chunks": ("ChatCompletionChunk", "ChunkChoice", "Delta", "ToolCallDelta"),
    "_client.client": ("AsyncASI1",),
    "_settings.cache": ("Cache",),
    "_settings.config": ("Limits",),
    "_protocol.context.policies": ("ContextPolicy", "DropLeastRelevant", "KeepNewest"),
    "_client.conversation.conversation": ("AsyncConversation",),
    "_client.images": ("AsyncImages",),
    "_models.base": ("Model",),
    "_models.planner": ("AgentUsed",),
    "_models.generated_images": ("GeneratedImage", "GeneratedImages"),
    "_settings.hooks": ("Hooks",),
    "_models.call_info": ("Call", "Wait"),
    "_settings.rate_limit": ("LimitOutcome", "Limiter", "RateLimit"),
    "_client.map": ("AsyncAnswers",),
    "_protocol.map_items": ("ChatRequest",),
    "_client.parsed_stream": ("AsyncParsedStream",),
    "_models.messages": (
        "AssistantMessage",
        "Message",
        "Messages",
        "SystemMessage",
        "ToolMessage",
        "UserMessage",
    ),
    "_settings.budget": ("Budget", "BudgetExceededError"),
    "_settings.models": ("MODELS", "ModelInfo"),
    "_settings.prices": ("PRICES", "Price"),
    "_settings.options": (
        "ChatOptions",
        "ParseOptions",
        "RequestOptions",
        "ToolOptions",
    ),
    "_models.spent": ("Spent",),
    "_models.response": ("Attempt", "RateLimits", "ResponseInfo", "Usage"),
    "_settings.retry": ("RetryPolicy",),
    "_models.status_errors": (
        "APIStatusError",
        "AuthenticationError",
        "BadRequestError",
        "ConflictError",
        "ContextLengthError",
        "InternalServerError",
        "NotFoundError",
        "PaymentRequiredError",
        "PermissionDeniedError",
        "QuotaExceededError",
        "RateLimitError",
        "RequestTooLargeError",
        "UnprocessableEntityError",
    ),
    "_client.stream": ("AsyncChatStream", "AsyncPieces"),
    "_blocking.batch": ("batch",),
    "_protocol.batch.summary": ("BatchSummary",),
    "_blocking.client": ("ASI1",),
    "_blocking.chat": ("Chat", "Completions"),
    "_protocol.context.summarise": ("Summarise",),
    "_blocking.conversation": ("Conversation",),
    "_blocking.images": ("Images",),
    "_blocking.map": ("Answers",),
    "_blocking.parsed_stream": ("ParsedStream",),
    "_models.parsed": ("ParsedChoice", "ParsedCompletion", "ParsedMessage"),
    "_models.raw_response": ("RawResponse",),
    "_client.api_response": ("AsyncAPIResponse",),
    "_blocking.api_response": ("APIResponse",),
    "_models.output_errors": (
        "OutputError",
        "OutputInvalidError",
        "OutputRefusedError",
        "OutputTruncatedError",
        "ThoughtBudgetError",
    ),
    "_blocking.stream": ("ChatStream", "Pieces"),
    "_blocking.to_sse": ("EventBytes",),
    "_settings.timeouts": ("Timeouts",),
    "_version": ("__version__",),
    "_client.to_sse": ("AsyncEventBytes",),
    "_client.tool_run": ("AsyncToolRun",),
    "_client.mcp_tools": ("tools_of",),
    "_blocking.tool_run": ("ToolRun",),
    "_call.sqlite_cache": ("SQLiteCache",),
    "_protocol.tools.tool": ("Tool", "tool"),
    "_protocol.tools.errors": ("MaxRoundsError", "ToolError"),
    "_protocol.tools.steps": (
        "AnswerStep",
        "TextStep",
        "ThoughtStep",
        "ToolArgumentsStep",
        "ToolEndedStep",
        "ToolRunResult",
        "ToolStartedStep",
        "ToolStep",
    ),
    "_protocol.context.tokens": ("CONTEXT_SIZES", "TokenEstimator"),
    "_models.base_types": ("DEFAULT",),
    "_models.completion": (
        "ChatChoice",
        "ChatCompletion",
        "ChatMessage",
        "FunctionCall",
        "ToolCall",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def load(name: str, *, known: Collection[str], asker: str) -> object:
    """
    Import the module that defines the public *name*, and return its value.

    Args:
        name: The name.
        known: All public names.
        asker: The name of the function that reads the attribute *name* of the package.

    Raises:
        AttributeError: The name is not public.
        ImportError: The name is not public, but OpenAI's client has it, and a ``from``
            import asks for it.
    """
    if name not in known:
        raise _module("_models.openai_names").missing_name(name, asker)
    return getattr(_module(_HOME.get(name, "_models.errors")), name)


def _module(path: str) -> Any:
    return import_module(f".{path}", __package__)
