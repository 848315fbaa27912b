/**
 * A client of Team Joiner without dependencies: requests, mutations that are sent again until they
 * are answered, and feeds that resume for ever. Its use is documented in team-joiner.d.ts.
 */

import { TeamJoinerError, answerTo, dataOf, socketResults, streamResults } from "./team-joiner-transport.js";

export { TeamJoinerError };

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export class TeamJoiner {
  constructor({ url = "/graphql", headers = () => ({}), socket = null } = {}) {
    Object.assign(this, { url, headers, socket });
  }

  async request(query, variables) {
    return dataOf(await answerTo({ query, variables }, this));
  }

  async mutate(mutation, input, { onWait } = {}) {
    return rootOf(await this.#untilAnswered({ query: mutation, variables: { input } }, onWait));
  }

  fetch = async (url, init) => {
    const body = JSON.parse(init.body ?? "{}");
    if (body.variables?.input) return Response.json(await this.#untilAnswered(body));
    return fetch(url, { ...init, headers: { ...init.headers, ...(await this.headers()) } });
  };

  follow(subscription, { load, onChange, onState }) {
    const sink = {
      next: (result) => onChange(rootOf(result)),
      error: (error) => onState?.({ name: "refused", error }),
      complete() {},
    };
    return this.subscribe({ query: subscription }, sink, { load, onState });
  }

  subscribe(payload, sink, { load, onState } = {}) {
    const stopped = new AbortController();
    this.#receive(payload, sink, stopped.signal, load, onState).then(() => sink.complete(), (error) => sink.error(error));
    return () => stopped.abort();
  }

  /** Receives the results of a subscription, resumed until it completes, is stopped or is refused. */
  async #receive({ query, variables: given }, sink, stopped, load, onState = () => {}) {
    const variables = { ...given };
    const resultsOf = this.socket ? socketResults : streamResults;
    for (let attempt = 0; !stopped.aborted; attempt += 1) {
      let isLive = false;
      const onOpen = () => {
        if (!isLive) onState({ name: "live" });
        isLive = true;
      };
      try {
        onState({ name: "loading" });
        if (load) variables.after ??= await load();
        for await (const result of resultsOf({ query, variables }, this, stopped, onOpen)) {
          const { cursor, version } = rootOf(result);
          if (cursor) variables.after = cursor;
          if (version) variables.afterVersion = version;
          attempt = 0;
          sink.next(result);
        }
        return;
      } catch (error) {
        if (stopped.aborted) return;
        // After CURSOR_EXPIRED, or an error in `load` or `onChange`, changes may be lost: the list is read again.
        const isLost = load && (error.code === "CURSOR_EXPIRED" || !(error instanceof TeamJoinerError));
        const isExpired = isLive && error.code === "TOKEN_EXPIRED";  // `headers` is asked for a new token.
        if (!isLost && !isExpired && !error.isTransient) throw error;
        if (isLost) variables.after = null;
        const retryInMs = pauseOf(attempt);
        onState({ name: "waiting", retryInMs, error });
        await pause(retryInMs);
      }
    }
  }

  /** The answer to a mutation, which is sent with the same `requestId` until it is answered. */
  async #untilAnswered(body, onWait = () => {}) {
    const input = { requestId: crypto.randomUUID(), ...body.variables.input };
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await answerTo({ ...body, variables: { ...body.variables, input } }, this);
      } catch (error) {
        if (!error.isTransient) throw error;
        onWait(error);
        await pause(pauseOf(attempt));
      }
    }
  }
}

/** The value of the only field. */
const rootOf = (result) => Object.values(dataOf(result))[0];

/** Doubles from half a second to 15 s; at most a fifth of it is random, so clients don't come back in step. */
const pauseOf = (attempt) => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (1 - Math.random() / 5);

/** Waits so long, or until the browser is online again. */
const pause = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
  globalThis.addEventListener?.("online", resolve, { signal: AbortSignal.timeout(ms) });  // Node has no such event.
});

const CHANGES = ["CapacityChanged", "ForeignChange", "HistoryGap", "TeamCreated", "TeamDeleted", "TeamRenamed", "UserJoinedTeam", "UserLeftTeam"];
const PROBLEMS = ["AlreadyOnTeam", "InvalidInput", "NotAllowed", "NotOnTeam", "TeamFull", "TeamNotFound", "UsersNotAdded", "VersionConflict"];
const SUCCESSES = [
  "CreateTeam", "UpdateTeam", "DeleteTeam", "AddUserToTeam", "AddUsersToTeam", "RemoveUserFromTeam",
  "MoveUserToTeam", "JoinTeam", "LeaveTeam", "SwitchTeam",
].map((mutation) => `${mutation}Success`);
const LISTS = ["Team", "User", "TeamChange", "AddUserOutcome"].flatMap((type) => [`${type}Connection`, `${type}Edge`]);
const WITHOUT_ID = ["PageInfo", "TeamSnapshot", ...LISTS, ...PROBLEMS, ...SUCCESSES];

export const possibleTypes = { Problem: PROBLEMS, TeamChange: CHANGES, Node: ["Team", "User", ...CHANGES] };

/**
 * An older answer about a team gets no key, so that it is not stored; `merge` puts a reference to the
 * newer in its place.
 */
export const typePolicies = {
  Team: {
    keyFields: ({ id, version }, { readField }) => !(readField("version", { __ref: `Team:${id}` }) > version) && `Team:${id}`,
    merge: (_, incoming, { isReference, toReference }) => (isReference(incoming) ? incoming : toReference(`Team:${incoming.id}`)),
  },
};

/** These types are stored with what holds them. */
export const keys = Object.fromEntries(WITHOUT_ID.map((type) => [type, () => null]));
