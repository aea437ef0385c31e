// Markdown into DOM nodes: the blocks. The one rule of both files: text from outside
// becomes text nodes, never HTML. Elements are made by fixed names only, links by
// `safeLink` only, and images are never loaded: they become links. Whatever is not known
// stays as it is written.
//
// Known is what models write: headings, lists, quotes, code, tables, emphasis, links.
// Time is linear in the length of the text, and depth is bounded, whatever the text is.

import { element, inline } from "./inline.js";

const MAX_DEPTH = 8; // lists and quotes inside each other

// No pattern here can backtrack far: each repetition is followed by what it excludes.
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(?=\s|$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(\s+|$)/;
const TABLE_RULE = /^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/;
const BLANK = /^\s*$/;

/**
 * Shows a text that grows: only blocks that have changed are made anew, so a long
 * answer stays cheap, and what a reader has selected stays selected.
 */
export class MarkdownView {
  #root;
  #shown = []; // the source of each block on show, in the order of the root's children

  constructor(root) {
    this.#root = root;
  }

  show(text) {
    const blocks = cut(lines(text));
    const sources = blocks.map((block) => block.kind + "\n" + block.lines.join("\n"));
    let same = 0;
    while (same < sources.length && this.#shown[same] === sources[same]) same += 1;
    while (this.#root.childNodes.length > same) this.#root.lastChild.remove();
    for (const block of blocks.slice(same)) this.#root.append(blockNode(block, 0));
    this.#shown = sources;
  }
}

function lines(text) {
  return text.replaceAll("\t", "    ").split(/\r\n?|\n/);
}

/** Cuts lines into blocks: {kind, lines, ...}; each becomes exactly one node. */
function cut(all) {
  const blocks = [];
  let at = 0;
  while (at < all.length) {
    if (BLANK.test(all[at])) {
      at += 1;
      continue;
    }
    const [kind, end] = blockAt(all, at);
    blocks.push({ kind, lines: all.slice(at, end) });
    at = end;
  }
  return blocks;
}

/** Says what begins at a line, and before which line it ends. */
function blockAt(all, at) {
  const line = all[at];
  if (FENCE.test(line)) return ["code", fenceEnd(all, at)];
  if (HEADING.test(line)) return ["heading", at + 1];
  if (RULE.test(line)) return ["rule", at + 1];
  if (QUOTE.test(line)) return ["quote", runEnd(all, at, (next) => QUOTE.test(next))];
  if (ITEM.test(line)) return ["list", listEnd(all, at)];
  if (isTable(all, at)) {
    return ["table", runEnd(all, at, (next) => next.includes("|"))];
  }
  return ["paragraph", paragraphEnd(all, at)];
}

function runEnd(all, at, goesOn) {
  let end = at + 1;
  while (end < all.length && !BLANK.test(all[end]) && goesOn(all[end])) end += 1;
  return end;
}

function fenceEnd(all, at) {
  const mark = FENCE.exec(all[at])[1];
  for (let end = at + 1; end < all.length; end += 1) {
    const line = all[end].trim();
    if (line.length >= mark.length && line === mark[0].repeat(line.length)) {
      return end + 1;
    }
  }
  return all.length; // not closed yet: the answer is still being written
}

function isTable(all, at) {
  if (!all[at].includes("|") || !all[at + 1]?.includes("|")) return false;
  return TABLE_RULE.test(all[at + 1].trim());
}

function paragraphEnd(all, at) {
  let end = at + 1;
  while (end < all.length && !BLANK.test(all[end]) && !interrupts(all, end)) end += 1;
  return end;
}

/** Whether a line ends the paragraph above it. A number that opens a line does not,
 *  unless it is 1: it may be a year at the line's start. */
function interrupts(all, at) {
  const line = all[at];
  const item = ITEM.exec(line);
  return (
    FENCE.test(line) ||
    HEADING.test(line) ||
    RULE.test(line) ||
    QUOTE.test(line) ||
    (item !== null && item[3] !== "" && /^([-*+]|1[.)])$/.test(item[2])) ||
    isTable(all, at)
  );
}

/** The list goes on with further items, with lines that are indented, and with lines
 *  that go straight on; a blank line before anything else ends it. */
function listEnd(all, at) {
  const first = ITEM.exec(all[at]);
  const ordered = /\d/.test(first[2]);
  let afterBlank = false;
  let end = at + 1;
  for (let next = at + 1; next < all.length; next += 1) {
    const line = all[next];
    if (BLANK.test(line)) {
      afterBlank = true;
      continue;
    }
    const item = RULE.test(line) ? null : ITEM.exec(line);
    const indent = line.length - line.trimStart().length;
    const inside = indent >= first[1].length + 2;
    const sibling = item !== null && /\d/.test(item[2]) === ordered;
    if (FENCE.test(line) && inside) next = fenceEnd(all, next) - 1;
    else if (!inside && !sibling && (afterBlank || item || interrupts(all, next))) break;
    afterBlank = false;
    end = next + 1;
  }
  return end;
}

const MAKERS = { code, heading, list, paragraph, quote, rule, table };

function blockNode(block, depth) {
  if (depth >= MAX_DEPTH) return paragraph(block.lines);
  return MAKERS[block.kind](block.lines, depth);
}

function paragraph(all) {
  return element("p", { dir: "auto" }, inline(all.map((l) => l.trim()).join("\n")));
}

function heading(all) {
  const [before, marks] = HEADING.exec(all[0]);
  const title = withoutEnd(all[0].slice(before.length).trim(), "#").trim();
  // Each message has a heading of level 2; those of its text come below it.
  const level = Math.min(marks.length + 2, 6);
  return element(`h${level}`, { dir: "auto" }, inline(title));
}

/** A text without this character at its end. */
function withoutEnd(text, character) {
  let end = text.length;
  while (text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

function rule() {
  return element("hr");
}

function quote(all, depth) {
  const inner = cut(all.map((line) => line.replace(QUOTE, "")));
  return element("blockquote", {}, inner.map((b) => blockNode(b, depth + 1)));
}

function code(all) {
  const [before, mark] = FENCE.exec(all[0]);
  const [language] = all[0].slice(before.length).trim().split(/\s/, 1);
  const last = all.at(-1).trim();
  const closed = all.length > 1 && last.length >= mark.length && !last.replaceAll(mark[0], "");
  const indent = all[0].length - all[0].trimStart().length;
  const body = all
    .slice(1, closed ? -1 : undefined)
    .map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length)));
  const label = language ? `Code, ${language}` : "Code";
  const pre = element("pre", { tabindex: "0", role: "region", "aria-label": label });
  pre.append(element("code", {}, body.join("\n")));
  return element(
    "div",
    { class: "code" },
    element("div", { class: "code-head" }, element("span", {}, language || "code")),
    pre,
  );
}

function list(all, depth) {
  const first = ITEM.exec(all[0]);
  const ordered = /\d/.test(first[2]);
  const made = element(ordered ? "ol" : "ul");
  const start = parseInt(first[2], 10);
  if (ordered && start !== 1) made.setAttribute("start", String(start));
  const items = itemsOf(all, first[1].length);
  const loose = items.some((item) => item.some((l, i) => BLANK.test(l) && i < item.length - 1));
  for (const item of items) {
    // The text of a tight item stands in the item itself.
    const inside = cut(item).map((block) =>
      block.kind === "paragraph" && !loose
        ? inline(block.lines.map((l) => l.trim()).join("\n"))
        : blockNode(block, depth + 1),
    );
    made.append(element("li", { dir: "auto" }, inside.flat()));
  }
  return made;
}

/** The lines of each item, without the marker and the indentation. */
function itemsOf(all, base) {
  const items = [];
  let offset = 0;
  let fenced = 0; // lines of a code block hold no items
  all.forEach((line, at) => {
    const item = at < fenced || RULE.test(line) ? null : ITEM.exec(line);
    if (item !== null && (at === 0 || item[1].length < base + 2)) {
      offset = item[0].length;
      items.push([line.slice(offset)]);
      return;
    }
    if (at >= fenced && FENCE.test(line)) fenced = fenceEnd(all, at);
    const indent = line.length - line.trimStart().length;
    items.at(-1).push(line.slice(Math.min(indent, offset)));
  });
  return items;
}

function table(all) {
  const aligns = cells(all[1]).map((cell) => {
    const end = cell.endsWith(":");
    return cell.startsWith(":") ? (end ? "center" : "") : end ? "end" : "";
  });
  const row = (line, name) => {
    const given = cells(line);
    return element(
      "tr",
      {},
      aligns.map((align, at) =>
        element(
          name,
          { dir: "auto", ...(align && { class: align }) },
          inline(given[at] ?? ""),
        ),
      ),
    );
  };
  const made = element(
    "table",
    {},
    element("thead", {}, row(all[0], "th")),
    element("tbody", {}, all.slice(2).map((line) => row(line, "td"))),
  );
  for (const head of made.querySelectorAll("th")) head.setAttribute("scope", "col");
  const around = { class: "table", tabindex: "0", role: "region", "aria-label": "Table" };
  return element("div", around, made);
}

/** The cells of a row: bars part them, except those behind a backslash or in code. */
function cells(line) {
  const found = [""];
  const parts = line.trim().replace(/^\|/, "").match(/\\.|`+|[^\\`]|\\/gu) ?? [];
  let ticks = "";
  for (const part of parts) {
    if (part[0] === "`") ticks = ticks === "" ? part : ticks === part ? "" : ticks;
    if (part === "|" && ticks === "") found.push("");
    else found[found.length - 1] += part === "\\|" ? "|" : part;
  }
  if (found.length > 1 && BLANK.test(found.at(-1))) found.pop();
  return found.map((cell) => cell.trim());
}
