"""
An event stream as the standard tells it, word by word: slow, whole, and on its own.

It knows nothing of `asi1` and imports nothing, so that the two can only agree by both
being right. Nothing is done piece by piece here: it is given all the bytes at once.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations


__all__ = ["events_of"]


def events_of(body):
    """
    Return the name, data, id and retry time of each event that *body* completes.

    The retry time is that of the event's own block, or None.
    """
    events = []
    last_id = ""
    name, data, retry = "", "", None
    for line in _lines(_text(body)):
        field, value = _field(line)
        if line == "":
            if data != "":
                events.append((name or "message", data[:-1], last_id, retry))
            name, data, retry = "", "", None
        elif field == "event":
            name = value
        elif field == "data":
            data = data + value + "\n"
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and _is_digits(value):
            retry = int(value)
    return events


def _text(body):
    """Decode as UTF-8, what is broken replaced; one byte-order mark is taken off."""
    text = body.decode("utf-8", "replace")
    return text[1:] if text[:1] == "\ufeff" else text


def _lines(text):
    """Return the lines that have an end: CR LF, LF, or CR; the end of all is none."""
    lines = []
    line = ""
    place = 0
    while place < len(text):
        if text[place : place + 2] == "\r\n":
            lines.append(line)
            line = ""
            place += 2
        elif text[place] in "\r\n":
            lines.append(line)
            line = ""
            place += 1
        else:
            line += text[place]
            place += 1
    return lines


def _field(line):
    """Return the name and the value of a line; of a comment, the name is empty."""
    if ":" not in line:
        return line, ""
    colon = line.index(":")
    name, value = line[:colon], line[colon + 1 :]
    return name, value[1:] if value[:1] == " " else value


def _is_digits(value):
    """Tell whether a value has digits of ASCII, and nothing else."""
    return value != "" and all(char in "0123456789" for char in value)
