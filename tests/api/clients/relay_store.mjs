// Relay's store with our schema: refetching, paging, appending, deleting, and a team beside a user of
// the same stored id. Takes a team's id and the stored id; prints what the store has after each step.
import relay, { graphql } from "relay-runtime";
import pageQuery from "./__generated__/storePageQuery.graphql.js";
import teamQuery from "./__generated__/storeTeamRefetchQuery.graphql.js";
import userQuery from "./__generated__/storeUserRefetchQuery.graphql.js";
import { environment } from "./relay.js";

const [teamId, stored] = process.argv.slice(2);
graphql`fragment store_team on Team @refetchable(queryName: "storeTeamRefetchQuery") { name }`;
graphql`fragment store_user on User @refetchable(queryName: "storeUserRefetchQuery") { team { id } }`;
graphql`fragment store_members on Team @refetchable(queryName: "storePageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
  members(first: $count, after: $cursor) @connection(key: "store_members") { edges { node { id } } } }`;
const START = graphql`query storeStartQuery($id: ID!, $stored: ID!) {
  teams(first: 100) @connection(key: "store_teams") { edges { node { id name } } }
  team(id: $id) { ...store_members ...store_team }
  marked: team(id: $stored) { ...store_team }
  user(id: $stored) { ...store_user } }`;
const CREATE = graphql`mutation storeCreateMutation($input: CreateTeamInput!, $connections: [ID!]!) {
  createTeam(input: $input) { ... on CreateTeamSuccess {
    teamEdge @appendEdge(connections: $connections) { cursor node { id name } } } } }`;
const DELETE = graphql`mutation storeDeleteMutation($input: DeleteTeamInput!, $connections: [ID!]!) {
  deleteTeam(input: $input) { ... on DeleteTeamSuccess { deletedTeamId @deleteEdge(connections: $connections) } } }`;
const ADD = graphql`mutation storeAddMutation($input: AddUserToTeamInput!, $connections: [ID!]!) {
  addUserToTeam(input: $input) { ... on AddUserToTeamSuccess {
    memberEdge @appendEdge(connections: $connections) { cursor node { id } } } } }`;
const REMOVE = graphql`mutation storeRemoveMutation($input: RemoveUserFromTeamInput!, $connections: [ID!]!) {
  removeUserFromTeam(input: $input) { ... on RemoveUserFromTeamSuccess {
    user { id @deleteEdge(connections: $connections) } } } }`;

const source = () => environment.getStore().getSource();
const idsIn = (connection) => source().get(connection).edges.__refs.map((edge) => source().get(edge).node.__ref);
const commit = (mutation, input, connection) => new Promise((onCompleted, onError) =>
  relay.commitMutation(environment, { mutation, variables: { input, connections: [connection] }, onCompleted, onError }));
const read = (query, variables) => relay.fetchQuery(environment, query, variables).toPromise();

await read(START, { id: teamId, stored });
const teams = relay.ConnectionHandler.getConnectionID("client:root", "store_teams");
const members = relay.ConnectionHandler.getConnectionID(teamId, "store_members");
const seen = { types: [`team(${stored})`, stored].map((id) => source().get(id).__typename) };
seen.firstPage = idsIn(members);
await read(pageQuery, { id: teamId, count: 2, cursor: source().get(source().get(members).pageInfo.__ref).endCursor });
seen.twoPages = idsIn(members);
await commit(ADD, { teamId, userId: "added" }, members);
seen.added = idsIn(members);
await commit(REMOVE, { teamId, userId: "added" }, members);
seen.removed = idsIn(members);
const before = idsIn(teams);
await commit(CREATE, { name: "Created" }, teams);
const [created] = idsIn(teams).filter((id) => !before.includes(id));
seen.created = source().get(created).name;
await commit(DELETE, { teamId: created, expectedVersion: 1 }, teams);
seen.isGone = idsIn(teams).join() === before.join();
seen.refetched = [await read(teamQuery, { id: `team(${stored})` }), await read(userQuery, { id: stored })].map(({ node }) => node.__id);
console.log(JSON.stringify(seen));
process.exit();
