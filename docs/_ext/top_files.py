"""
Mends links in the pages that include files of the repository's top folder.

There, ``(SECURITY.md)`` is right; on the site, that is the page ``security.md``.
"""

import re

from pathlib import Path

from sphinx.application import Sphinx


PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(rf"\]\(({'|'.join(map(re.escape, PAGES))})")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the directive ``include``."""
    app.connect("include-read", mend)
    return {"parallel_read_safe": True}


def mend(_: Sphinx, __: Path, ___: str, content: list[str]) -> None:
    """Rewrite the links of one included file in place."""
    text = LINK.sub(lambda m: f"]({PAGES[m[1]]}", content[0])
    content[0] = text.replace("](docs/", "](")
