// Runs published clients against the service at argv[2]; prints one JSON line for each.
import * as urql6 from "@urql/core";
import * as urql4 from "urql-core-4";
import { cacheExchange as graphcache } from "@urql/exchange-graphcache";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import relay from "relay-runtime";
import WebSocket from "ws";

const url = process.argv[2];
const headers = { "X-User-Id": "root", "X-User-Role": "admin" };
const QUERY = "query { viewer { id } }";
const CREATE = `mutation ($input: CreateTeamInput!) { createTeam(input: $input) {
  ... on CreateTeamSuccess { team { id version } } } }`;
const FEED = `subscription ($teamId: ID!) { teamChanges(teamId: $teamId, afterVersion: 0) { version } }`;
const REFUSED = `subscription { teamChanges(teamId: "000000000000000000000000") { version } }`;

// A team's feed from its creation: the first event proves the way there.
async function check(name, { query, mutate, subscribe }) {
  const line = { name };
  try {
    line.viewer = (await query(QUERY)).viewer.id;
    const { team } = (await mutate(CREATE, { input: { name } })).createTeam;
    line.created = team.version;
    if (subscribe) {
      line.changes = [];
      for await (const data of subscribe(FEED, { teamId: team.id })) {
        line.changes.push(data.teamChanges.version);
        if (line.changes.length === 2) break;
        await mutate(
          `mutation ($input: UpdateTeamInput!) { updateTeam(input: $input) { __typename } }`,
          { input: { teamId: team.id, name: "Renamed", expectedVersion: 1 } },
        );
      }
      line.refusal = "none";
      try {
        for await (const _ of subscribe(REFUSED, {}));
      } catch (error) {
        line.refusal = codeOf(error);
      }
    }
  } catch (error) {
    line.failure = String(error?.message ?? error?.[0]?.message ?? error);
  }
  console.log(JSON.stringify(line));
}

function codeOf(error) {
  const errors = [error].flat().flatMap((each) => each.graphQLErrors ?? each.errors ?? each);
  return errors[0]?.extensions?.code ?? String(error);
}

// What callbacks say, as an async iterator that ends the subscription when left.
async function* events(start) {
  const queue = [];
  let wake = () => {};
  const put = (event) => { queue.push(event); wake(); };
  const stop = start({
    next: (data) => put({ data }),
    error: (error) => put({ error }),
    complete: () => put({ done: true }),
  });
  try {
    for (;;) {
      while (!queue.length) await new Promise((resolve) => { wake = resolve; });
      const event = queue.shift();
      if (event.error) throw event.error;
      if (event.done) return;
      yield event.data;
    }
  } finally {
    stop();
  }
}

const answered = ({ data, errors, error }) => {
  if (error || errors?.length) throw error ?? errors;
  return data;
};

function urql({ Client, fetchExchange }, exchanges) {
  const client = new Client({
    url, fetchSubscriptions: true, preferGetMethod: false, fetchOptions: { headers },
    exchanges: [...exchanges, fetchExchange],
  });
  return {
    query: async (text) => answered(await client.query(text, {}).toPromise()),
    mutate: async (text, variables) => answered(await client.mutation(text, variables).toPromise()),
    subscribe: (text, variables) => events((sink) => client.subscription(text, variables).subscribe((result) => {
      try { const data = answered(result); if (data) sink.next(data); } catch (error) { sink.error(error); }
    }).unsubscribe),
  };
}

function apollo() {
  const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache() });
  return {
    query: async (text) => answered(await client.query({ query: gql(text) })),
    mutate: async (text, variables) => answered(await client.mutate({ mutation: gql(text), variables })),
    subscribe: (text, variables) => events((sink) => {
      const found = client.subscribe({ query: gql(text), variables }).subscribe({
        next: (result) => { try { sink.next(answered(result)); } catch (error) { sink.error(error); } },
        error: sink.error, complete: sink.complete,
      });
      return () => found.unsubscribe();
    }),
  };
}

const once = async (stream) => { for await (const data of stream) return data; };

function library(client) {
  const subscribe = (query, variables) => events((sink) => client.subscribe({ query, variables }, {
    next: (result) => { try { sink.next(answered(result)); } catch (error) { sink.error(error); } },
    error: sink.error, complete: sink.complete,
  }));
  const ask = (text, variables) => once(subscribe(text, variables));
  return { query: ask, mutate: ask, subscribe };
}

// Relay leaves the way to the server to its user: subscriptions go by `graphql-ws`, as in its guide.
function relayRuntime() {
  const { Environment, Network, RecordSource, Store, Observable } = relay;
  const socket = webSocket();
  const network = Network.create(
    ({ text }, variables) => Observable.from(
      fetch(url, {
        method: "POST", headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify({ query: text, variables }),
      }).then((response) => response.json()),
    ),
    ({ text }, variables) => Observable.create((sink) => socket.subscribe({ query: text, variables }, sink)),
  );
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  const execute = (operationKind, text, variables = {}) =>
    environment.getNetwork().execute({ text, name: "Asked", operationKind }, variables, {});
  const ask = (kind) => async (text, variables) => answered(await execute(kind, text, variables).toPromise());
  return {
    query: ask("query"),
    mutate: ask("mutation"),
    subscribe: (text, variables) => events((sink) => {
      const found = execute("subscription", text, variables).subscribe({
        next: (result) => { try { sink.next(answered(result)); } catch (error) { sink.error(error); } },
        error: sink.error, complete: sink.complete,
      });
      return () => found.unsubscribe();
    }),
  };
}

function webSocket() {
  return createWsClient({
    url: url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0,
  });
}

await check("urql 6", urql(urql6, []));
await check("urql 4", urql(urql4, []));
await check("urql graphcache", urql(urql6, [graphcache({})]));
await check("apollo", apollo());
await check("relay", relayRuntime());
await check("graphql-sse, distinct connections", library(createSseClient({ url, headers, retryAttempts: 0 })));
const single = createSseClient({ url, headers, singleConnection: true, retryAttempts: 0 });
await check("graphql-sse, single connection", library(single));
single.dispose();
await check("graphql-ws", library(webSocket()));
process.exit(0);
