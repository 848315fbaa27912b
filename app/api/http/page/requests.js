/** Sends operations to this service. A subscription's answers come as server-sent events. */

import { operationOf } from "./documents.js";

const ANSWER_WITHIN_MS = 60_000;
const ONE_ANSWER = "application/graphql-response+json, application/json;q=0.9";

/**
 * An async iterator over the answers to a request: the `result`, and the `response` that it came in.
 * Its `return()` ends the request at once.
 */
export function execute(request, headers) {
  const controller = new AbortController();
  const answers = receive(request, headers, controller.signal);
  return {
    [Symbol.asyncIterator]() { return this; },
    next: () => answers.next(),
    return() {
      controller.abort();  // A generator that awaits an event would see its return() after that event.
      return answers.return();
    },
  };
}

async function* receive(request, headers, signal) {
  const isSubscription = operationOf(request)?.type === "subscription";
  try {
    const response = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: isSubscription ? "text/event-stream" : ONE_ANSWER, ...headers },
      body: JSON.stringify(request),
      signal: isSubscription ? signal : AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    if (response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      for await (const result of resultsIn(response.body)) yield { response, result };
    } else {
      yield { response, result: asResult(await response.text()) };
    }
  } catch (error) {
    if (!signal.aborted) yield { result: failure(`There is no answer, or no more of it. ${error.message}`) };
  }
}

const failure = (message) => ({ errors: [{ message }] });

/** A proxy's page, say, is no JSON: it is shown as the text that it is. */
function asResult(text) {
  try { return JSON.parse(text); } catch { return failure(text || "The answer is empty."); }
}

/** The results in an event stream, until its event `complete`. Lines end in \n, \r\n or \r. */
async function* resultsIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const blocks = (rest + chunk.value).split(/\r\n\r\n|\n\n|\r\r/);
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r\n|\n|\r/);
      const valuesOf = (field) => lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).trim());
      const [event] = valuesOf("event");
      if (event === "complete") return;
      if (event === "next") yield JSON.parse(valuesOf("data").join("\n"));
    }
  }
  throw new Error("The stream ended before the operation was complete.");
}
