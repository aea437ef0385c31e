"""The items of ``map``: prompts, and prompts with options of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Required

from attrs import frozen

from .._models.base_types import public
from .._models.messages import Messages
from .._settings.config import ClientConfig
from .._settings.option_checks import check_own_keys
from .._settings.options import ChatOptions
from .request import ChatDraft, Request, draft_chat


__all__ = ["ChatRequest", "MapRequests"]


class ChatRequest(ChatOptions, total=False):
    """
    A prompt of ``map`` with options of its own: the arguments of one ``create``.

    Attributes:
        messages: As for ``create``.
        model: As for ``create``.
    """

    messages: Required[Messages]
    model: str | None


public(ChatRequest)


@frozen
class MapRequests:
    """
    Makes the requests of a ``map``.

    Attributes:
        config: The settings of the client.
        model: The model of items that name none; None for the client's.
        options: The options of items that do not give their own.
        draft: The request of an item without options; checked once, used for all such
            items.
    """

    config: ClientConfig
    model: str | None
    options: Mapping[str, Any]
    draft: ChatDraft

    @classmethod
    def of(
        cls, config: ClientConfig, model: str | None, options: Mapping[str, Any]
    ) -> MapRequests:
        """
        Check the options that the items share; return the maker of their requests.

        Raises:
            ArgumentError: An option is wrong.
        """
        draft = draft_chat(config, model=model, stream=False, options=options)
        check_own_keys(draft.options, "prompt")
        return cls(config, model, options, draft)

    def request(self, item: Any) -> Request:
        """
        Return the request of *item*: messages, or a mapping like `ChatRequest`.

        Raises:
            ArgumentError: The messages or an option is wrong.
        """
        if not isinstance(item, Mapping) or "messages" not in item:
            return self.draft.request(item)
        own = {**item}
        messages, model = own.pop("messages"), own.pop("model", None)
        shared, tags = self.options.get("tags"), own.get("tags")
        if isinstance(shared, Mapping) and isinstance(tags, Mapping):
            own["tags"] = {**shared, **tags}
        draft = draft_chat(
            self.config,
            model=self.model if model is None else model,
            stream=False,
            options={**self.options, **own},
        )
        return draft.request(messages)
