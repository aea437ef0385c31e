"""The values that a client takes as ``cache=``."""

import pytest

import asi1

from asi1 import ASI1, AsyncASI1, ConfigurationError, SQLiteCache


class Store:
    """A user's own cache."""

    async def get(self, key):
        return None

    async def set(self, key, value):
        return None


@pytest.mark.parametrize("client", [AsyncASI1, ASI1])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("answers.sqlite3", "str", id="path"),
        pytest.param(True, "True", id="flag"),
        pytest.param({}, "dict", id="dict"),
        pytest.param(Store, "type", id="class"),
        pytest.param(SQLiteCache, "type", id="sqlite-class"),
    ],
)
def test_value_that_is_not_a_cache_is_refused_when_the_client_is_made(
    client, value, shown
):
    """
    A value without the two methods of a cache is refused when the client is made. A
    class in place of an instance is also refused.
    """
    with pytest.raises(ConfigurationError) as caught:
        client("sk-test", cache=value)

    assert str(caught.value).startswith(
        "cache: must be a SQLiteCache or your own Cache"
    )
    assert str(caught.value).endswith(f", not {shown}")


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": 5},
        {"path": "a", "max_age": 0},
        {"path": "a", "max_age": "1"},
        {"path": "a", "max_bytes": 5},
        {"path": "a", "max_bytes": 1e9},
    ],
)
def test_wrong_argument_of_sqlite_cache_is_refused_and_named(options):
    """
    A wrong argument of `SQLiteCache` is refused, and the error names the argument.
    """
    with pytest.raises(asi1.ConfigurationError) as caught:
        SQLiteCache(**options)

    assert str(caught.value).startswith(f"{list(options)[-1]}: ")
