"""Mutants of `asi1._protocol` that no test can detect, each with the reason."""

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
        "_protocol.answer_parts",
        "_Call: eq=False -> (nothing)",
    ): "no call is compared with another",
    (
        "_protocol.fast_templates",
        "module: 64 -> 65",
    ): "the converter reads the same chunk",
    (
        "_protocol.fast_templates",
        "module: 1024 -> 1025",
    ): "the converter reads the same chunk",
    (
        "_protocol.fast_chunks",
        "FastChunkReader.read: len(data) > LARGEST -> len(data) >= LARGEST",
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
        "thought_text: len(texts) < len(value) -> len(texts) <= len(value)",
    ): "a list of strings alone has no dict",
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
        "_protocol.chunk_event",
        "_all_objects: return False -> return None",
    ): "both are false",
    (
        "_protocol.chunk_event",
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
    (
        "_protocol.context.policies",
        "_common_words.score: 1 -> 2",
    ): "a turn without words has no words in common",
    (
        "_protocol.context.policies",
        "_drop: 6 -> 7",
    ): "the float errors that are rounded away are far smaller",
    (
        "_protocol.context.tokens",
        "TokenEstimator.count: 6 -> 7",
    ): "the float errors that are rounded away are far smaller",
    (
        "_protocol.context.tokens",
        "_weighted_median: return _RULE -> return None",
    ): "the loop ends at the last value at the latest",
    (
        "_protocol.converter",
        "_field_reader: kinds.discard(type(None)) -> pass",
    ): "cattrs decodes a type or None as the type, only slower",
    (
        "_protocol.converter",
        "decode_in_steps: strict=False -> (nothing)",
    ): "each object in the list of choices is read as a choice",
    (
        "_protocol.converter",
        "decode_in_steps: False -> True",
    ): "each object in the list of choices is read as a choice",
    (
        "_protocol.converter",
        "decode_in_steps: '_M' -> 'XX_M'",
    ): "`cast` does not use the type",
    (
        "_protocol.error_body",
        "_shortened: 201 -> 202",
    ): "of a text that is too long, the first 200 characters are shown",
    (
        "_protocol.plain_request",
        '_escaped: "/%:@!$&\'()*+,;=~-._" -> "XX/%:@!$&\'()*+,;=~-._"',
    ): "letters are never escaped",
    (
        "_protocol.request",
        "_is_json: return False -> return None",
    ): "both are false",
    (
        "_protocol.retry_after",
        "module: 'stopped currently ' -> 'XXstopped currently '",
    ): "no match is longer, so a search that begins sooner finds the same",
    (
        "_protocol.retry_after",
        "retry_after: '' -> 'XX'",
    ): "neither is a number or a date",
    (
        "_protocol.sse_reader",
        "EventDecoder._check_size: 0 -> 1",
    ): "neither number of lines is too large",
    (
        "_protocol.sse_reader",
        "module: b'data: ' -> b'XXdata: '",
    ): "the events are the same if none is read as a plain event",
    (
        "_protocol.sse_reader",
        "module: b'\\n\\ndata: ' -> b'XX\\n\\ndata: '",
    ): "the events are the same if only single events are read as plain events",
    (
        "_protocol.sse_fields",
        "module: 100 -> 101",
    ): "an event is the same, whichever way its lines are read",
    (
        "_protocol.sse_fields",
        "_TextResponse: 'text/event-stream' -> 'XXtext/event-stream'",
    ): "httpx-sse finds the type inside the header's value",
}
