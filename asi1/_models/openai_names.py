"""
Attributes that objects of OpenAI's client have and asi1's objects do not.

Programs written for OpenAI's client read such attributes. If asi1 has one under another
name, or in another place, the `AttributeError` says where. This module is loaded when a
program reads a missing attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


__all__ = ["HINTS", "hint", "missing", "missing_attribute", "missing_name"]

# For each class, the fields of OpenAI's class that are None unless the server sends
# them. asi1 stores them in ``extra``.
_OPTIONAL = {
    "ChatCompletion": ("service_tier", "system_fingerprint"),
    "ChatCompletionChunk": ("service_tier", "system_fingerprint"),
    "ChatChoice": ("logprobs",),
    "ChunkChoice": ("logprobs",),
    "ChatMessage": ("annotations", "audio", "function_call"),
    "Delta": ("function_call",),
    "GeneratedImage": ("revised_prompt",),
    "Usage": ("completion_tokens_details", "prompt_tokens_details"),
}

_NO_ENDPOINT = "ASI-1 has no such endpoint; client.request calls other endpoints"
_NOT_STORED = "ASI-1 stores no answers; keep what create() returns"
_NO_CLIENT = "make a client first: asi1.ASI1()"
_LEFT_OUT = "leave the argument out, or pass None"
_OWN_HTTP = "give http_client=httpx.AsyncClient(...), to ASI1 too"
_EVENT = "stream() yields chunks: chunk.text is the text, stream.snapshot() the answer"
_HIDDEN = "asi1 hides the request, since it has the key"
_RAW: dict[str, str] = dict.fromkeys(
    ("with_raw_response", "with_streaming_response"),
    "it is an attribute of client.chat.completions",
)
_NOTHING_SENT = "client.models reads a table, and sends nothing"
_MODELS: dict[str, str] = dict.fromkeys(("delete", *_RAW), _NOTHING_SENT)
_CLIENT = {
    **dict.fromkeys(
        (
            *("admin", "assistants", "audio", "completions", "containers"),
            *("content_provenance_checks", "conversations", "decisions", "embeddings"),
            *("evals", "files", "fine_tuning", "live", "moderations", "realtime"),
            *("responses", "safety", "skills", "threads", "uploads", "vector_stores"),
            *("videos", "webhooks"),
        ),
        _NO_ENDPOINT,
    ),
    "batches": "client.batch sends a file of requests in OpenAI's form",
    "api_key": "asi1 hides the key, so that no log shows it",
    "auth_headers": "asi1 hides the key; other headers are in default_headers=",
    "default_headers": "they are set by default_headers=; with_options() adds some",
    "default_query": "it is set by default_query=; with_options() adds some",
    "get_api_list": 'client.get("/...").json() gives the list',
    **dict.fromkeys(
        (
            *("admin_api_key", "custom_auth", "platform_headers", "qs", "user_agent"),
            *("webhook_secret", "websocket_base_url", "workload_identity"),
        ),
        "asi1 has no such setting",
    ),
    "organization": "ASI-1 has no organizations",
    "project": "ASI-1 has no projects",
    "timeout": "asi1 calls it timeouts",
    **_RAW,
}
_COMPLETIONS = {
    **dict.fromkeys(("delete", "list", "messages", "retrieve", "update"), _NOT_STORED),
    "acreate": "AsyncASI1 is the async client: await its create()",
    "with_options": "it is a method of the client: client.with_options(...)",
}
_STREAM = {
    "current_completion_snapshot": "asi1 calls it snapshot()",
    "get_final_message": "await or call get_final_completion(), and read its message",
    "until_done": "get_final_completion() reads to the end",
}
_RESPONSE = {
    "elapsed": "response.elapsed has it, in seconds",
    "is_closed": "leaving the block closes it; close() does so, too",
    **dict.fromkeys(("http_request", "http_version", "method", "url"), _HIDDEN),
}
_IMAGES = {
    "create_variation": "ASI-1 has edit(), which takes images and a prompt",
    "with_streaming_response": "with_raw_response has the status and the headers, too",
}
_READS = (
    "asi1's objects are made of replies: FakeASI1.reply_json() gives one to a test, and"
    " pickle keeps one"
)
_CONSTRUCT = "call the class, with its fields by name"
_SCHEMA = "asi1's objects are not models of pydantic: attrs.fields() lists the fields"
_COPY = (
    "the objects are frozen: attrs.evolve() returns a changed copy, whose dumps have"
    " the new values"
)
_MODEL = {
    "dict": "asi1 calls it model_dump()",
    "json": "asi1 calls it model_dump_json()",
    **dict.fromkeys(("copy", "model_copy"), _COPY),
    **dict.fromkeys(("construct", "model_construct"), _CONSTRUCT),
    **dict.fromkeys(("model_validate", "model_validate_json"), _READS),
    **dict.fromkeys(("model_fields", "model_fields_set", "schema"), _SCHEMA),
}
_CONVERSATION = {
    **dict.fromkeys(("chat", "create", "run", "send"), "asi1 calls it ask()"),
    "history": "asi1 calls it messages",
    "items": "asi1 calls them messages",
}
_ERROR = {"request": _HIDDEN}
# By class, the attributes of OpenAI's objects and what to use instead of them. The
# guide for moving from OpenAI's client has a table of all of them.
HINTS: Mapping[str, Mapping[str, str]] = {
    "BaseClient": _CLIENT,
    "AsyncCompletions": _COMPLETIONS,
    "Completions": _COMPLETIONS,
    "AsyncChatStream": _STREAM,
    "ChatStream": _STREAM,
    "AsyncChat": _RAW,
    "Chat": _RAW,
    "AsyncModels": _MODELS,
    "Models": _MODELS,
    "Model": _MODEL,
    "KnownModel": dict.fromkeys(
        ("model_dump", "to_dict"), "attrs.asdict() makes a dict of it"
    ),
    "AsyncImages": _IMAGES,
    "Images": _IMAGES,
    "APIError": _ERROR,
    "RawResponse": _RESPONSE,
    "AsyncAPIResponse": _RESPONSE,
    "APIResponse": _RESPONSE,
    "ResponseInfo": {
        **dict.fromkeys(("content", "json", "read", "text"), "an error has its body"),
        "request": _HIDDEN,
    },
    "ChatCompletion": dict.fromkeys(("content", "tool_calls"), "its message has it"),
    "ChatCompletionChunk": {
        **dict.fromkeys(("delta", "parsed", "snapshot", "type"), _EVENT)
    },
    "AsyncConversation": _CONVERSATION,
    "Conversation": _CONVERSATION,
    "ChatMessage": {"parsed": "only an answer of parse() has it"},
    "asi1": {
        "APIResponseValidationError": "asi1 calls it APIResponseError",
        "AsyncAzureOpenAI": "asi1 calls it AsyncASI1",
        "AsyncClient": "asi1 calls it AsyncASI1",
        "AsyncOpenAI": "asi1 calls it AsyncASI1",
        "AsyncStream": "asi1 calls it AsyncChatStream",
        "AzureOpenAI": "asi1 calls it ASI1",
        "BaseModel": "asi1 calls it Model; parse() takes pydantic's own BaseModel",
        "ChatCompletionMessage": "asi1 calls it ChatMessage",
        "ChatCompletionMessageParam": "asi1 calls it Message",
        "ChatCompletionMessageToolCall": "asi1 calls it ToolCall",
        "ChatCompletionToolParam": "tools= takes functions and dicts",
        "Choice": "asi1 calls it ChatChoice, and that of a chunk ChunkChoice",
        "ChoiceDelta": "asi1 calls it Delta",
        "ChoiceDeltaToolCall": "asi1 calls it ToolCallDelta",
        "Client": "asi1 calls it ASI1",
        "CompletionUsage": "asi1 calls it Usage",
        "ContentFilterFinishReasonError": "asi1 calls it OutputRefusedError",
        **dict.fromkeys(("BedrockOpenAI", "AsyncBedrockOpenAI"), "asi1 calls ASI-1"),
        "DEFAULT_CONNECTION_LIMITS": "asi1.Limits() has the default",
        "DEFAULT_MAX_RETRIES": "it is 2",
        "DEFAULT_TIMEOUT": "asi1.Timeouts() has the default",
        "DefaultAioHttpClient": _OWN_HTTP,
        "DefaultAsyncHttpxClient": _OWN_HTTP,
        "DefaultHttpxClient": _OWN_HTTP,
        "file_from_path": "images= takes paths",
        "Function": "asi1 calls it FunctionCall",
        "LengthFinishReasonError": "asi1 calls it OutputTruncatedError",
        "NOT_GIVEN": _LEFT_OUT,
        "NotGiven": _LEFT_OUT,
        "Omit": _LEFT_OUT,
        "OpenAI": "asi1 calls it ASI1",
        "OpenAIError": "asi1 calls it ASI1Error",
        "ParsedChatCompletion": "asi1 calls it ParsedCompletion",
        "ParsedChatCompletionMessage": "asi1 calls it ParsedMessage",
        "Stream": "asi1 calls it ChatStream",
        "Timeout": "asi1 calls it Timeouts; an httpx.Timeout is accepted, too",
        "api_key": _NO_CLIENT,
        "base_url": _NO_CLIENT,
        "chat": _NO_CLIENT,
        "images": _NO_CLIENT,
        "not_given": _LEFT_OUT,
        "omit": _LEFT_OUT,
        "pydantic_function_tool": "asi1.tool makes a tool of a function; parse() takes"
        " a pydantic model as response_format",
        "types": "the types are asi1's own names: asi1.ChatCompletion",
    },
}


def hint(kind: str, name: str) -> str:
    """Return a hint about OpenAI's *name*, such as "; use ..."; "" for none."""
    found = HINTS.get(kind, {}).get(name)
    return f"; {found}" if found else ""


