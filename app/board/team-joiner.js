/**
 * A client of Team Joiner without dependencies: requests, mutations that are sent again until they
 * are answered, and a feed that resumes for ever and misses nothing. Types: team-joiner.d.ts.
 */

const JSON_TYPES = "application/graphql-response+json, application/json;q=0.9";
const ANSWER_WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** The service sends a comment at least every 15 s: after three times that the connection is dead. */
const SILENT_FOR_MS = 45_000;

/** The WebSocket close code for a token that has expired. */
const TOKEN_EXPIRED_CLOSE = 4440;

const TRANSIENT = new Set([
  "NO_ANSWER", "REQUEST_TIMEOUT", "CONTENTION", "DATABASE_UNAVAILABLE", "DATABASE_UNSAFE", "SERVER_ENDED", "RATE_LIMITED",
  "TOO_MANY_OPERATIONS", "TOO_MANY_CONNECTIONS", "TOO_MANY_SUBSCRIPTIONS", "AUTHENTICATION_UNAVAILABLE", "SUBSCRIBER_TOO_SLOW",
]);

/** An answer with `errors`, or none at all (then `code` is "NO_ANSWER"). */
export class TeamJoinerError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }

  /** Whether the same request may succeed later. */
  get isTransient() {
    return TRANSIENT.has(this.code);
  }
}

export class TeamJoiner {
  /**
   * `headers()` returns, or resolves to, the headers that sign a request in; it is called for each.
   * With `socket`, a client of `graphql-ws` with `retryAttempts: 0`, feeds use its WebSocket.
   */
  constructor({ url = "/graphql", headers = () => ({}), socket = null } = {}) {
    Object.assign(this, { url, headers, socket });
  }

  /** The `data` of a query or mutation. Throws `TeamJoinerError`. */
  async request(query, variables = {}, headers = undefined) {
    return dataOf(await this.#answer({ query, variables }, headers));
  }

  /**
   * The result of a mutation with one root field and one variable, `$input`. It is sent with a
   * `requestId`, and again with the same one until an answer comes: it is carried out once.
   */
  async mutate(mutation, input, options) {
    return Object.values(dataOf(await this.#untilAnswered({ query: mutation, variables: { input } }, options)))[0];
  }

  /** The option `fetch` of other clients: adds the headers, and sends mutations with `$input` as `mutate` does. */
  fetch = async (url, init) => {
    const body = JSON.parse(init.body ?? "{}");
    if (body.variables?.input) return Response.json(await this.#untilAnswered(body));
    return fetch(url, { ...init, headers: { ...init.headers, ...(await this.headers()) } });
  };

  /**
   * Follows a subscription for ever, and returns the function that ends it. The parameters are those
   * of a `graphql-ws` client. It resumes by the variables `$after` and `$afterVersion`, from the
   * `cursor` and `version` received last.
   */
  subscribe({ query, variables }, sink) {
    const stopped = new AbortController();
    (async () => {
      for await (const result of this.#results(query, variables, stopped.signal)) sink.next(result);
    })().then(() => sink.complete(), (error) => sink.error(error));
    return () => stopped.abort();
  }

  /**
   * Follows a list with the subscription to its changes, and returns the function that ends it.
   *
   * `load()` reads the list and returns its `cursor`; every change after it goes to `onChange`, each
   * once. It is called again after the service has refused a cursor. `onState` gets
   * `{ name: "live" | "loading" | "waiting" | "refused", retryInMs, error }`.
   */
  follow(subscription, { load, onChange, onState = () => {} }) {
    const stopped = new AbortController();
    this.#followUntil(stopped.signal, subscription, load, onChange, onState);
    return () => stopped.abort();
  }

  async #followUntil(signal, subscription, load, onChange, onState) {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        onState({ name: "loading" });
        const after = await load();
        for await (const result of this.#results(subscription, { after }, signal, onState)) {
          attempt = 0;
          onChange(Object.values(result.data)[0]);
        }
        return;
      } catch (error) {
        // After CURSOR_EXPIRED, or an error in `load` or `onChange`, changes may be lost: read the list again.
        if (error instanceof TeamJoinerError && !error.isTransient && error.code !== "CURSOR_EXPIRED") return onState({ name: "refused", error });
        await waiting(attempt, error, signal, onState);
      }
    }
  }

  /** The results of a subscription, resumed until it completes, is aborted or is refused. */
  async *#results(query, given, signal, onState = () => {}) {
    const variables = { ...given };
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      let isLive = false;
      const onOpen = () => {
        if (!isLive) onState({ name: "live" });
        isLive = true;
      };
      try {
        for await (const result of (this.socket ? this.#socketEvents : this.#streamEvents).call(this, { query, variables }, signal, onOpen)) {
          const [event] = Object.values(dataOf(result));
          attempt = 0;
          if (event.cursor) variables.after = event.cursor;
          if (event.version) variables.afterVersion = event.version;
          yield result;
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!error.isTransient && !(isLive && error.code === "TOKEN_EXPIRED")) throw error;  // `headers` is asked for a new token.
        await waiting(attempt, error, signal, onState);
      }
      onState({ name: "loading" });
    }
  }

  /** The results that a subscription sends, as server-sent events (graphql-sse, distinct connections). */
  async *#streamEvents(payload, signal, onOpen) {
    const response = await this.#post(payload, { Accept: "text/event-stream", ...(await this.headers()) }, signal);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      dataOf(await response.json().catch(() => ({})));
      throw unanswered(`HTTP status ${response.status}`);
    }
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let chunk = await within(SILENT_FOR_MS, reader.read()); !chunk.done; chunk = await within(SILENT_FOR_MS, reader.read())) {
      const blocks = (rest + chunk.value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
        if (event.event === "next") yield JSON.parse(event.data);
        if (event.event === "complete") return;
      }
    }
    throw unanswered("the stream was cut");
  }

  /** The same over `graphql-ws`. A query beside it shows that the connection is alive: a feed may be silent for long. */
  async *#socketEvents(payload, signal, onOpen) {
    const results = this.socket.iterate(payload);
    const probe = () => within(SILENT_FOR_MS, this.socket.iterate({ query: "{ __typename }" }).next()).then(onOpen, () => this.socket.terminate());
    const beat = setInterval(probe, SILENT_FOR_MS);
    signal.addEventListener("abort", () => results.return(), { once: true });
    probe();
    try {
      yield* results;
    } catch (error) {
      if (Array.isArray(error)) throw asError(error[0]);
      // The reason of a rejected sign-in begins with the error code.
      const code = error.code === TOKEN_EXPIRED_CLOSE ? "TOKEN_EXPIRED" : /^[A-Z]+(_[A-Z]+)*(?=:)/.exec(error.reason)?.[0] ?? "NO_ANSWER";
      throw new TeamJoinerError(error.reason || error.message || "The connection is closed.", code);
    } finally {
      clearInterval(beat);
    }
  }

  /** The answer to a mutation, asked for until it comes. */
  async #untilAnswered(body, { headers, onWait = () => {} } = {}) {
    const input = { requestId: crypto.randomUUID(), ...body.variables.input };
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#answer({ ...body, variables: { ...body.variables, input } }, headers);
      } catch (error) {
        if (!error.isTransient) throw error;
        onWait(error);
        await pause(pauseOf(attempt));
      }
    }
  }

  /** An answer of the service. Throws what is transient. */
  async #answer(body, headers) {
    const response = await this.#post(body, { Accept: JSON_TYPES, ...(headers ?? (await this.headers())) }, AbortSignal.timeout(ANSWER_WITHIN_MS));
    const answer = await response.json().catch(() => { throw unanswered(`HTTP status ${response.status}`); });
    if (TRANSIENT.has(answer.errors?.[0]?.extensions?.code)) throw asError(answer.errors[0]);
    return answer;
  }

  async #post(body, headers, signal) {
    try {
      return await fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
        signal,
      });
    } catch (error) {
      throw unanswered(error.message);
    }
  }
}

