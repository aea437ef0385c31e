// How one turn looks: the question, the thoughts that fold away, the tools, the answer,
// its count.

import { CallsView } from "./calls.js";
import { element } from "./inline.js";
import { MarkdownView } from "./markdown.js";

const count = new Intl.NumberFormat("en");

export function tokensOf(number) {
  return `${count.format(number)} ${number === 1 ? "token" : "tokens"}`;
}

export class TurnView {
  #answer;
  #thoughts;
  #summary;
  #notes;
  #calls;
  #text;
  #meta;
  #copy;
  #shownThoughts = "";

  /** `onDecide` is called when the reader has decided about all calls that wait. */
  constructor(turn, onDecide) {
    this.turn = turn;
    this.#calls = new CallsView(turn, () => onDecide(this));
    this.#summary = element("span");
    this.#notes = element("div", { class: "notes", dir: "auto" });
    this.#thoughts = element(
      "details",
      { class: "thoughts" },
      element("summary", {}, this.#summary),
      this.#notes,
    );
    const body = element("div", { class: "text" });
    this.#text = new MarkdownView(body);
    this.#meta = element("span", { class: "meta" });
    this.#copy = copyButton("Copy the answer", () => turn.text);
    this.#answer = element(
      "section",
      { class: "answer" },
      element("h2", { class: "unseen" }, "asi1 says"),
      this.#thoughts,
      this.#calls.node,
      body,
      element("div", { class: "under" }, this.#meta, this.#copy),
    );
    this.node = element(
      "article",
      { class: "turn" },
      element(
        "section",
        { class: "question" },
        element("h2", { class: "unseen" }, "You say"),
        element("p", { dir: "auto" }, turn.question),
      ),
      this.#answer,
    );
    this.show();
  }

  /** Brings what is on show up to date with the turn. */
  show() {
    const { text, thoughts, calls, state } = this.turn;
    const writing = state === "writing";
    this.#answer.setAttribute("aria-busy", String(writing));
    this.#answer.classList.toggle("waiting", writing && !text && !thoughts && !calls.length);
    this.#answer.classList.toggle("thinking", writing && !text && !!thoughts);
    this.#thoughts.hidden = !thoughts;
    if (thoughts !== this.#shownThoughts) {
      this.#shownThoughts = thoughts;
      this.#notes.replaceChildren(thoughts);
    }
    this.#summary.textContent = writing && !text ? "Thinking" : "Thoughts";
    this.#calls.show();
    this.#text.show(text);
    this.#giveCopyButtons();
    this.#meta.textContent = writing ? "" : this.#about();
    this.#copy.hidden = writing || !text || !navigator.clipboard;
  }

  #about() {
    const { text, tokens, seconds, state, cut } = this.turn;
    if (state === "failed" && !text) return ""; // the banner says it all
    const parts = [];
    if (state === "stopped") parts.push("Stopped");
    if (state === "waiting") parts.push("Waiting for your approval");
    if (cut) parts.push("Cut at the limit of tokens");
    if (state === "failed") parts.push("Broken off");
    if (tokens) {
      const { prompt, completion, total } = tokens;
      parts.push(`${tokensOf(total)} (${count.format(prompt)} in, ${count.format(completion)} out)`);
    }
    if (seconds) parts.push(`${seconds.toFixed(1)} s`);
    return parts.join(" · ");
  }

  #giveCopyButtons() {
    if (!navigator.clipboard) return;
    for (const head of this.node.querySelectorAll(".code-head:not(:has(button))")) {
      const code = head.parentElement.querySelector("code");
      head.append(copyButton("Copy the code", () => code.textContent));
    }
  }
}

function copyButton(label, text) {
  const button = element("button", { type: "button", class: "copy", "aria-label": label }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}
