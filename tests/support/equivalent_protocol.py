"""
The changes to modules of `asi1._protocol` that no test can notice, with the reason.
"""

from __future__ import annotations


__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "_protocol.members",
        "Text.join: len(self.pieces) > 1 -> len(self.pieces) >= 1",
    ): "one piece joined is the same text",
    (
        "_protocol.answer_parts",
        "Parts.build: 'dict[Any, _M]' -> 'XXdict[Any, _M]'",
    ): "the type of a cast has no effect",
    (
        "_models.json_text",
        "merged_objects: strict=True -> (nothing)",
    ): "each text has a value",
    (
        "_models.json_text",
        "merged_objects: True -> False",
    ): "each text has a value",
    (
        "_protocol.answer_parts",
        "_repeats: return False -> return None",
    ): "both are false",
    (
        "_protocol.answer_parts",
        "_repeats: 0 -> 1",
    ): "the two values are the same",
    (
        "_protocol.answer_parts",
        "_Call: eq=False -> (nothing)",
    ): "no call is compared with another",
    (
        "_protocol.fast_chunks",
        "module: 64 -> 65",
    ): "the converter reads the same chunk",
    (
        "_protocol.fast_chunks",
        "module: 1024 -> 1025",
    ): "the converter reads the same chunk",
    (
        "_protocol.fast_chunks",
        "FastChunkReader.read: len(data) > _LARGEST -> len(data) >= _LARGEST",
    ): "the converter reads the same chunk",
    (
        "_protocol.fast_chunks",
        "FastChunkReader.read: b'' -> b'XX'",
    ): "the chunk has its JSON, so the data is never read",
    (
        "_protocol.stream_answer",
        "_truer: new < 0 -> new <= 0",
    ): "zero was already found to be false",
    (
        "_protocol.normalise",
        "_thinks: return False -> return None",
    ): "both are false",
    (
        "_protocol.normalise",
        "_append: strict=False -> (nothing)",
    ): "False is the default",
    (
        "_protocol.normalise",
        "_append: return False -> return None",
    ): "both are false",
    (
        "_protocol.reply",
        "read_error: 0 -> 1",
    ): "each reply has a status",
    (
        "_protocol.reply",
        "_has_choices: return False -> return None",
    ): "both are false",
    (
        "_protocol.reply",
        "_all_objects: return False -> return None",
    ): "both are false",
    (
        "_protocol.reply",
        "_event_value: raise -> pass",
    ): "the same data gives the same error again",
    (
        "_protocol.stream_answer",
        "_Choice: eq=False -> (nothing)",
    ): "no choice is compared with another",
    (
        "_protocol.stream_answer",
        "_Choice: False -> True",
    ): "no choice is compared with another",
}
