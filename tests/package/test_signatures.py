"""Signatures of methods, as `help` and editors show them."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

from unittest.mock import create_autospec

import pytest

import asi1

from asi1._settings.options import as_written


CLASSES = [
    *(asi1.AsyncASI1, asi1.AsyncCompletions, asi1.AsyncConversation, asi1.AsyncImages),
    *(asi1.ASI1, asi1.Completions, asi1.Conversation, asi1.Images),
]


def with_options():
    """
    Return the methods that take options, each with the name of the TypedDict.

    The verbs, such as ``client.get``, have OpenAI's argument *options* instead.
    """
    found = {}
    for cls in CLASSES:
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            types = {str(t) for t in inspect.get_annotations(method).values()}
            if method.__name__ in {"get", "post", "put", "patch", "delete"}:
                continue
            if (kind := re.search(r"Unpack\[(\w+)\]", " ".join(types))) is not None:
                found[f"{cls.__name__}.{name}"] = (method, kind[1])
    return found


METHODS = with_options()


@pytest.mark.parametrize(("method", "kind"), METHODS.values(), ids=METHODS)
def test_signature_names_each_option_with_its_type(method, kind):
    """
    The signature of a method that takes options names each option with its type and
    default, in place of ``**options``; its other parameters stay.
    """
    plain = inspect.signature(as_written(method))
    listed = inspect.signature(method)

    options = getattr(asi1, kind).__annotations__
    *others, last = plain.parameters
    assert "options" == last
    assert [*others, *options] == [*listed.parameters]
    assert plain.return_annotation == listed.return_annotation
    shown = {name: listed.parameters[name] for name in options}
    assert {inspect.Parameter.KEYWORD_ONLY} == {p.kind for p in shown.values()}
    assert all(isinstance(parameter.annotation, str) for parameter in shown.values())


def test_each_client_has_fifteen_methods_with_options():
    """Each client has fifteen methods that take options, not counting the methods for
    HTTP verbs, such as ``client.get``.
    """
    assert 30 == len(METHODS)


def test_signature_of_a_bound_method_can_be_used_like_any_other():
    """
    The signature of a method of a client can be read, bound, changed, copied and
    pickled, and mocks check calls by it.
    """
    with asi1.ASI1("sk-test") as client:
        create = client.chat.completions.create
        signature = inspect.signature(create)
        mocked = create_autospec(create)

    assert "temperature: 'float | None' = None" in str(signature)
    assert "timeout: 'Timeout' = DEFAULT" in str(signature)
    assert {"messages": "Hi", "seed": 1} == signature.bind(messages="Hi", seed=1).kwargs
    with pytest.raises(TypeError, match="unexpected keyword argument 'temprature'"):
        signature.bind(messages="Hi", temprature=1)
    mocked(messages="Hi", seed=1)
    with pytest.raises(TypeError):
        mocked(messages="Hi", temprature=1)
    whole = asi1.Completions.create.__signature__
    assert whole == pickle.loads(pickle.dumps(whole)) == copy.copy(whole)
    assert [] == [*whole.replace(parameters=()).parameters]