const unanswered = (reason) => new TeamJoinerError(`There is no answer: ${reason}`, "NO_ANSWER");
const asError = ({ message, extensions }) => new TeamJoinerError(message, extensions?.code);

function dataOf({ data, errors }) {
  if (errors?.length) throw asError(errors[0]);
  return data;
}

/** Doubles from half a second to 15 s; at most a fifth of it is random, so clients don't come back in step. */
const pauseOf = (attempt) => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10)) * (1 - Math.random() / 5);

async function waiting(attempt, error, signal, onState) {
  const retryInMs = pauseOf(attempt);
  onState({ name: "waiting", retryInMs, error });
  await pause(retryInMs, signal);
}

/** Waits so long, or until the browser is online again. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    globalThis.addEventListener?.("online", done);  // Node has no such event.
    signal?.addEventListener("abort", done, { once: true });
  });
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(unanswered("the connection is silent")), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const CHANGES = ["CapacityChanged", "ForeignChange", "HistoryGap", "TeamCreated", "TeamDeleted", "TeamRenamed", "UserJoinedTeam", "UserLeftTeam"];

/** For Apollo Client's `InMemoryCache`. */
export const possibleTypes = {
  Problem: ["AlreadyOnTeam", "InvalidInput", "NotAllowed", "NotOnTeam", "TeamFull", "TeamNotFound", "UsersNotAdded", "VersionConflict"],
  TeamChange: CHANGES,
  Node: ["Team", "User", ...CHANGES],
};

/**
 * For Apollo Client: of two answers about a team the newer wins, in whatever order they arrive. An
 * older one gets no key, so that it is not stored; `merge` puts a reference to the newer in its place.
 */
export const typePolicies = {
  Team: {
    keyFields: ({ id, version }, { readField }) => !(readField("version", { __ref: `Team:${id}` }) > version) && `Team:${id}`,
    merge: (_, incoming, { isReference, toReference }) => (isReference(incoming) ? incoming : toReference(`Team:${incoming.id}`)),
  },
};

/** For urql's graphcache: types without an id are stored with what holds them. */
export const keys = Object.fromEntries(
  [
    "PageInfo", "TeamSnapshot", "AddUserOutcome", ...possibleTypes.Problem,
    ...["Team", "User", "TeamChange"].flatMap((type) => [`${type}Connection`, `${type}Edge`]),
    ...[
      "CreateTeam", "UpdateTeam", "DeleteTeam", "AddUserToTeam", "AddUsersToTeam", "RemoveUserFromTeam",
      "MoveUserToTeam", "JoinTeam", "LeaveTeam", "SwitchTeam",
    ].map((mutation) => `${mutation}Success`),
  ].map((type) => [type, () => null]),
);
