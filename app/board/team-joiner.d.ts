/** Types and documentation of team-joiner.js. */

type Headers = Record<string, string>;
type Payload = { query: string; variables?: Record<string, unknown> | null };

export interface Options {
  /** Where the API is; "/graphql" by default. */
  url?: string;
  /** The headers that identify the viewer: `Authorization`, or `X-User-Id` in development mode. Called for each request. */
  headers?: () => Headers | Promise<Headers>;
  /** A client of `graphql-ws` with `retryAttempts: 0`, for feeds by WebSocket; otherwise they are server-sent events. */
  socket?: { iterate(payload: Payload): AsyncIterableIterator<object>; terminate(): void };
}

/** An answer with `errors`, or none at all (then `code` is "NO_ANSWER"). */
export class TeamJoinerError extends Error {
  constructor(message: string, code?: string);
  readonly code?: string;
  /** Whether the same request may succeed later. */
  readonly isTransient: boolean;
}

export type FeedState =
  | { name: "loading" }
  | { name: "live" }
  | { name: "waiting"; retryInMs: number; error: Error }
  | { name: "refused"; error: TeamJoinerError };

export interface Following<Change extends { cursor: string }> {
  /** Reads the list, and returns its `cursor`. Called again if the service refuses the cursor, or if `load` or `onChange` throws. */
  load: () => Promise<string>;
  /** Gets every change after the list, each once. */
  onChange: (change: Change) => void;
  onState?: (state: FeedState) => void;
}

export class TeamJoiner {
  constructor(options?: Options);
  /** The `data` of a query or mutation. Rejects with `TeamJoinerError`. */
  request<Data>(query: string, variables?: object): Promise<Data>;
  /**
   * The result of a mutation with one root field and one variable, `$input`. It is sent with a
   * `requestId`, and again with the same one until an answer comes: it is carried out once.
   */
  mutate<Result extends { __typename: string }>(
    mutation: string,
    input: object,
    options?: { onWait?: (error: TeamJoinerError) => void },
  ): Promise<Result>;
  /** The option `fetch` of other clients: adds the headers, and sends mutations with `$input` as `mutate` does. */
  readonly fetch: typeof globalThis.fetch;
  /**
   * Follows a subscription for ever, for `GraphQLWsLink` and other users of a `graphql-ws` client; returns
   * the function that ends it. It resumes by the variables `$after` and `$afterVersion`, from the `cursor`
   * and `version` received last.
   */
  subscribe<Result = unknown>(payload: Payload, sink: { next(result: Result): void; error(error: unknown): void; complete(): void }): () => void;
  /** Follows `subscription ($after: String) { allTeamChanges(after: $after) { cursor … } }`; returns the function that ends it. */
  follow<Change extends { cursor: string }>(subscription: string, following: Following<Change>): () => void;
}

/** For Apollo Client's `InMemoryCache`, where of two answers about a team the newer `version` wins. */
export const possibleTypes: Record<"Problem" | "TeamChange" | "Node", string[]>;
export const typePolicies: Record<string, object>;

/** For urql's graphcache. */
export const keys: Record<string, () => null>;
