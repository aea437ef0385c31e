"""
Checks the links inside the built site: each leads to a file, and each anchor exists.

Sphinx checks links that it makes itself; this also sees those of the theme, of included
files, of raw HTML and of `llms.txt`.
"""

import re

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.errors import SphinxError


MARKDOWN = re.compile(r"\]\(([^)\s]+)\)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", check, priority=950)
    return {"parallel_read_safe": True}


class Page(HTMLParser):
    """The links and anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the id of one element."""
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value or "")
            elif name in ("href", "src") and value:
                self.links.append(value)


def check(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build if a link inside the site leads nowhere."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir).resolve()
    pages = {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    links = {path: page.links for path, page in pages.items()}
    links[site / "llms.txt"] = MARKDOWN.findall((site / "llms.txt").read_text("utf-8"))
    broken = [
        f"{path.relative_to(site)}: {link}"
        for path, found in links.items()
        for link in found
        if not leads_somewhere(path, link, pages)
    ]
    if broken:
        raise SphinxError("broken links:\n" + "\n".join(sorted({*broken})))


def leads_somewhere(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Whether a *link* of the file *path* leads out of the site, or to what exists."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = path
    if parts.path:
        target = path.parent.joinpath(unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.exists()
    return unquote(parts.fragment) in pages[target].anchors
