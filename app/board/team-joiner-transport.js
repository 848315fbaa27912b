/**
 * One exchange with the service: an answer over HTTP, or the results of a subscription as server-sent
 * events or over a WebSocket. Nothing is repeated here; every failure is a TeamJoinerError.
 */

const ANSWER_WITHIN_MS = 10_000;

/** The service sends a comment at least every 15 s: after three times that the connection is dead. */
const SILENT_FOR_MS = 45_000;

const TRANSIENT = new Set([
  "NO_ANSWER", "REQUEST_TIMEOUT", "CONTENTION", "DATABASE_UNAVAILABLE", "DATABASE_UNSAFE", "SERVER_ENDED", "RATE_LIMITED",
  "TOO_MANY_OPERATIONS", "TOO_MANY_CONNECTIONS", "TOO_MANY_SUBSCRIPTIONS", "AUTHENTICATION_UNAVAILABLE", "SUBSCRIBER_TOO_SLOW",
]);

export class TeamJoinerError extends Error {
  constructor(message, code) {
    super(message);
    Object.assign(this, { code, isTransient: TRANSIENT.has(code) });
  }
}

/** The `data` of an answer or result. */
export function dataOf({ data, errors }) {
  if (errors?.length) throw new TeamJoinerError(errors[0].message, errors[0].extensions?.code);
  return data;
}

/** The answer to a query or mutation; throws its error only if it is transient. */
export async function answerTo(body, client) {
  const answer = await jsonOf(await post(body, client, "application/graphql-response+json", AbortSignal.timeout(ANSWER_WITHIN_MS)));
  if (TRANSIENT.has(answer.errors?.[0]?.extensions?.code)) dataOf(answer);
  return answer;
}

/** The results of a subscription as server-sent events (graphql-sse, distinct connections). */
export async function* streamResults(payload, client, stopped, onOpen) {
  const response = await post(payload, client, "text/event-stream", stopped);
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) dataOf(await jsonOf(response));
  onOpen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = ""; ; ) {
      const silence = setTimeout(() => reader.cancel(), SILENT_FOR_MS);
      const { done, value } = await reader.read().catch(noAnswer).finally(() => clearTimeout(silence));
      if (done) noAnswer("the stream was cut");
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (type === "next") yield JSON.parse(data);
        if (type === "complete") return;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The same over `graphql-ws`. A query beside it shows that the connection is alive: a feed may be silent for long. */
export async function* socketResults(payload, { socket }, stopped, onOpen) {
  if (stopped.aborted) return;
  const results = socket.iterate(payload);
  const probe = () => {
    const silence = setTimeout(() => socket.terminate(), SILENT_FOR_MS);
    socket.iterate({ query: "{ __typename }" }).next().then(onOpen, () => {}).finally(() => clearTimeout(silence));
  };
  const beat = setInterval(probe, SILENT_FOR_MS);
  stopped.addEventListener("abort", () => results.return(), { once: true });
  probe();
  try {
    yield* results;
  } catch (error) {
    if (Array.isArray(error)) dataOf({ errors: error });
    const [code] = /^[A-Z_]+(?=:)/.exec(error.reason) ?? ["NO_ANSWER"];  // The reason begins with the error code.
    throw new TeamJoinerError(error.reason || error.message || "The connection is closed.", code);
  } finally {
    clearInterval(beat);
  }
}

async function post(body, { url, headers }, accept, signal) {
  const allHeaders = { "Content-Type": "application/json", Accept: accept, ...(await headers()) };
  return fetch(url, { method: "POST", headers: allHeaders, body: JSON.stringify(body), signal }).catch(noAnswer);
}

async function jsonOf(response) {
  const json = await response.json().catch(() => ({}));
  return json.data || json.errors ? json : noAnswer(`HTTP status ${response.status}`);
}

function noAnswer(reason) {
  throw new TeamJoinerError(`There is no answer: ${reason}`, "NO_ANSWER");
}
