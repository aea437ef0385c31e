"""Mutants of `asi1._call` that no test can detect, each with the reason."""

from __future__ import annotations


__all__ = ["EQUIVALENT"]

EQUIVALENT: dict[tuple[str, str], str] = {
    (
        "_call.event_reader",
        "EventReader._feed_all: return False -> return None",
    ): "both are false",
    (
        "_call.event_reader",
        "EventReader._feed: 0 -> 1",
    ): "the bytes are only counted until the answer begins",
    (
        "_call.event_reader",
        "EventReader._feed: name == 'message' -> name != 'message'",
    ): "the comparison with the most frequent name only saves time",
    (
        "_call.event_reader",
        "EventReader._feed: 'message' -> 'XXmessage'",
    ): "the comparison with the most frequent name only saves time",
    (
        "_call.reply_reader",
        "ReplyReader.whole: return False -> return None",
    ): "both are false",
    (
        "_call.reply_reader",
        "ReplyReader.begun: return False -> return None",
    ): "both are false",
    (
        "_call.concurrent_calls",
        "ConcurrentCalls._raises: return False -> return None",
    ): "both are false",
    (
        "_call.without_key",
        "_reader: _READERS[kind] = read -> pass",
    ): "the table only saves time",
    (
        "_call.without_key",
        "_Redaction._of_number: '' -> 'XX'",
    ): "a number has at most one text",
    (
        "_call.without_key",
        "_Redaction._of_parts: strict=True -> (nothing)",
    ): "a mapping has as many names as values",
    (
        "_call.without_key",
        "_Redaction._of_parts: True -> False",
    ): "a mapping has as many names as values",
    (
        "_call.task",
        "CallTask.run: self._own.remove_done_callback(self.end) -> pass",
    ): "a second call of `end` does nothing",
    (
        "_call.timer",
        "Timer._cancel_at: at <= now -> at < now",
    ): "an alarm that is due also cancels at the next checkpoint",
    (
        "_call.timer",
        "Timer._cancel_at: at < self._alarm_at -> at <= self._alarm_at",
    ): "the same alarm is set again",
}
