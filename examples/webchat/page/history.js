// The conversation, kept by the browser over a reload. The server keeps only the runs
// that wait for an approval.
//
// A turn: {question, text, thoughts, calls, run, tokens, seconds, state, cut, error}.
// `state` is "writing", "waiting" for an approval, "done", "stopped" or "failed"; `cut`
// tells of a whole answer that the limit of tokens ended; `tokens` is null or {prompt,
// completion, total}; `error` is a text, "" unless the turn failed; `run` is the server's
// id of the run, "" for none. A call of a tool: {id, name, arguments, state, result}, all
// texts; its `state` is "running", "waiting", "allowed", "refused", "done" or "failed".

const KEY = "asi1-webchat-1";

export function newTurn(question) {
  return {
    question,
    text: "",
    thoughts: "",
    calls: [],
    run: "",
    tokens: null,
    seconds: 0,
    state: "writing",
    cut: false,
    error: "",
  };
}

/** Returns the turns that are kept; none if what is there makes no sense. */
export function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const turns = kept.map((turn) => {
      const made = newTurn("");
      for (const name of Object.keys(made)) {
        const right = name === "tokens" ? "object" : typeof made[name];
        if (typeof turn[name] === right) made[name] = turn[name];
      }
      made.calls = Array.isArray(made.calls) ? made.calls.map(callOf) : [];
      // A reload of the page cancels the answer that is being written.
      if (made.state === "writing") made.state = "stopped";
      return made;
    });
    return turns.filter((turn) => turn.question);
  } catch {
    return [];
  }
}

function callOf(call) {
  const names = ["id", "name", "arguments", "state", "result"];
  return Object.fromEntries(names.map((name) => [name, String(call[name] ?? "")]));
}

/** Keeps the turns; a full or forbidden store only means that a reload loses them. */
export function save(turns) {
  try {
    if (turns.length) localStorage.setItem(KEY, JSON.stringify(turns));
    else localStorage.removeItem(KEY);
  } catch {
    // The conversation goes on without it.
  }
}

/** Calls back when another tab has changed the history. */
export function onChange(callback) {
  addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) callback();
  });
}

/** What the model is told of the turns: an answer that failed is no part of it. */
export function messages(turns) {
  return turns.flatMap(({ question, text, state }) => [
    { role: "user", content: question },
    ...(text && state !== "failed" && state !== "writing"
      ? [{ role: "assistant", content: text }]
      : []),
  ]);
}
