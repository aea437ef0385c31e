"""
Removes the API key from errors and from their causes.

A server may echo the key, in a message, a header or a line that is not HTTP; httpx's
errors contain the request; and tracebacks refer to local variables, so tracebacks are
removed. The key is redacted

- in each text of which an error quotes only the beginning, before the text is cut, by
  `Secret.excerpt`: bodies and events (`reply`, `error_body`), and the messages of
  library errors (`error_map`);
- in the headers of a reply, when the reply arrives (`transport`), since answers contain
  these headers too;
- in everything else that an error holds, its partial answer included, by `without_key`,
  and in its causes, by `scrub`, after the attempt.

A cause that cannot be cleaned, such as an error of aiohttp that holds the request, is
left out of the chain of causes.
"""

from __future__ import annotations

import types

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

import attrs

from attrs import define, field

from .._models.errors import ASI1Error
from .._settings.search_steps import finished
from .._settings.secret import Secret
from .._transport.error_map import forget_request
from .without_key import without_key_in_steps


__all__ = ["scrub", "scrub_in_steps"]

# Values in an error are copied up to this nesting depth; in asi1's own errors, values
# are never nested so deeply.
_DEEPEST = 100
# A list or dict with more values than this is copied once; where it occurs again, the
# copy has "..." in its place.
_MOST_SHARED = 100
_SEQUENCES: tuple[Any, ...] = (list, tuple, set, frozenset)
_PLAIN = (int, float, types.NoneType)
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def scrub(error: ASI1Error, secret: Secret) -> None:
    """Remove the API key and the traceback from *error* and its causes."""
    finished(scrub_in_steps(error, secret))


def scrub_in_steps(error: ASI1Error, secret: Secret) -> Generator[None, None, None]:
    """Do the same as `scrub`; yield after each step of the search for the key."""
    redactor = _Redactor(secret)
    yield from redactor.clean_fields(error)
    error.__traceback__ = None
    error.__context__ = None
    last: BaseException = error
    for cause in _causes(error):
        if (cleaned := redactor.cleaned(cause)) is not None:
            _set(last, "__cause__", cleaned)
            last = cleaned
    _set(last, "__cause__", None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of *error*, each once, even if they form a cycle."""
    seen, cause = {id(error)}, error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        following = cause.__context__ if cause.__cause__ is None else cause.__cause__
        yield cause
        cause = following


def _set(error: BaseException, name: str, value: object) -> None:
    # A frozen attrs class forbids setting its attributes, even for an error.
    BaseException.__setattr__(error, name, value)


@define
class _Redactor:
    """
    Copies values without the API key.

    Attributes:
        copies: For the id of each list, tuple, set and dict that was copied: its copy,
            and the number of values in the copy. A later copy of the same object is
            taken from here.
        originals: The values that were copied: kept alive, so that no other value gets
            their ids.
        count: Number of values in all copies. The values of a copy that was taken from
            `copies` count again each time.
    """

    secret: Secret
    copies: dict[int, tuple[Any, int]] = field(factory=dict)
    originals: list[Any] = field(factory=list)
    count: int = 0

    def clean_fields(self, error: ASI1Error) -> Generator[None, None, None]:
        """Redact the fields of one of asi1's own errors, in steps."""
        for each in attrs.fields(type(error)):
            value = getattr(error, each.name)
            cleaned = yield from without_key_in_steps(value, self.secret)
            setattr(error, each.name, cleaned)
        error.args = (error.message,)

    def cleaned(self, cause: BaseException) -> BaseException | None:
        """
        Return *cause* without the key, its own causes and its traceback.

        None if *cause* cannot be cleaned: its text needs the objects that were removed,
        or still shows the key.
        """
        try:
            if isinstance(cause, BaseExceptionGroup):
                return self._cleaned_group(cause)
            self._clean(cause)
            texts = f"{cause}\n{cause!r}"
        except Exception:  # noqa: BLE001 - the class of the cause may be any
            return None
        return cause if self.secret.redact(texts) == texts else None

    def _cleaned_group(
        self, group: BaseExceptionGroup[BaseException]
    ) -> BaseException | None:
        # An exception group's message is read-only, so a new group is created. The new
        # group is flat, since groups may be nested to any depth.
        members = [self.cleaned(each) for each in _members(group)]
        left = [each for each in members if each is not None]
        message = self.copy(group.message)
        return BaseExceptionGroup(message, left) if left else None

    def _clean(self, error: BaseException) -> None:
        for name in ("__traceback__", "__cause__", "__context__"):
            _set(error, name, None)
        if isinstance(error, ASI1Error):
            finished(self.clean_fields(error))
            return
        forget_request(error)
        _set(error, "args", self.copy(error.args))
        state = vars(error)
        for name, value in state.items():
            state[name] = self.copy(value)
        for slot in _slots(error):
            value = slot.__get__(error)
            if not isinstance(value, _PLAIN):
                slot.__set__(error, self.copy(value))

    def copy(self, value: Any, depth: int = 0) -> Any:
        """
        Return a copy of *value* without the API key.

        Args:
            value: Subclasses of str, list, tuple, set and dict become these types, and
                a bytearray becomes bytes. Numbers, None and the like stay as they are.
                Any other object is replaced by the name of its class.
            depth: How many lists and dicts contain *value*.
        """
        self.count += 1
        if isinstance(value, str):
            return self.secret.redact_end(self.secret.redact(str.__str__(value)))
        if isinstance(value, bytes | bytearray):
            return self.secret.redact_bytes(bytes(value))
        if isinstance(value, (*_SEQUENCES, dict)):
            return self._copy_items(value, depth + 1)
        return value if isinstance(value, _PLAIN) else type(value).__name__

    def _copy_items(self, value: Any, depth: int) -> Any:
        at, before = id(value), self.count
        if at in self.copies:
            made, size = self.copies[at]
            if size > _MOST_SHARED:
                # Otherwise the text of the error would repeat all text of the copy.
                return "..."
            self.count += size
            return made
        if depth > _DEEPEST:
            return "..."
        self.originals.append(value)
        self.copies[at] = "...", 0  # if *value* contains itself, "..." stands there
        copy = partial(self.copy, depth=depth)
        made = (
            {copy(name): copy(item) for name, item in dict.items(value)}
            if isinstance(value, dict)
            else _of_items(value, copy)
        )
        self.copies[at] = made, self.count - before
        return made


def _of_items(value: Any, copy: Callable[[Any], Any]) -> Any:
    # The copy has a built-in type, since a named tuple's class does not accept a list.
    kind = next(each for each in _SEQUENCES if isinstance(value, each))
    return kind([copy(item) for item in kind.__iter__(value)])


def _members(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors of *group* and of the groups inside it, each once."""
    seen, stack = {id(group)}, [iter(group.exceptions)]
    while stack:
        each = next(stack[-1], None)
        if each is None:
            stack.pop()
        elif id(each) not in seen:
            seen.add(id(each))
            if isinstance(each, BaseExceptionGroup):
                stack.append(iter(each.exceptions))
            else:
                yield each


def _slots(error: BaseException) -> Iterator[Any]:
    """Yield the descriptors of *error*'s attributes that ``vars(error)`` lacks."""
    for each in type(error).__mro__:
        if each is BaseException:
            return
        for name, slot in vars(each).items():
            if isinstance(slot, _DESCRIPTORS) and not name.startswith("__"):
                try:
                    slot.__get__(error)
                except AttributeError:
                    continue
                yield slot
