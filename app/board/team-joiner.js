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

const TRANSIENT = new Set([
  "NO_ANSWER", "REQUEST_TIMEOUT", "CONTENTION", "DATABASE_UNAVAILABLE", "DATABASE_UNSAFE", "SERVER_ENDED",
  "RATE_LIMITED", "TOO_MANY_OPERATIONS", "AUTHENTICATION_UNAVAILABLE",
]);
const SIGNED_OUT = new Set(["UNAUTHENTICATED", "TOKEN_EXPIRED"]);

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
  /** `headers()` says who the requests are sent as; it is asked for each of them. */
  constructor({ url = "/graphql", headers = () => ({}) } = {}) {
    this.url = url;
    this.headers = headers;
  }

  /** The `data` of a query or mutation. Throws `TeamJoinerError`. */
  async request(query, variables = {}, headers = this.headers()) {
    const response = await this.#post({ query, variables }, { Accept: JSON_TYPES, ...headers }, AbortSignal.timeout(ANSWER_WITHIN_MS));
    const answer = await response.json().catch(() => { throw unanswered(`HTTP status ${response.status}`); });
    if (answer.errors?.length) throw asError(answer.errors[0]);
    return answer.data;
  }

  /**
   * The result of a mutation with one root field and one variable, `$input`. It is sent with a
   * `requestId`, and again with the same one until an answer comes: it is carried out once.
   */
  async mutate(mutation, input, { headers, onWait = () => {} } = {}) {
    const variables = { input: { requestId: crypto.randomUUID(), ...input } };
    for (let attempt = 0; ; attempt += 1) {
      try {
        return Object.values(await this.request(mutation, variables, headers))[0];
      } catch (error) {
        if (!error.isTransient) throw error;
        onWait(error);
        await pause(attempt);
      }
    }
  }

  /**
   * Follows a subscription for ever and returns the function that ends it.
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
    let cursor = null;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        onState({ name: "loading" });
        cursor ??= await load();
        for await (const { data, errors } of this.#events(subscription, { after: cursor }, signal, () => onState({ name: "live" }))) {
          if (errors?.length) throw asError(errors[0]);
          const [change] = Object.values(data);
          ({ cursor } = change);
          attempt = 0;
          onChange(change);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (SIGNED_OUT.has(error.code)) return onState({ name: "refused", error });
        if (error.code === "CURSOR_EXPIRED") cursor = null;  // Changes may be lost: read the list again.
      }
      const retryInMs = pauseOf(attempt);
      onState({ name: "waiting", retryInMs });
      await pause(attempt, signal);
      attempt += 1;
    }
  }

  /** The results that a subscription sends, as server-sent events (graphql-sse, distinct connections). */
  async *#events(query, variables, signal, onOpen) {
    const response = await this.#post({ query, variables }, { Accept: "text/event-stream", ...this.headers() }, signal);
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      const answer = await response.json().catch(() => ({}));
      throw answer.errors ? asError(answer.errors[0]) : unanswered(`HTTP status ${response.status}`);
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

/** Doubles from half a second to 15 s; at most a fifth of it is random, so clients don't come back in step. */
const pauseOf = (attempt) => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10)) * (1 - Math.random() / 5);

/** Waits before the next attempt, or until the browser is online again. */
function pause(attempt, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      resolve();
    };
    const timer = setTimeout(done, pauseOf(attempt));
    globalThis.addEventListener?.("online", done);  // Node has no such event.
    signal?.addEventListener("abort", done, { once: true });
  });
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(unanswered("the connection is silent")), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** For Apollo Client's `InMemoryCache`. */
export const possibleTypes = {
  Problem: ["AlreadyOnTeam", "InvalidInput", "NotAllowed", "NotOnTeam", "TeamFull", "TeamNotFound", "UsersNotAdded", "VersionConflict"],
  TeamChange: ["CapacityChanged", "ForeignChange", "HistoryGap", "TeamCreated", "TeamDeleted", "TeamRenamed", "UserJoinedTeam", "UserLeftTeam"],
};

/** For Apollo Client: of two answers about a team the newer wins, in whatever order they arrive. */
export const typePolicies = {
  Team: {
    merge(existing, incoming, { readField, mergeObjects }) {
      const [old, now] = [existing, incoming].map((team) => team && readField("version", team));
      return old > now ? existing : mergeObjects(existing, incoming);
    },
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
