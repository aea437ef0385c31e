"""Blocking streams with a *response_format*: partial values and the final value."""

from __future__ import annotations

import pytest

import asi1


def test_blocking_stream_has_partial_and_final_values(fake, blocking_client):
    """
    With a type as *response_format*, `partial` of a blocking stream returns the value
    received so far, and `parsed` of the final completion is the validated value.
    """
    fake.reply('{"value": [1, 2, 3]}', chunk_words=1)

    with blocking_client.chat.completions.stream(
        messages="Count.", response_format=list[int]
    ) as stream:
        text = "".join(chunk.text for chunk in stream)
        answer = stream.get_final_completion()

    assert '{"value": [1, 2, 3]}' == text
    assert [1, 2, 3] == answer.parsed == stream.partial()
    assert isinstance(stream, asi1.ChatStream)


def test_blocking_stream_of_an_invalid_value_raises_output_invalid_error(
    fake, blocking_client
):
    """
    `get_final_completion` of a blocking stream raises `OutputInvalidError` if the
    answer does not fit the type passed as *response_format*.
    """
    fake.reply('{"value": ["one"]}')

    with (
        blocking_client.chat.completions.stream(
            messages="Count.", response_format=list[int]
        ) as stream,
        pytest.raises(asi1.OutputInvalidError, match="expected an integer"),
    ):
        stream.get_final_completion()
