"""The web chat's layout at several widths, and its contrast in light and dark."""

from __future__ import annotations

import pytest


pytest.importorskip("playwright", reason="playwright is not installed")

from .site import expect, visiting


ANSWER = """\
# Title

A [link](https://a.example/) and `code`, and averyveryverylongwordthathasnospaces.

> Said.

```python
for chunk in client.chat.completions.create(messages="Why?", stream=True): print(chunk)
```

| a long heading | another long heading | and a third long heading | one more |
|---|---|---|---|
| 1 | 2 | 3 | 4 |
"""

# JavaScript that finds the text with the lowest contrast to its background, and returns
# the contrast ratio and the text.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {
    willReadFrequently: true,
  });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = (color) => {
    const [r, g, b] = [...rgba(color)].slice(0, 3).map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
  };
  let lowest = [21, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    const pair = [light(getComputedStyle(node).color), light(behind(node))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < lowest[0]) lowest = [ratio, walker.currentNode.data];
  }
  return lowest;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_enough_contrast(browser, url, fake, scheme):
    """
    Every text has a contrast of at least 4.5 to 1 with its background, in the light and
    in the dark color scheme.
    """
    fake.reply(ANSWER, thoughts=["Keep it short."])
    fake.fail(400, message="No.")

    async with visiting(browser, url, color_scheme=scheme) as visit:
        for question in ("One", "Two"):
            await visit.ask_and_wait(question)
        visit.expected.append("status of 400")
        await visit.page.locator("summary").first.click()
        await visit.page.get_by_role("button", name="New chat").click()
        ratio, text = await visit.page.evaluate(CONTRAST)

        assert ratio >= 4.5, text
        dark = scheme == "dark"
        assert dark == await visit.page.evaluate(
            """() => getComputedStyle(document.body).backgroundColor < "rgb(1" === false
              && matchMedia("(prefers-color-scheme: dark)").matches"""
        )


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_page_fits_widths_from_320_to_1280_pixels(browser, url, fake, width):
    """
    At widths from 320 to 1280 pixels, the page does not scroll sideways, and every
    button is inside the width and at least 24 pixels wide and high, large enough for a
    thumb.
    """
    fake.reply(ANSWER, thoughts=["Keep it short."])
    fake.fail(400, message="No way, " * 20)
    phone = width < 500

    async with visiting(
        browser,
        url,
        viewport={"width": width, "height": 640},
        has_touch=phone,
        is_mobile=phone,
    ) as visit:
        for question in ("One " * 40, "Two" * 40):
            await visit.prompt.fill(question)
            await visit.send.click()
            await visit.wait_until_done()
        visit.expected.append("status of 400")
        await visit.prompt.fill("a\n" * 30)

        wide = "(node) => [node.scrollWidth, node.clientWidth]"
        for part in ("html", "main", "footer", "#alert"):
            has, room = await visit.page.locator(part).evaluate(wide)
            assert has <= room, part
        for button in await visit.page.get_by_role("button").all():
            box = await button.bounding_box()
            name = await button.inner_text()
            assert box["x"] >= 0, name
            assert box["x"] + box["width"] <= width, name
            assert min(box["width"], box["height"]) >= 24, name
        await expect(visit.send).to_be_in_viewport(ratio=1)
        await expect(visit.prompt).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
async def test_tool_call_that_waits_for_approval_fits_and_can_be_read(
    browser, url, fake, width, scheme
):
    """
    A tool call that waits for an approval fits the width, its buttons are large enough
    for a thumb, and its texts have a contrast of at least 4.5 to 1.
    """
    arguments = {"to": "ada@a.example", "text": "word " * 50 + "x" * 400}
    fake.reply("", tool_calls=[{"name": "send_mail", "arguments": arguments}])

    size = {"width": width, "height": 640}
    async with visiting(browser, url, viewport=size, color_scheme=scheme) as visit:
        await visit.ask_and_wait("Write")
        buttons = await visit.answer.locator(".decision button").all()
        boxes = [await button.bounding_box() for button in buttons]
        has, room = await visit.page.locator("main").evaluate(
            "(node) => [node.scrollWidth, node.clientWidth]"
        )
        ratio, text = await visit.page.evaluate(CONTRAST)

    assert has <= room
    assert 2 == len(boxes)
    assert all(min(box["width"], box["height"]) >= 24 for box in boxes)
    assert all(box["x"] + box["width"] <= width for box in boxes)
    assert ratio >= 4.5, text