def missing_name(name: str, asker: str) -> AttributeError | ImportError:
    """
    Return the error for a *name* that is missing in the package.

    At ``from asi1 import OpenAI``, Python would hide an `AttributeError` and its hint.
    So if a function of `importlib` reads the name, the error is an `ImportError`.

    Args:
        name: The name.
        asker: The name of the function that reads it.
    """
    advice = hint("asi1", name)
    if advice and asker == "_handle_fromlist":
        return ImportError(f"cannot import name {name!r} from 'asi1'{advice}")
    return AttributeError(f"module 'asi1' has no attribute {name!r}{advice}", name=name)


def missing(thing: object, name: str) -> AttributeError:
    """Return the error for an attribute *name* that *thing* does not have."""
    owner = thing if isinstance(thing, type) else type(thing)
    kinds = [kind.__name__ for kind in owner.__mro__]
    advice = next((text for kind in kinds if (text := hint(kind, name))), "")
    return AttributeError(
        f"{kinds[0]} has no attribute {name!r}{advice}", name=name, obj=thing
    )


def missing_attribute(model: Any, name: str) -> Any:
    """
    Return the attribute *name* of *model*, which its class does not have.

    As in OpenAI's objects, each key that the server sent is an attribute. If its value
    is a dict, the keys of this dict are attributes too.

    Raises:
        AttributeError: The server sent no such key; the message says what to use
            instead.
    """
    kinds = [kind.__name__ for kind in type(model).__mro__]
    for owner, compute in _COMPUTED.get(name, {}).items():
        if owner in kinds:
            return compute(model)
    # In a changed copy, ``wire`` has old values.
    wire = model.wire if model._as_sent else model.wire and model.to_dict()  # noqa: SLF001
    for sent in (model.extra, wire or {}):
        if name in sent:
            value = sent[name]
            return _with_members(value)
    if any(name in _OPTIONAL.get(kind, ()) for kind in kinds):
        return None
    raise missing(model, name)


