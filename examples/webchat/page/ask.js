// One call of the server: a turn's answer while it comes, with the tools that it uses.

import { eventsOf } from "./events.js";

/** Why there is no whole answer, in words for the reader. */
export class Failure extends Error {}

/**
 * Posts the body to "chat" or "decide", and puts what comes into the turn.
 *
 * Throws a Failure; or an AbortError, once `signal` says so.
 */
export async function ask(path, body, turn, { signal, onGrow }) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    throw signal.aborted ? error : new Failure("The server cannot be reached.");
  }
  if (!response.ok) throw await refusal(response);
  turn.run = response.headers.get("x-run") ?? "";
  try {
    for await (const { name, data } of eventsOf(response)) {
      if (take(name, data, turn)) return;
      onGrow();
    }
  } catch (error) {
    if (signal.aborted || error instanceof Failure) throw error;
    throw new Failure("The connection broke.");
  }
  throw new Failure("The answer broke off.");
}

/** Puts one event into the turn; returns whether it was the last. */
function take(name, data, turn) {
  if (name === "thought") turn.thoughts += data.text;
  else if (name === "text") turn.text += data.text;
  else if (name === "tool_call") takeCall(data, turn);
  else if (name === "tool_result") takeResult(data, turn);
  else if (name === "failed") throw failure(data.message, data.status, data.retry_after);
  else if (name === "done") {
    turn.text ||= data.refusal ?? "";
    turn.cut = data.finish_reason === "length";
    turn.tokens = data.usage && {
      prompt: data.usage.prompt_tokens,
      completion: data.usage.completion_tokens,
      total: data.usage.total_tokens,
    };
  }
  return name === "done";
}

function takeCall({ id, name, arguments: given, needs_approval: waits }, turn) {
  const state = waits ? "waiting" : "running";
  const call = turn.calls.find((each) => each.id === id);
  if (call) call.state = state;
  else turn.calls.push({ id, name, arguments: given, state, result: "" });
  endParagraph(turn);
}

function takeResult({ id, name, content, failed }, turn) {
  let call = turn.calls.find((each) => each.id === id);
  if (!call) turn.calls.push((call = { id, name, arguments: "" })); // never ran
  if (call.state !== "refused") call.state = failed ? "failed" : "done";
  call.result = content;
  endParagraph(turn);
}

/** The answer after a tool's result does not continue the sentence before it. */
function endParagraph(turn) {
  if (turn.text) turn.text = `${turn.text.trimEnd()}\n\n`;
}

async function refusal(response) {
  const told = await response.json().catch(() => null);
  const wait = Number(response.headers.get("retry-after"));
  const detail = typeof told?.detail === "string" ? told.detail : "";
  return failure(told?.error?.message ?? detail, response.status, wait);
}

function failure(message, status, wait) {
  const said = message || `The server refused with status ${status}.`;
  const seconds = Math.ceil(wait);
  const time = seconds > 120 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} s`;
  return new Failure(wait > 0 ? `${said} Try again in ${time}.` : said);
}
