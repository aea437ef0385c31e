"""
The web chat renders the Markdown of answers, and hostile answers do no harm.
"""

from __future__ import annotations

import pytest


pytest.importorskip("playwright", reason="playwright is not installed")

from .site import expect


RENDER = """async texts => {
  const { MarkdownView } = await import("/markdown.js");
  return texts.map((text) => {
    const root = document.createElement("div");
    new MarkdownView(root).show(text);
    return root.innerHTML.replaceAll(' dir="auto"', "");
  });
}"""

REL = 'rel="noopener noreferrer nofollow" target="_blank"'


def link(address, label=None):
    """Return the HTML of a link to *address*."""
    return f'<a href="{address}" {REL}>{label or address}</a>'


def pre(text, language=""):
    """Return the HTML of a code block, without its button."""
    label = f"Code, {language}" if language else "Code"
    return (
        f'<div class="code"><div class="code-head"><span>{language or "code"}</span>'
        f'</div><pre tabindex="0" role="region" aria-label="{label}">'
        f"<code>{text}</code></pre></div>"
    )


def table(head, *rows):
    """Return the HTML of a table with the given rows."""
    return (
        '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


RULES = {
    "one\ntwo\n\nthree": "<p>one<br>two</p><p>three</p>",
    "# A *b* #\n####### c": "<h3>A <em>b</em></h3><p>####### c</p>",
    "###### deep": "<h6>deep</h6>",
    "***\n- - -": "<hr><hr>",
    "**a *b* c** _d_ ~~e~~": (
        "<p><strong>a <em>b</em> c</strong> <em>d</em> <del>e</del></p>"
    ),
    "***both***": "<p><em><strong>both</strong></em></p>",
    "2 * 3 * 4 snake_case_name ~5 a*": "<p>2 * 3 * 4 snake_case_name ~5 a*</p>",
    "**not closed *at all": "<p>**not closed *at all</p>",
    r"\*plain\* \a": r"<p>*plain* \a</p>",
    "`a*b*` `` ` `` `open": "<p><code>a*b*</code> <code>`</code> `open</p>",
    "```python\na < b\n\n  *c*\n```\nd": pre("a &lt; b\n\n  *c*", "python")
    + "<p>d</p>",
    "~~~\nstill written": pre("still written"),
    "- a\n- b\n  1. c\n  2. d\n- e": (
        "<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li><li>e</li></ul>"
    ),
    "3. a\n\n   b\n4. c": (
        '<ol start="3"><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>'
    ),
    "1. a\n   ```\n   1. x\n   ```\n2. b": (
        f"<ol><li>a{pre('1. x')}</li><li>b</li></ol>"
    ),
    "In\n1984. it was": "<p>In<br>1984. it was</p>",
    "> a\n> - b\n\nc": "<blockquote><p>a</p><ul><li>b</li></ul></blockquote><p>c</p>",
    "| a | b |\n|---|--:|\n| `x|y` | z \\| w |\n| only |": table(
        '<tr><th scope="col">a</th><th class="end" scope="col">b</th></tr>',
        '<tr><td><code>x|y</code></td><td class="end">z | w</td></tr>',
        '<tr><td>only</td><td class="end"></td></tr>',
    ),
    "a | b\nno table": "<p>a | b<br>no table</p>",
    '[*x*](https://a.example/b_(c) "t")': (
        f"<p>{link('https://a.example/b_(c)', '<em>x</em>')}</p>"
    ),
    "See https://a.example/x_y_z, (http://b.example).": (
        f"<p>See {link('https://a.example/x_y_z')}, "
        f'(<a href="http://b.example/" {REL}>http://b.example</a>).</p>'
    ),
    "<mailto:a@b.example>": f"<p>{link('mailto:a@b.example')}</p>",
    # The page must load nothing from other sites, so an image becomes a link.
    "![cat](https://a.example/cat.png)": (
        f"<p>{link('https://a.example/cat.png', 'cat')}</p>"
    ),
    "[![i](https://a.example/i.png)](https://b.example/)": (
        f"<p>{link('https://b.example/', 'i')}</p>"
    ),
}


async def test_markdown_is_rendered(visit):
    """
    The Markdown that models usually write is rendered; other text is shown unchanged.
    """
    shown = await visit.page.evaluate(RENDER, list(RULES))

    assert RULES == dict(zip(RULES, shown, strict=True))


# Markdown links and images that must not become links in the page.
NOT_LINKS = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\x00script:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html,a)",
    "[x](vbscript:a)",
    "[x](file:///etc/passwd)",
    "[x](blob:null/1)",
    "[x](/chat)",
    "[x](//a.example)",
    "[x](#prompt)",
    "[x](https://bank.example@evil.example)",
    "[x](https://)",
    "![x](data:image/png;base64,AAAA)",
    "&lt;javascript:alert(1)>",
]


async def test_only_web_and_mail_addresses_become_links(visit):
    """
    An address does not become a link if its scheme is not http, https or mailto, or if
    it contains a user name, which could hide the real host.
    """
    shown = await visit.page.evaluate(RENDER, NOT_LINKS)

    assert [] == [
        text for text, html in zip(NOT_LINKS, shown, strict=True) if "<a" in html
    ]


