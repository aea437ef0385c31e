"""
Writes what was measured into the pages that show it.

``python -m benchmarks pages`` reads ``benchmarks/results.json``, draws the picture, and
replaces the numbers in ``docs/explanation/benchmarks.md`` and in the README. The page
says which cases its table has, and what they are called there.
"""

import re

from . import picture, table
from .runs import ROOT


RESULTS = ROOT / "benchmarks" / "results.json"
DRAWN = ROOT / "benchmarks" / "results.svg"
PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"
README = ROOT / "README.md"
CLAIM = re.compile(r"(costs )[^ ]+( times the CPU time of plain httpx)")
PEERS_CLAIM = re.compile(r"(with OpenAI's client, it costs )[^ ]+( times that)")
FIGURES = re.compile(r"^\| case .*?(?=^Medians )(?-s:.*)", re.MULTILINE | re.DOTALL)
LABEL = re.compile(r"^\| (.*\(`(.+)`\)) \|", re.MULTILINE)


def figures(page, result):
    """Return the page with the table and the paragraph of this result."""
    names = list(result["about"]["versions"])
    rows = [["case", "unit", *names]]
    for label, case in LABEL.findall(page):
        measured = result["cases"][case]
        found = measured["results"]
        cells = {name: table.cell(found, name) for name in names}
        cells[table.FLOOR] = table.number(found[table.FLOOR]["median"])
        cells[table.OURS] = f"**{cells[table.OURS]}**"
        rows.append([label, measured["unit"], *cells.values()])
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = f"|---|---|{'---:|' * len(names)}"
    text = "\n".join([lines[0], rule, *lines[1:], "", table.head(result)])
    return FIGURES.sub(lambda _: text, page)


def claims(readme, result):
    """Return the README with the two multiples of this result."""
    found = result["cases"]["stream-async"]["results"]
    for claim, name in ((CLAIM, table.OURS), (PEERS_CLAIM, table.PEER)):
        multiple = table.times(table.ratio(found, name))
        readme = claim.sub(rf"\g<1>{multiple}\g<2>", readme)
    return readme


def pages(result):
    """Return the text of each file that shows this result."""
    return {
        PAGE: figures(PAGE.read_text("utf-8"), result),
        README: claims(README.read_text("utf-8"), result),
        DRAWN: picture.picture(result),
    }


def write(result):
    """Write all pages."""
    for file, text in pages(result).items():
        file.write_text(text, "utf-8")
