"""
A slow decoder of event streams that follows the HTML standard word by word, except that
it leaves out the fields ``id`` and ``retry``.

This decoder imports nothing and shares no code with `asi1`, so that the two agree only
where both are right. It takes all bytes of a stream at once.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations


__all__ = ["events_of"]


def events_of(body):
    """Return the name and the data of each event that *body* completes."""
    events = []
    name, data = "", ""
    for line in _lines(_text(body)):
        field, value = _field(line)
        if line == "":
            if data != "":
                events.append((name or "message", data[:-1]))
            name, data = "", ""
        elif field == "event":
            name = value
        elif field == "data":
            data = data + value + "\n"
    return events


def _text(body):
    """Decode UTF-8, with invalid bytes replaced and one byte-order mark removed."""
    text = body.decode("utf-8", "replace")
    return text[1:] if text[:1] == "\ufeff" else text


def _lines(text):
    """
    Return all lines that end in CR LF, LF or CR; text after the last line end is
    omitted.
    """
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
    """Return the field name and value of a line; a comment has an empty field name."""
    if ":" not in line:
        return line, ""
    colon = line.index(":")
    name, value = line[:colon], line[colon + 1 :]
    return name, value[1:] if value[:1] == " " else value