HOSTILE = """\
<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 1">
<svg onload=alert(1)> <iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>
<a href="javascript:alert(1)" onmouseover=alert(1)>x</a>
<style>* {display: none}</style>

[a](javascript:alert`1`) [b](JAVASCRIPT:alert(1)) [c](data:text/html,<script>1</script>)
[d](https://a.example/"onmouseover="alert(1)) <javascript:alert(1)>
![e](https://a.example/spy.png) ![f](x"onerror="alert(1)) [[[[[g](javascript:h)](i)]]]]
[j](https://a.example/?"><script>window.hacked = 1</script>)
&lt;script&gt;window.hacked = 1&lt;/script&gt;

# <img src=x onerror=alert(1)>

- <img src=x onerror=alert(1)>
> <script>window.hacked = 1</script>

|<script>alert(1)</script>|<img src=x onerror=alert(1)>|
|---|---|
|[k](javascript:alert(1))|`<script>alert(1)</script>`|

```"><script>window.hacked=1</script>
</code></pre><script>window.hacked = 1</script>
```
"""


async def test_hostile_answer_is_shown_as_text(fake, visit):
    """
    HTML and scripts in an answer are shown as text: no script runs, and nothing is
    loaded from other sites. The same applies to the question, the thoughts and the
    error message, and after a reload.
    """
    fake.reply(HOSTILE, thoughts=[HOSTILE], chunk_words=1)
    fake.fail(400, message=HOSTILE)

    for question in ("Hi", HOSTILE):
        await visit.prompt.fill(question)
        await visit.send.click()
        await visit.wait_until_done()
    visit.expected.append("status of 400")
    await visit.page.locator("summary").first.click()
    for _ in range(2):
        await expect(visit.alert).to_contain_text("<script>window.hacked = 1</script>")
        shown = visit.page.locator("#turns")
        text = await shown.locator(".text").first.text_content()
        for part in (
            "<script>window.hacked = 1</script>",
            "<img src=x onerror=alert(1)>",
        ):
            assert part in text
        strange = (
            "script, img, iframe, svg, style, object, embed, form, [onerror], [style]"
        )
        assert 0 == await shown.locator(strange).count()
        links = await shown.locator("a").evaluate_all(
            "links => links.map((a) => [a.protocol, a.host, a.rel, a.target])"
        )
        safe = ["https:", "a.example", "noopener noreferrer nofollow", "_blank"]
        assert [safe] * 3 == links
        assert await visit.page.evaluate("() => window.hacked === undefined")
        await visit.page.reload()


async def test_browser_refuses_inline_scripts_and_html(visit):
    """
    The browser refuses to run an inline script or to set HTML on this page, so no
    mistake in the page's own code could let an answer run a script.
    """
    refused = await visit.page.evaluate(
        """() => {
          const script = document.createElement("script");
          try { script.textContent = "window.hacked = 1"; } catch { }
          document.body.append(script);
          try { document.body.innerHTML = "<p>new</p>"; } catch (error) {
            return error.name;
          }
        }"""
    )

    assert "TypeError" == refused
    assert await visit.page.evaluate("() => window.hacked === undefined")
    visit.expected += ["Trusted", "Content Security Policy"]


async def test_growing_text_is_rendered_to_the_same_html_as_the_complete_text(visit):
    """
    Rendering a text that grows character by character gives the same HTML as rendering
    the complete text once, and does not render complete blocks again.
    """
    text = "\n\n".join([*RULES, HOSTILE])
    same, kept = await visit.page.evaluate(
        """async text => {
          const { MarkdownView } = await import("/markdown.js");
          const [grown, whole] = ["div", "div"].map((n) => document.createElement(n));
          const view = new MarkdownView(grown);
          view.show("first\\n\\nsecond");
          const first = grown.firstChild;
          text = "first\\n\\n" + text;
          for (let end = 0; end <= text.length; end += 1) {
            if (end > 8) view.show(text.slice(0, end));
          }
          new MarkdownView(whole).show(text);
          return [grown.innerHTML === whole.innerHTML, grown.firstChild === first];
        }""",
        text,
    )

    assert (True, True) == (same, kept)


HEAVY = (
    r"[ ]( []( [x]( ![ ] * **a *a _a_ ~~ ` ``a` `a < <http:// http://) ( ) \ # | |- -"
)
SPACED = [
    "* ",
    "> ",
    "- ",
    "1. ",
    "# ",
    " ",
    "\t",
    "a ",
    "\n",
    "a\n",
    "> - ",
    "- a\n  ",
]
BLOCKS = ["| a |\n|-|\n", "```", "```\n", "http://a.example/)))) "]


async def test_any_long_text_is_rendered_within_five_seconds(visit):
    """
    Any text of about 60,000 characters is rendered within five seconds: no repeated
    Markdown construct makes the renderer slow, in a paragraph, heading, list or table.
    """
    pieces = [*HEAVY.split(), *SPACED, *BLOCKS]
    texts = [piece * (60_000 // len(piece)) + "x" for piece in pieces]
    texts += [f"{begin}{'a' * 60_000}x" for begin in ("# ", "- ", "|-|\n|-|\n|")]
    texts += [
        "- " + "a\n" * 30_000,
        "# " + " " * 60_000 + "#x",
        "a|b\n-" + " " * 60_000,
    ]
    times = await visit.page.evaluate(
        """async texts => {
          const { MarkdownView } = await import("/markdown.js");
          return texts.map((text) => {
            const began = performance.now();
            new MarkdownView(document.createElement("div")).show(text);
            return (performance.now() - began) / 1000;
          });
        }""",
        texts,
    )

    slow = {x[:20]: t for x, t in zip(texts, times, strict=True) if t > 5}
    assert {} == slow
