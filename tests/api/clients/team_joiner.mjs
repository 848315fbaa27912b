// Lists the teams and follows their changes with the client module, until a team called "end" appears;
// prints each team's versions and the states, and the result of a mutation sent while the server is away.
import { pathToFileURL } from "node:url";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, modulePath, transport] = process.argv.slice(2);
const { TeamJoiner } = await import(pathToFileURL(modulePath));
const headers = async () => ({ "X-User-Id": "john", "X-User-Role": "admin" });
const socket = transport === "socket" ? createClient({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 }) : null;
const client = new TeamJoiner({ url, headers, socket });
const versions = {};
const states = [];
let created = null;

const stop = client.follow("subscription ($after: String) { allTeamChanges(after: $after) { __typename teamId version cursor ... on TeamCreated { name } } }", {
  async load() {
    const { teams } = await client.request("{ teams(first: 100) { cursor edges { node { id version } } } }");
    for (const { node } of teams.edges) versions[node.id] = [node.version];
    console.log(JSON.stringify({ loaded: true }));
    return teams.cursor;
  },
  onChange({ teamId, version, name }) {
    (versions[teamId] ??= []).push(version);
    if (name === "end") finish();
  },
  onState({ name }) {
    states.push(name);
    if (name === "waiting") created ??= client.mutate("mutation ($input: CreateTeamInput!) { createTeam(input: $input) { __typename ... on CreateTeamSuccess { team { id } } } }", { name: "made while away" });
  },
});

async function finish() {
  stop();
  console.log(JSON.stringify({ versions: Object.values(versions), states, created: (await created)?.__typename }));
  process.exit();
}
