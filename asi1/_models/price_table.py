"""
The prices of the documented models, in US dollars for a million tokens, as text.

`Price` needs them as decimals and `MODELS` as floats, so both are made from this text.
"""

from __future__ import annotations


__all__ = ["FIGURES", "PUBLISHED", "SOURCE"]

# The month of the prices. They come from secondary sources; the dashboard of an account
# shows what it is billed.
PUBLISHED = "2026-10"
SOURCE = "https://docs.asi1.ai/documentation/getting-started/model-selection"

# Input and output price of each model. No prices are published for cached tokens, for
# earlier models or for images.
FIGURES: dict[str, tuple[str, str]] = {
    "asi1": ("0.50", "1.90"),
    "asi1-ultra": ("1.26", "3.96"),
    "asi1-mini": ("0.18", "0.45"),
}
