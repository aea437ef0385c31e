"""`RotatingKey`, whose value a function returns: what it redacts, and what it shows."""

from __future__ import annotations

import pickle

import pytest

from asi1._client.lazy_engine import read_key
from asi1._models.errors import ConfigurationError
from asi1._settings.rotating_key import RotatingKey


def issued(key, count):
    return [key.issued(f"{number:08}-sk-otter") for number in range(count)]


def test_each_attempt_has_its_own_api_key_and_redacts_the_keys_of_all_attempts():
    """
    Each attempt keeps the API key that it began with. The attempt's key object also
    redacts the keys of other attempts, and the secrets of the attempt's own request.
    """
    key = RotatingKey(str)
    first = key.issued("sk-heron-0123").with_secrets_of({"x-token": "tok-98765432"}, "")
    assert "a" == first.redact("a")
    second = key.issued("sk-otter-4567")
    text = "sk-heron-0123 sk-otter-4567 tok-98765432"

    assert ("sk-heron-0123", "sk-otter-4567") == (first.reveal(), second.reveal())
    assert "*** *** ***" == first.redact(text)
    assert "*** *** tok-98765432" == second.redact(text)
    assert first.is_plainly_in("x sk-otter-4567")


def test_only_the_newest_hundred_keys_are_remembered():
    """
    The last 100 keys are redacted, and the memory for them does not grow.
    """
    key = RotatingKey(str)
    last = issued(key, 1000)[-1]

    assert "***" == last.redact("00000900-sk-otter")
    assert "00000899-sk-otter" == last.redact("00000899-sk-otter")
    assert 100 == len([*key._known])


def test_api_key_that_is_returned_again_is_not_added_again():
    """
    If the API key function returns the same key again, the list of keys to redact stays
    the same object.
    """
    key = RotatingKey(str)
    key.issued("sk-heron-0123")
    before = key._known.mark
    key.issued("sk-heron-0123")

    assert before is key._known.mark


def test_rotating_key_shows_no_key_and_is_not_pickled():
    """``str`` of a rotating key is three stars, and the key cannot be pickled."""
    key = RotatingKey(str).issued(" sk-heron-0123\n")

    assert ("***", "***", "sk-heron-0123") == (str(key), repr(key), key.reveal())
    assert 2 == len({key, key, key.issued("sk-heron-0123")})
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(key)


def test_key_function_is_not_called_when_the_client_is_made():
    """
    A function as ``api_key=`` is not called when the setting is read, and no
    environment variable takes its place.
    """
    key = read_key(lambda: 1 / 0, {"ASI_ONE_API_KEY": "sk-env-0123"})

    assert key.provider is not None
    assert "" == key.reveal()
    with pytest.raises(ConfigurationError, match="must be a str"):
        key.issued(5)
