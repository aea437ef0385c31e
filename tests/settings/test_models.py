"""The table of models, `MODELS`, and the checks of the argument ``models``."""

from __future__ import annotations

import math
import pickle

import attrs
import pytest

import asi1

from asi1._settings.models import read_models


CURRENT = ("asi1", "asi1-ultra", "asi1-mini")


@pytest.mark.parametrize("name", CURRENT)
def test_current_models_have_sizes_prices_and_a_date(name):
    """
    For each current model, the table has the smallest published context and output
    sizes, the prices, and the month in which these numbers were published.
    """
    info = asi1.MODELS[name]

    assert (196_000, 40_000) == (info.context, info.output)
    assert 0 < info.input_price < info.output_price
    assert "2026-10" == info.as_of


def test_table_says_which_current_models_accept_images():
    """
    In the table of models, ``asi1`` accepts images, ``asi1-ultra`` does not, and for
    ``asi1-mini`` it is unknown.
    """
    assert [True, False, None] == [asi1.MODELS[name].images for name in CURRENT]


def test_every_model_in_the_table_has_a_date():
    """
    Each model in the table has the date at which its data was published.
    """
    assert all(info.as_of for info in asi1.MODELS.values())


def test_model_table_is_read_only_but_a_changed_copy_can_be_used():
    """
    The table of models and its entries are read-only. A changed copy of an entry can be
    passed to a client, and can be pickled.
    """
    with pytest.raises(TypeError):
        asi1.MODELS["asi1"] = asi1.ModelInfo(context=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        asi1.MODELS["asi1"].context = 1
    changed = attrs.evolve(asi1.MODELS["asi1"], output=9)

    assert changed == pickle.loads(pickle.dumps(changed))
    assert {"asi1": changed} == read_models({"asi1": changed})


@pytest.mark.parametrize(
    "wrong",
    [
        {"context": 0},
        {"context": None},
        {"context": 2.5},
        {"context": 9, "output": 0},
        {"context": 9, "images": "yes"},
        {"context": 9, "input_price": -1},
        {"context": 9, "output_price": math.nan},
        {"context": 9, "as_of": 2026},
    ],
)
def test_model_info_with_a_wrong_value_is_refused(wrong):
    """
    A `ModelInfo` with a value of a wrong type, or a number out of range, raises an
    error that names the field.
    """
    with pytest.raises(asi1.ConfigurationError) as caught:
        asi1.ModelInfo(**wrong)

    assert f"models: {[*wrong][-1]} must be" in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [5, "asi1", [], {"asi1": 9}, {"asi1": {"context": 9}}, {5: None}]
)
def test_models_argument_of_a_wrong_type_is_refused_when_a_client_is_created(wrong):
    """
    ``models`` must map names to `ModelInfo`; anything else raises an error when a
    client is created, by the constructor and by `with_options`.
    """
    with pytest.raises(asi1.ConfigurationError, match="models: must be a mapping"):
        asi1.AsyncASI1("sk-test", models=wrong)
    with pytest.raises(asi1.ConfigurationError, match="models: must be a mapping"):
        asi1.ASI1("sk-test").with_options(models=wrong)
