// The tools that an answer uses: what they were called with, what came out, and two
// buttons for each call that waits for the reader's approval. All of it is plain text.

import { element } from "./inline.js";

const MOST = 2000; // characters of a result that are shown
const STATES = new Map([
  ["running", "running"],
  ["waiting", "waits for your approval"],
  ["allowed", "allowed"],
  ["refused", "refused"],
  ["done", "done"],
  ["failed", "failed"],
]);
// Characters that cannot be seen, or that change the order of those beside them.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

export class CallsView {
  #turn;
  #onDecide;
  #shown = "";

  constructor(turn, onDecide) {
    this.#turn = turn;
    this.#onDecide = onDecide;
    this.node = element("ul", { class: "calls", "aria-label": "Tools" });
  }

  /** Brings what is on show up to date; nodes stay as long as nothing has changed. */
  show() {
    const { calls, state } = this.#turn;
    const shown = JSON.stringify([calls, state === "waiting"]);
    this.node.hidden = !calls.length;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.node.replaceChildren(...calls.map((call) => this.#item(call)));
  }

  #item(call) {
    const asks = call.state === "waiting" && this.#turn.state === "waiting";
    const said = element("span", { class: "call-state" }, STATES.get(call.state) ?? "");
    return element(
      "li",
      { class: "call" },
      element("p", {}, element("code", {}, call.name), " ", said),
      call.arguments ? [block(visible(call.arguments))] : [], // all that is approved
      call.result ? [block(visible(shortened(call.result)))] : [],
      asks ? [this.#buttons(call)] : [],
    );
  }

  #buttons(call) {
    const button = (name, kind, state) => {
      const made = element("button", { type: "button", class: kind }, name);
      made.setAttribute("aria-label", `${name} ${call.name}`);
      made.addEventListener("click", () => this.#decide(call, state));
      return made;
    };
    return element(
      "div",
      { class: "decision" },
      button("Approve", "strong", "allowed"),
      button("Refuse", "quiet", "refused"),
    );
  }

  #decide(call, state) {
    call.state = state;
    this.show();
    if (!this.#turn.calls.some((each) => each.state === "waiting")) this.#onDecide();
  }
}

function block(text) {
  return element("pre", { dir: "auto", tabindex: "0" }, text);
}

function shortened(text) {
  return text.length > MOST ? `${text.slice(0, MOST)} …` : text;
}

function visible(text) {
  return text.replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}
