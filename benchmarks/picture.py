"""Draws a result as bars in SVG, for light and dark pages."""

from xml.sax.saxutils import escape

from .contenders import FLOORS
from .table import FLOOR, OURS, PEER, ratio


# The cases in the picture, in order, with their titles.
PICTURED = {
    "stream-async": "a streamed chunk, async",
    "stream-sync": "a streamed chunk, blocking",
    "paced-200": "a chunk, 200 paced streams at once",
    "create-async": "an answer that is not streamed, async",
    "first-answer": "a program that starts and asks once",
    "memory": "peak memory while a long stream is read",
}
COLUMNS = 2
WIDTH, GAP = 400, 20  # the width of a column, the space around it
NAME, BAR = 100, 236  # the widths of a name and of the longest bar
LINE, HEAD = 18, 24  # the heights of a bar with its space and of a group's title
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .note { fill: #57606a }
  .floor { fill: #afb8c1 }
  .ours { fill: #1a7f37 }
  .other { fill: #54aeff }
  .cut { stroke: #ffffff; stroke-width: 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .floor { fill: #6e7681 }
    .ours { fill: #3fb950 }
    .other { fill: #1f6feb }
    .cut { stroke: #0d1117 }
  }
"""


def picture(result):
    """
    Draw a result.

    Args:
        result: A result of `benchmarks.runs.run`.

    Returns:
        An SVG document with a group of bars for each case of `PICTURED` in the result.
        The length of a bar shows its multiple of the floor; bars much longer than
        those of asi1 and OpenAI are cut, with a mark.
    """
    groups = [
        (title, multiples(result["cases"][case]["results"]))
        for case, title in PICTURED.items()
        if case in result["cases"]
    ]
    most = max((len(bars) for _, bars in groups), default=0)
    tall = HEAD + most * LINE + GAP
    rows = -(-len(groups) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * tall + 2 * GAP
    parts = []
    for place, (title, bars) in enumerate(groups):
        row, column = divmod(place, COLUMNS)
        parts += group(title, bars, GAP + column * (WIDTH + GAP), GAP + row * tall)
    parts.append(text(GAP, height - GAP / 2, note(result), "note"))
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" role="img"',
            f' width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            "<title>What clients cost, in multiples of httpx by hand</title>",
            f"<style>{STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def note(result):
    """Return the line below the picture."""
    about = result["about"]
    return (
        f"CPU time or memory of the client, in multiples of {FLOOR} + orjson by hand;"
        f" shorter is better. Python {about['python']}, {about['date']}."
    )


def multiples(results):
    """Return each measured contender's multiple of the floor, smallest first."""
    found = {name: ratio(results, name) for name in results}
    return sorted(
        ((name, value) for name, value in found.items() if value),
        key=lambda pair: pair[1],
    )


def longest(bars):
    """Return the multiple that the longest bar stands for; higher ones are cut."""
    shown = [value for name, value in bars if name in (FLOOR, OURS, PEER)]
    return max(shown, default=1) * 1.2


def group(title, bars, left, top):
    """Yield the elements of one case, which has its own scale."""
    most = longest(bars)
    yield text(left, top + 12, title, "title")
    for place, (name, value) in enumerate(bars):
        yield from bar(name, value, most, left, top + HEAD + place * LINE)


def bar(name, value, most, left, top):
    """Yield the elements of one contender."""
    kind = "ours" if name == OURS else "floor" if name in FLOORS else "other"
    start, length = left + NAME, min(value, most) / most * BAR
    base = top + LINE - 7
    yield text(left, base, name, "title" if name == OURS else "")
    yield (
        f'<rect class="{kind}" x="{start}" y="{top}" width="{length:.1f}"'
        f' height="{LINE - 5}" rx="2"/>'
    )
    if value > most:
        cut = start + BAR - 16
        yield f'<path class="cut" d="M{cut} {top + LINE - 3} l8 -{LINE - 1}"/>'
    yield text(start + length + 6, base, f"{value:.1f}x", "")


def text(x, y, words, kind):
    """Return a text element that begins at a point."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}">{escape(words)}</text>'
