// The page: what the buttons do, where the focus goes, what a screen reader is told.

import { Failure, ask } from "./ask.js";
import { load, messages, newTurn, onChange, save } from "./history.js";
import { element } from "./inline.js";
import { TurnView, tokensOf } from "./turn.js";

const $ = (id) => document.getElementById(id);
const touch = matchMedia("(pointer: coarse)").matches;
const SAVE_EVERY = 1000; // milliseconds, while an answer is being written
const READ_OUT = 600; // characters; longer answers are announced, not read out

let views = load().map(viewOf);
let running = null; // the AbortController of the answer that is being written
let follows = true; // whether the reader is at the end of the conversation

function viewOf(turn) {
  return new TurnView(turn, decided);
}

const turns = () => views.map((view) => view.turn);
const last = () => views.at(-1);

// ------------------------------------------------------------------------------ shown

function showAll() {
  $("turns").replaceChildren(...views.map((view) => view.node));
  showState();
}

function showState() {
  $("welcome").hidden = views.length > 0;
  $("new").hidden = views.length === 0;
  $("send").hidden = running !== null;
  $("stop").hidden = running === null;
  const total = turns().reduce((sum, turn) => sum + (turn.tokens?.total ?? 0), 0);
  $("total").textContent = total ? `${tokensOf(total)} in this chat` : "";
  showFailure();
}

function showFailure() {
  const failed = !running && last()?.turn.state === "failed" ? last().turn.error : "";
  if (!failed) return $("alert").replaceChildren();
  const retry = element("button", { type: "button", id: "retry" }, "Try again");
  retry.addEventListener("click", () => answer(last()));
  return $("alert").replaceChildren(element("p", { dir: "auto" }, failed), retry);
}

function say(text) {
  $("status").textContent = text;
}

function scrollToEnd() {
  $("scroller").scrollTop = $("scroller").scrollHeight;
}

function watchScroll() {
  const { scrollTop, scrollHeight, clientHeight } = $("scroller");
  follows = scrollHeight - scrollTop - clientHeight < 60;
  $("newest").hidden = follows;
}

function fitPrompt() {
  const prompt = $("prompt");
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}

// On a phone the focus would bring up the keyboard, over what one wants to read.
function focusPrompt() {
  if (!touch) $("prompt").focus();
}

// ------------------------------------------------------------------------------ asked

function send(question) {
  if (running || !question) return;
  if (last()?.turn.state === "waiting") {
    last().turn.state = "stopped"; // no one will answer it any more
    last().show();
  }
  const view = viewOf(newTurn(question));
  views.push(view);
  $("turns").append(view.node);
  answer(view);
}

function answer(view) {
  Object.assign(view.turn, newTurn(view.turn.question));
  return listen(view, "chat", { messages: messages(turns()) });
}

/** The reader has decided about all calls of this turn that waited. */
function decided(view) {
  const { turn } = view;
  const asked = turn.calls.filter(({ state }) => state === "allowed" || state === "refused");
  const decisions = Object.fromEntries(asked.map(({ id, state }) => [id, state === "allowed"]));
  turn.state = "writing";
  focusPrompt(); // the button has gone
  return listen(view, "decide", { run: turn.run, decisions });
}

async function listen(view, path, body) {
  const { turn } = view;
  const retried = $("alert").contains(document.activeElement);
  const mine = (running = new AbortController());
  const began = performance.now();
  follows = true;
  showState();
  if (retried) $("stop").focus(); // its own button has gone
  say("Waiting for the answer");
  const painter = new Painter(view);
  try {
    await ask(path, body, turn, { signal: mine.signal, onGrow: () => painter.ask() });
    turn.state = turn.calls.some(({ state }) => state === "waiting") ? "waiting" : "done";
  } catch (error) {
    turn.state = mine.signal.aborted ? "stopped" : "failed";
    turn.error = error instanceof Failure ? error.message : "";
    if (!mine.signal.aborted && !turn.error) turn.error = "Something went wrong here.";
  }
  turn.seconds += (performance.now() - began) / 1000;
  painter.end();
  if (running === mine) finished(turn);
}

function finished(turn) {
  const stopped = document.activeElement === $("stop");
  running = null;
  showState();
  save(turns());
  if (stopped) focusPrompt();
  if (follows) scrollToEnd();
  if (turn.state === "stopped") say("Stopped");
  else if (turn.state === "waiting") say("The answer waits for your approval");
  else if (turn.state === "failed") say(""); // the banner is read out by itself
  else if (turn.text.length > READ_OUT) say("The answer is complete");
  else say(last().node.querySelector(".text").textContent);
}

/** Paints at most once a frame, however many words come, and saves now and then. */
class Painter {
  #view;
  #frame = 0;
  #saved = performance.now();
  #told = "";

  constructor(view) {
    this.#view = view;
    this.#paint();
  }

  ask() {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  end() {
    cancelAnimationFrame(this.#frame);
    this.#paint();
  }

  #paint() {
    this.#frame = 0;
    const { turn } = this.#view;
    this.#view.show();
    if (follows) scrollToEnd();
    const told = turn.text ? "Answering" : turn.thoughts ? "Thinking" : "";
    if (turn.state === "writing" && told && told !== this.#told) say((this.#told = told));
    if (performance.now() - this.#saved > SAVE_EVERY) {
      this.#saved = performance.now();
      save(turns());
    }
  }
}

function stop() {
  running?.abort();
}

function beginAnew() {
  stop();
  running = null;
  views = [];
  save([]);
  showAll();
  say("New chat");
  focusPrompt();
}

// ------------------------------------------------------------------------------ wired

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = $("prompt").value.trim();
  if (running || !question) return focusPrompt();
  $("prompt").value = "";
  fitPrompt();
  send(question);
  return focusPrompt();
});

$("prompt").addEventListener("keydown", (event) => {
  // While an input method is composing, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

$("prompt").addEventListener("input", fitPrompt);
$("stop").addEventListener("click", stop);
$("scroller").addEventListener("scroll", watchScroll, { passive: true });
$("newest").addEventListener("click", () => {
  scrollToEnd();
  $("scroller").focus();
});
$("new").addEventListener("click", () => $("sure").showModal());
$("sure").addEventListener("close", () => {
  if ($("sure").returnValue === "yes") beginAnew();
  $("sure").returnValue = "";
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("sure").open) stop();
});

for (const idea of document.querySelectorAll(".idea")) {
  idea.addEventListener("click", () => {
    send(idea.textContent);
    focusPrompt();
  });
}

// The browser breaks the call off as well, but that would look like a failure.
addEventListener("pagehide", () => {
  if (running) save(turns());
  stop();
});
onChange(() => {
  if (running) return; // this tab has the newer word
  views = load().map(viewOf);
  showAll();
});

$("hint").textContent = touch ? "" : "Enter sends, Shift + Enter breaks the line";
showAll();
scrollToEnd();
focusPrompt();
