"""Mutants of `asi1._models` that no test can detect, each with the reason."""

from __future__ import annotations


__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str], str] = {
    ("_models.json_steps", "module: 64 -> 65"): "a step of about the same size",
    ("_models.json_steps", "module: 1024 -> 1025"): "a step of about the same size",
    ("_models.json_steps", "module: 4 -> 5"): "a step of about the same size",
    (
        "_models.json_steps",
        "load_json_in_steps: values > MAX_CONTAINERS -> values >= MAX_CONTAINERS",
    ): "exactly as many values as are allowed may be counted or not",
    (
        "_models.json_steps",
        "_load_parts: end - flushed > step -> end - flushed >= step",
    ): "a step of about the same size",
    (
        "_models.json_text",
        (
            "_has_many_containers: 2 * len(data) - len(lists) - len(objects)"
            " > MAX_DEPTH -> 2 * len(data) - len(lists) - len(objects) >= MAX_DEPTH"
        ),
    ): "the count only avoids measuring the depth, which decides",
    (
        "_models.json_text",
        "_has_many_containers: len(data) <= 2 * MAX_DEPTH -> len(data) < 2 * MAX_DEPTH",
    ): "the count only avoids measuring the depth, which decides",
    (
        "_models.json_text",
        "_has_many_containers: return False -> return None",
    ): "the caller only asks whether it is true",
    (
        "_models.json_text",
        "_has_many_containers: False -> True",
    ): "the count only avoids measuring the depth, which decides",
    (
        "_models.json_text",
        "_check_value_count: len(data) <= MAX_VALUES -> len(data) < MAX_VALUES",
    ): "the values are counted, and are fewer than the bytes",
    (
        "_models.json_text",
        "load_json: len(data) > _LARGE -> len(data) >= _LARGE",
    ): "smaller valid JSON has too few values to be refused",
    (
        "_models.json_text",
        "module: 256 -> 257",
    ): "a little more valid JSON has too few values to be refused",
    (
        "_models.json_text",
        "module: 1024 -> 1025",
    ): "a little more valid JSON has too few values to be refused",
    (
        "_models.json_text",
        "_check_value_count: 2 -> 3",
    ): "no string is left to be removed the second time",
    (
        "_models.json_text",
        "module: 256 * 1024 -> 256 / 1024",
    ): "smaller valid JSON has too few values to be refused",
    (
        "_models.json_text",
        "_check_value_count: b'' -> b'XX'",
    ): "neither has a comma or a bracket",
    (
        "_models.base_types",
        "Default: 'default' -> 'XXdefault'",
    ): "the enum has one member, so any value will do",
    ("_models.visible", "module: 32 -> 33"): "a space is not replaced",
    ("_models.visible", "module: 160 -> 161"): "a no-break space is not replaced",
    (
        "_models.visible",
        "module: '\\u200c\\u200d' -> 'XX\\u200c\\u200d'",
    ): "an X is not replaced",
    (
        "_models.visible",
        (
            "module: '\\u202a\\u202b\\u202c\\u202d\\u202e'"
            " -> 'XX\\u202a\\u202b\\u202c\\u202d\\u202e'"
        ),
    ): "an X is not replaced",
    (
        "_models.visible",
        ("module: '\\u2066\\u2067\\u2068\\u2069' -> 'XX\\u2066\\u2067\\u2068\\u2069'"),
    ): "an X is not replaced",
    (
        "_models.visible",
        "visible: '' -> 'XX'",
    ): "neither ends with a character that may need a joiner",
    (
        "_models.json_text",
        "too_deep: return False -> return None",
    ): "both are false",
    ("_models.response", "_rate_limits.count: '' -> 'XX'"): "neither is a number",
}
