"""
The prices of the documented models, in US dollars for a million tokens, as text.

`Price` turns them into decimals, and `MODELS` into floats, so each has one source.
"""

from __future__ import annotations


__all__ = ["FIGURES", "PUBLISHED", "SOURCE"]

# The month of the figures. They were read at second hand; what an account is billed is
# shown by its own dashboard.
PUBLISHED = "2026-10"
SOURCE = "https://docs.asi1.ai/documentation/getting-started/model-selection"

# Input and output price of each model. No other figure is published: not for cached
# tokens, not for earlier models, not for images.
FIGURES: dict[str, tuple[str, str]] = {
    "asi1": ("0.50", "1.90"),
    "asi1-ultra": ("1.26", "3.96"),
    "asi1-mini": ("0.18", "0.45"),
}