class _Members(dict[str, Any]):
    """A dict whose keys are attributes too, at all levels; None for a missing key."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _with_members(self.get(name))


def _with_members(value: Any) -> Any:
    if isinstance(value, dict):
        return _Members(value)
    return [*map(_with_members, value)] if isinstance(value, list) else value


def _thoughts_details(usage: Any) -> _Members | None:
    """Return the details of the completion tokens, as far as the server sent them."""
    sent = usage.extra.get("completion_tokens_details")
    known = (
        {}
        if usage.reasoning_tokens is None
        else {"reasoning_tokens": usage.reasoning_tokens}
    )
    details = {**known, **(sent if isinstance(sent, dict) else {})}
    return _Members(details) if details else None


def _thoughts(message: Any) -> str | None:
    return message.reasoning or message._thoughts or None  # noqa: SLF001


# Attributes of OpenAI's objects that asi1 computes from its fields, by name and class.
_COMPUTED: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "_request_id": {"ChatCompletion": lambda answer: answer.response.request_id},
    "completion_tokens_details": {"Usage": _thoughts_details},
    "data": {"GeneratedImages": lambda reply: reply.images},
    "model_extra": {"Model": lambda model: dict(model.extra)},
    "reasoning_content": {"ChatMessage": _thoughts, "Delta": _thoughts},
}
