"""``client.models``, which reads the model table."""

from __future__ import annotations

import pytest

import asi1


OWN = asi1.ModelInfo(context=1000)
CLIENT = {"api_key": "k", "models": {"asi1": OWN, "asi2": OWN}}
NAMES = [*asi1.MODELS, "asi2"]


async def test_async_list_has_the_models_of_the_table_and_of_the_client():
    """
    The list has all models of `MODELS`, and those of the client, which override them.
    `models.list()` can be awaited, or iterated with ``async for``.
    """
    models = asi1.AsyncASI1(**CLIENT).models
    page = await models.list()

    assert NAMES == [model.id async for model in models.list()]
    assert NAMES == [model.id for model in page.data]
    assert NAMES == [model.id async for model in page]
    assert OWN == (await models.retrieve("asi1")).info
    assert asi1.MODELS["asi1-mini"] == (await models.retrieve("asi1-mini")).info


def test_blocking_client_lists_the_same_models_as_the_async_client():
    """
    `models.list()` of the blocking client returns the models that the async client
    lists.
    """
    models = asi1.ASI1(**CLIENT).models

    assert NAMES == [model.id for model in models.list()]
    assert NAMES == [model.id for model in models.list().data]
    assert ("list", "model") == (models.list().object, models.list().data[0].object)
    assert OWN == models.retrieve("asi2").info


async def test_unknown_model_raises_the_error_that_openais_client_raises():
    """
    A model that is not in the table raises `NotFoundError` with status 404. The message
    says that the server was not asked.
    """
    with pytest.raises(
        asi1.NotFoundError, match=r"no model 'gpt'.*was not asked"
    ) as one:
        asi1.ASI1("k").models.retrieve("gpt")
    with pytest.raises(asi1.NotFoundError) as two:
        await asi1.AsyncASI1("k").models.retrieve("gpt")

    assert (404, "model_not_found") == (one.value.status_code, one.value.code)
    assert one.value == two.value
