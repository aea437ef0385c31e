"""
Decodes a text in all ways in which it may contain a secret, and keeps the index in the
text of each decoded character.
"""

from __future__ import annotations

import re

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from .escapes import LAYERS, character, codes_in
from .folding import LINE_ESCAPE, QUOTED, SOFT_BREAK, SPACED


__all__ = ["end_in_text", "layers_of", "stages_of", "start_in_text"]

# Two lists: the index of each decoded character, and its index in the text before
# decoding.
_Places: TypeAlias = tuple[list[int], list[int]]
# A decoded text, and the `_Places` of each decoding so far.
_Layer: TypeAlias = tuple[str, list[_Places]]


def layers_of(text: str) -> Iterator[_Layer]:
    """Yield *text*, and the results of decoding it in every way, once or repeatedly."""
    return (layer for layers in stages_of(text) for layer in layers)


def stages_of(text: str) -> Iterator[list[_Layer]]:
    """
    Yield lists of results: *text* after decoding its escapes 0, 1, 2 times and so on;
    then the same after removing whitespace from the last result; then the same after
    decoding quoted-printable text. All of this is repeated without line breaks or their
    escapes, if there are any, since they may only wrap the text.
    """
    layers = _decoded_layers(text, [])
    yield from _late_stages(layers)
    if unescaped := _next_layers(layers, LINE_ESCAPE):
        yield from _late_stages(unescaped)


def _late_stages(layers: list[_Layer]) -> Iterator[list[_Layer]]:
    """Yield *layers*, and all later lists of `stages_of`."""
    for start in (layers, _next_layers(layers, SOFT_BREAK)):
        last = start
        if start:
            yield start
        for codes in (SPACED, QUOTED):
            if after := last and _next_layers(last, codes):
                yield after
                last = after


def _next_layers(layers: list[_Layer], codes: re.Pattern[str]) -> list[_Layer]:
    """
    Decode *codes* in the last of *layers*; return the new layers.

    Return [] if that layer contains no *codes*.
    """
    text, places = layers[-1]
    decoded, new = _decoded(text, codes)
    return [] if decoded == text else _decoded_layers(decoded, [*places, new])


def _decoded_layers(text: str, places: list[_Places]) -> list[_Layer]:
    layers = [(text, places)]
    for _ in range(LAYERS + 2):
        codes = codes_in(text)
        if codes is None:
            break
        decoded, new = _decoded(text, codes)
        if decoded == text:
            break
        text, places = decoded, [*places, new]
        layers.append((text, places))
    return layers


def _decoded(text: str, codes: re.Pattern[str]) -> tuple[str, _Places]:
    pieces: list[str] = []
    after, before = [0], [0]
    size = done = 0
    for match in codes.finditer(text):
        start, end = match.span()
        char = character(match)
        if char is None:
            continue
        pieces += [text[done:start], char]
        size += start - done
        after += [size, size + len(char)]
        before += [start, end]
        size, done = size + len(char), end
    return "".join([*pieces, text[done:]]), (after, before)


def start_in_text(place: int, places: Iterable[_Places]) -> int:
    """Return the index in the original text of *place*, a secret's start in a layer."""
    for after, before in reversed([*places]):
        known = bisect_right(after, place) - 1
        place = before[known] + place - after[known]
    return place


def end_in_text(place: int, places: Iterable[_Places]) -> int:
    """Return the index in the original text of *place*, a secret's end in a layer."""
    for after, before in reversed([*places]):
        known = bisect_left(after, place)
        if known == len(after) or after[known] != place:
            known -= 1
        place = before[known] + place - after[known]
    return place
