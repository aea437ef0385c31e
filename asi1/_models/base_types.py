"""Small types that all other modules use."""

from __future__ import annotations

import enum

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeAlias, TypeVar

import attrs

from .._fork_lock import run_apart_once


__all__ = [
    "DEFAULT",
    "HTTPURL",
    "JSON",
    "ClassHint",
    "Default",
    "Dumpable",
    "HTTPClient",
    "HTTPLimits",
    "HTTPTransport",
    "HTTPXTimeout",
    "Hinted",
    "KeyFunction",
    "ProgressBar",
    "Tag",
    "can_dump",
    "default_of",
    "draft_of",
    "dropping",
    "dump_of",
    "fields_repr",
    "is_series",
    "missing_error",
    "public",
    "use_defaults",
]

_T = TypeVar("_T")

# Any JSON value. A recursive type alias would be exact, but would force callers to
# cast each value that they read.
JSON: TypeAlias = Any
# A function that returns the API key; it is called for each request.
KeyFunction: TypeAlias = Callable[[], str | Awaitable[str]]
# The value of a tag; hooks get the tags of a call.
Tag: TypeAlias = str | int | float | bool


class Default(enum.Enum):
    """The type of `DEFAULT`, which means "not given" where None has a meaning."""

    VALUE = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.VALUE


def public(thing: _T) -> _T:
    """
    Set the ``__module__`` of *thing* to ``asi1``, and return *thing*.

    If *thing* is a frozen class with ``to_dict``, the error for changing one of its
    objects then tells how to make a changed copy.
    """
    thing.__module__ = "asi1"
    # Only frozen classes get ``__delattr__`` from attrs.
    if "__delattr__" in vars(thing) and hasattr(thing, "to_dict"):
        changed: Any = thing
        changed.__setattr__ = changed.__delattr__ = _refuse_change
        # Without this, in attrs 22.1 to 26.1, subclasses that are not frozen refuse
        # changes too.
        changed.__attrs_own_setattr__ = True
    return thing


def _refuse_change(thing: object, name: str, *_: object) -> NoReturn:
    raise _frozen_error()(thing, name)


def draft_of(cls: type) -> Any:
    """
    Return a class of new objects without fields, of the frozen class *cls*.

    A field of such an object is set by assignment, which takes a tenth of the time of
    a call of the field's setter. When the fields are set, an assignment of *cls* to its
    ``__class__`` makes the object one of *cls*.
    """
    unfrozen = ("__init__", "__setattr__", "__delattr__")
    members = {name: getattr(object, name) for name in unfrozen}
    return type(cls.__name__, (cls,), {**members, "__slots__": ()})


@run_apart_once
def _frozen_error() -> Callable[[object, str], AttributeError]:
    from .frozen import frozen_error  # noqa: PLC0415 - only for an error

    return frozen_error


class Hinted:
    """
    Base of those classes of asi1 that have a counterpart in OpenAI's client.

    Reading an attribute that only OpenAI's class has raises an error that tells what to
    use instead.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            raise missing_error()(self, name)


def fields_repr(self: Any) -> str:
    """
    Return the ``repr`` of an object of attrs, which lists its fields.

    All classes share this function. attrs would compile one for each class, which
    slows the import.
    """
    cls = type(self)
    shown = (a.name for a in attrs.fields(cls) if a.repr)
    fields = (f"{name}={getattr(self, name, attrs.NOTHING)!r}" for name in shown)
    return f"{cls.__qualname__.rpartition('>.')[2]}({', '.join(fields)})"


class HTTPXTimeout(Protocol):
    """The fields of an ``httpx.Timeout``; each is in seconds, or None for no limit."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


# For type checkers only: httpx's and httpx2's classes both match these protocols.
if TYPE_CHECKING:

    class HTTPClient(Protocol):
        """An ``httpx.AsyncClient``, or one of httpx2."""

        @property
        def is_closed(self) -> bool: ...

        def build_request(self, method: str, url: str, /) -> Any: ...

        async def send(self, request: Any, /, *, stream: bool) -> Any: ...

    class HTTPTransport(Protocol):
        """An ``httpx.AsyncBaseTransport``, or one of httpx2."""

        async def handle_async_request(self, request: Any, /) -> Any: ...

        async def aclose(self) -> None: ...

    class HTTPURL(Protocol):
        """An ``httpx.URL``, or one of httpx2."""

        @property
        def host(self) -> str: ...

        @property
        def raw_path(self) -> bytes: ...

    class HTTPLimits(Protocol):
        """An ``httpx.Limits``, or one of httpx2."""

        max_connections: int | None
        max_keepalive_connections: int | None
        keepalive_expiry: float | None

else:
    HTTPClient = HTTPLimits = HTTPTransport = HTTPURL = Any


class Dumpable(Protocol):
    """An object that can return itself as a dict, such as a pydantic model."""

    def model_dump(
        self, *, mode: str = ..., by_alias: bool = ..., exclude_none: bool = ...
    ) -> dict[str, Any]:
        """Return the object as a dict."""
        ...


def can_dump(value: object) -> bool:
    """Return whether *value* has ``model_dump``, as all pydantic models have."""
    return hasattr(type(value), "model_dump")


def is_series(value: object) -> bool:
    """Return whether *value* is iterable, but no mapping and no pydantic model."""
    no_series = can_dump(value) or isinstance(value, Mapping)
    return isinstance(value, Iterable) and not no_series


def dump_of(value: Any, unless: type) -> JSON:
    """
    Return ``value.model_dump()``; None if there is no such method, or if *value* is an
    instance of *unless*.
    """
    if isinstance(value, unless) or not can_dump(value):
        return None
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


class ProgressBar(Protocol):
    """An object that shows progress, such as the bar of tqdm."""

    def update(self, number: Any, /) -> object:
        """Show that *number* more items are done."""
        ...


def default_of(a: attrs.Attribute[Any]) -> Any:
    """Return the default of the field *a*; `attrs.NOTHING` if it has none."""
    default: Any = a.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]


def use_defaults(model: Any) -> None:
    """
    Replace None in fields of the new *model* by their defaults, and lists by tuples.

    Programs written for OpenAI's client pass None for an absent value, and pass lists.
    """
    for a in attrs.fields(type(model)):
        value = getattr(model, a.name) if a.init else a.default
        default = default_of(a)
        if isinstance(value, list) and default == ():
            object.__setattr__(model, a.name, tuple(value))
        elif value is None and default is not attrs.NOTHING:
            object.__setattr__(model, a.name, default)


class ClassHint:
    """
    A descriptor for a method that OpenAI's classes have and asi1's classes lack.

    Reading the method from a class raises an error with a hint, so `hasattr` returns
    False. Reading it from an instance calls the instance's ``__getattr__``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, model: object, cls: type) -> Any:
        raise missing_error()(cls, self.name) if model is None else AttributeError


@run_apart_once
def missing_error() -> Callable[[object, str], AttributeError]:
    """Return the function that creates the error for a missing attribute."""
    from .openai_names import missing  # noqa: PLC0415 - only for an error

    return missing


def dropping(batch: Sequence[_T]) -> Iterator[_T]:
    """
    Return an iterator of *batch* that drops each item that it returns.

    If the batch kept the items, those whose fields a caller has read would fill the
    memory, and Python's garbage collector would scan them. Two threads may share the
    iterator, unlike a generator.
    """
    return map(list.pop, repeat([*reversed(batch)], len(batch)))
