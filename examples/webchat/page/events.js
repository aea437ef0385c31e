// Server-sent events out of the body of a reply. `EventSource` cannot be used: it only
// knows GET, and asks again by itself when a stream breaks.

/**
 * Reads the events of a reply: {name, data}, where data is the JSON value.
 */
export async function* eventsOf(response) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of pieces(response.body)) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event) yield event;
    }
  }
}

// Not every browser can iterate over a body.
async function* pieces(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {}); // left early: the server shall stop too
  }
}

function parsed(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  if (!data.length) return null; // a comment that keeps the connection alive
  return { name, data: JSON.parse(data.join("\n")) };
}
