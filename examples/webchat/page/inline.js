// Markdown into DOM nodes: the marks inside a block. The rules are told in markdown.js.

const MAX_OPEN = 16; // emphasis marks that wait for their partner
const MAX_LINK = 2000; // characters of an address
const PLAIN = /[^\\`*_~\n[!<hH]+/y; // nothing in it begins anything

/**
 * Makes an element. Children are nodes, texts, or lists of them; texts become text nodes.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  // One by one: a call takes no hundred thousand arguments. And before `dir`, which would
  // have the browser look at all that is inside again and again.
  for (const child of children.flat()) made.append(child);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Turns the marks inside a block into nodes. */
export function inline(text, inLink = false) {
  return new Inline(text, inLink).nodes();
}

class Inline {
  #text;
  #inLink;
  #at = 0;
  #plain = "";
  #open = [{ mark: "", length: 0, nodes: [] }]; // marks that wait, outermost first
  #partner; // where the bracket ends that opens at a place
  #noTicks = new Set(); // lengths of runs of ticks that have no partner ahead

  constructor(text, inLink) {
    this.#text = text;
    this.#inLink = inLink;
    this.#partner = brackets(text);
  }

  nodes() {
    while (this.#at < this.#text.length) this.#step();
    while (this.#open.length > 1) this.#giveUp(this.#open.length - 1);
    this.#flush();
    return this.#open[0].nodes;
  }

  #step() {
    const here = this.#text[this.#at];
    if (here === "\\") return this.#backslash();
    if (here === "`") return this.#ticks();
    if (here === "*" || here === "_" || here === "~") return this.#emphasis(here);
    if (here === "\n") return this.#put(element("br"), this.#at + 1);
    if (here === "[" || (here === "!" && this.#text[this.#at + 1] === "[")) {
      return this.#bracket(here === "!");
    }
    if (here === "<" || here === "h" || here === "H") return this.#address(here === "<");
    PLAIN.lastIndex = this.#at;
    return this.#skip(PLAIN.exec(this.#text)?.[0].length ?? 1);
  }

  #skip(count) {
    this.#plain += this.#text.slice(this.#at, this.#at + count);
    this.#at += count;
  }

  #flush() {
    if (this.#plain) this.#open.at(-1).nodes.push(document.createTextNode(this.#plain));
    this.#plain = "";
  }

  #put(node, next) {
    this.#flush();
    this.#open.at(-1).nodes.push(node);
    this.#at = next;
  }

  #backslash() {
    if (/[!-/:-@[-`{-~]/.test(this.#text[this.#at + 1] ?? "")) this.#at += 1;
    this.#skip(1);
  }

  #ticks() {
    const length = runLength(this.#text, this.#at);
    const start = this.#at + length;
    if (!this.#noTicks.has(length)) {
      for (let at = start; (at = this.#text.indexOf("`", at)) >= 0; ) {
        const run = runLength(this.#text, at);
        if (run === length) {
          const inner = this.#text.slice(start, at).replaceAll("\n", " ");
          const bare = /^ .*[^ ].* $/.test(inner) ? inner.slice(1, -1) : inner;
          return this.#put(element("code", {}, bare), at + run);
        }
        at += run;
      }
      this.#noTicks.add(length);
    }
    return this.#skip(length);
  }

  #bracket(image) {
    const start = this.#at + (image ? 1 : 0);
    const end = this.#partner.get(start);
    const target = end === undefined ? null : destination(this.#text, end + 1);
    const label = end === undefined ? "" : this.#text.slice(start + 1, end);
    if (target === null) return this.#skip(1);
    if (this.#inLink) {
      this.#plain += label; // a link has none inside it; of an image its name is left
      this.#at = target.end;
      return undefined;
    }
    const link = safeLink(target.address);
    if (link === null) return this.#skip(image ? 2 : 1);
    const shown = image ? [label || "image"] : inline(label, true);
    for (const node of shown.length ? shown : [target.address]) link.append(node);
    return this.#put(link, target.end);
  }

  #address(angle) {
    const before = this.#text[this.#at - 1] ?? " ";
    if (this.#inLink || (!angle && /[\p{L}\p{N}_]/u.test(before))) return this.#skip(1);
    const pattern = angle
      ? /<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/iy
      : /(https?:\/\/[^\s<>"`*|]{1,2000})/iy;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    const address = found && (angle ? found[1] : trimmed(found[1]));
    const link = found && safeLink(address);
    if (!link) return this.#skip(1);
    link.append(address);
    return this.#put(link, this.#at + (angle ? found[0].length : address.length));
  }

  #emphasis(mark) {
    const length = runLength(this.#text, this.#at);
    const before = this.#text[this.#at - 1] ?? " ";
    const after = this.#text[this.#at + length] ?? " ";
    const word = /[\p{L}\p{N}]/u;
    // An underscore inside a word is part of a name; two tildes strike, one is "about".
    const inWord = mark === "_" && word.test(before) && word.test(after);
    if (inWord || (mark === "~" && length !== 2)) return this.#skip(length);
    let opens = /\S/.test(after) && (!isPunctuation(after) || !word.test(before));
    let closes = /\S/.test(before) && (!isPunctuation(before) || !word.test(after));
    if (mark === "_") {
      opens &&= !word.test(before);
      closes &&= !word.test(after);
    }
    let left = length;
    while (closes && left > 0) {
      const used = this.#close(mark, left);
      if (used === 0) break;
      left -= used;
    }
    this.#at += length;
    if (left === 0) return undefined;
    if (opens) return this.#wait(mark, left);
    this.#plain += mark.repeat(left);
    return undefined;
  }

  /** Closes the nearest mark of this kind; returns how much of the run that used up. */
  #close(mark, left) {
    let place = this.#open.length - 1;
    while (place > 0 && this.#open[place].mark !== mark) place -= 1;
    if (place === 0) return 0;
    while (this.#open.length - 1 > place) this.#giveUp(this.#open.length - 1);
    this.#flush();
    const frame = this.#open.pop();
    const used = Math.min(2, left, frame.length);
    const name = mark === "~" ? "del" : used === 2 ? "strong" : "em";
    const made = element(name, {}, frame.nodes);
    if (frame.length > used) {
      this.#open.push({ mark, length: frame.length - used, nodes: [made] });
    } else this.#open.at(-1).nodes.push(made);
    return used;
  }

  #wait(mark, length) {
    this.#flush();
    if (this.#open.length > MAX_OPEN) this.#giveUp(1);
    this.#open.push({ mark, length, nodes: [] });
  }

  /** A mark without a partner is a text like any other. */
  #giveUp(place) {
    this.#flush();
    const [frame] = this.#open.splice(place, 1);
    const text = document.createTextNode(frame.mark.repeat(frame.length));
    const outer = this.#open[place - 1].nodes;
    for (const node of [text, ...frame.nodes]) outer.push(node);
  }
}

function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

function isPunctuation(character) {
  return /[\p{P}\p{S}]/u.test(character);
}

/** Where each square bracket's partner is, found in one pass. */
function brackets(text) {
  const partner = new Map();
  const open = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") open.push(at);
    else if (text[at] === "]" && open.length) partner.set(open.pop(), at);
  }
  return partner;
}

/** Reads "(address)" or "(address "title")"; null if there is none. */
function destination(text, at) {
  if (text[at] !== "(") return null;
  let depth = 0;
  for (let end = at; end < text.length && end < at + MAX_LINK; end += 1) {
    if (text[end] === "\\") end += 1;
    else if (text[end] === "(") depth += 1;
    else if (text[end] === ")" && (depth -= 1) === 0) {
      const inner = text.slice(at + 1, end).trim();
      const [address] = inner.split(/\s/, 1);
      const title = inner.slice(address.length).trim();
      if (title && !/^(["']).*\1$/.test(title)) return null;
      return { address: address.replace(/^<(.*)>$/, "$1"), end: end + 1 };
    } else if (text[end] === "\n") return null;
  }
  return null;
}

/** An address in a sentence ends before the sentence's own marks. */
function trimmed(address) {
  let unopened = address.split(")").length - address.split("(").length;
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    if (last === ")" && unopened > 0) unopened -= 1;
    else if (!/[.,:;!?'"_~\]]/.test(last)) break;
  }
  return address.slice(0, end);
}

/** A link to the web or to a mail address; null for any other. */
function safeLink(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null; // also what would lead into this page's own site
  }
  if (!["http:", "https:", "mailto:"].includes(url.protocol)) return null;
  if (url.username || url.password) return null; // https://bank.example@elsewhere.example
  return element("a", {
    href: url.href,
    rel: "noopener noreferrer nofollow",
    target: "_blank",
  });
}
