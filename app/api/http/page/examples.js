/** The example operations, with the team that was last answered put into their variables. */

import { keep, kept } from "./page.js";

/** The title of an operation that came with a link. */
export const FROM_LINK = "From a link";

const TEAM = "TEAM_ID";
const PLACEHOLDER = `# In the variables, put a team's id in place of ${TEAM}.\n`;

const CONFLICT = `... on VersionConflict {
      message expectedVersion actualVersion team { id name version }
    }`;
const CHANGE = `__typename version at actorId
    ... on TeamCreated { name capacity }
    ... on TeamRenamed { name }
    ... on CapacityChanged { capacity }
    ... on UserJoinedTeam { user { id } fromTeamId }
    ... on UserLeftTeam { user { id } toTeamId }
    ... on HistoryGap { fromVersion }`;

const mutation = (field, selections, success = "replayed team { id name version memberCount }") => {
  const name = field[0].toUpperCase() + field.slice(1);
  const lines = [`... on ${name}Success { ${success} }`, ...selections, "... on Problem { message }"];
  return `mutation ${name}($input: ${name}Input!) {
  ${field}(input: $input) {
    __typename
    ${lines.join("\n    ")}
  }
}`;
};
const ALREADY = "... on AlreadyOnTeam { message currentTeam { id name } }";
const NOT_ON = "... on NotOnTeam { message otherTeam { id name } }";
const INVALID = "... on InvalidInput { field message }";

export const EXAMPLES = [
  { title: "Create a team", variables: { input: { name: "Team A", capacity: 10 } },
    query: mutation("createTeam", [INVALID]) },
  { title: "Join a team as myself", variables: { input: { teamId: TEAM } },
    query: mutation("joinTeam", [ALREADY]) },
  { title: "Leave a team as myself", variables: { input: { teamId: TEAM } },
    query: mutation("leaveTeam", [NOT_ON]) },
  { title: "Switch to another team as myself", variables: { input: { toTeamId: TEAM } },
    query: mutation("switchTeam", [ALREADY, CONFLICT], "fromTeam { id version } toTeam { id version }") },
  { title: "Add a user to a team", variables: { input: { teamId: TEAM, userId: "sue" } },
    query: mutation("addUserToTeam", [ALREADY, CONFLICT, "... on TeamFull { message capacity }", INVALID]) },
  { title: "Add a user, safe to repeat (requestId)", variables: { input: { teamId: TEAM, userId: "sue", requestId: "my-request-1" } },
    query: mutation("addUserToTeam", [ALREADY, INVALID]) },
  { title: "Add many users to a team", variables: { input: { teamId: TEAM, userIds: ["ann", "bob"] } },
    query: mutation("addUsersToTeam", [CONFLICT, INVALID], "team { id version } outcomes { edges { node { id } added problem { ... on Problem { message } } } }") },
  { title: "Remove a user from a team", variables: { input: { teamId: TEAM, userId: "sue" } },
    query: mutation("removeUserFromTeam", [NOT_ON, CONFLICT]) },
  { title: "Move a user to another team", variables: { input: { userId: "sue", toTeamId: TEAM } },
    query: mutation("moveUserToTeam", [ALREADY, CONFLICT], "fromTeam { id version } toTeam { id version }") },
  { title: "Rename a team at an expected version", variables: { input: { teamId: TEAM, expectedVersion: 1, name: "Team B" } },
    query: mutation("updateTeam", [CONFLICT, INVALID]) },
  { title: "Delete a team at an expected version", variables: { input: { teamId: TEAM, expectedVersion: 1 } },
    query: mutation("deleteTeam", [CONFLICT]) },
  { title: "Feed: the changes of a team", variables: { teamId: TEAM, afterVersion: 0 },
    query: `subscription TeamChanges($teamId: ID!, $afterVersion: Int) {
  teamChanges(teamId: $teamId, afterVersion: $afterVersion) {
    ${CHANGE}
  }
}` },
  { title: "Feed: the changes of all teams",
    query: `subscription AllTeamChanges($after: String) {
  allTeamChanges(after: $after) {
    teamId cursor ${CHANGE}
  }
}` },
  { title: "Feed: the team of a user", variables: { userId: "sue" },
    query: `subscription UserTeam($userId: ID!) {
  userTeam(userId: $userId) { id team { id name version } }
}` },
  { title: "List teams with members",
    query: `query Teams {
  teams(first: 10) {
    totalCount cursor  # the place from which allTeamChanges(after:) goes on
    edges { cursor node {
      id name version memberCount capacity
      members(first: 5) { edges { node { id } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}` },
  { title: "History of a team", variables: { id: TEAM },
    query: `query TeamHistory($id: ID!) {
  team(id: $id) { id name version history(first: 20, newestFirst: true) { edges { node {
    ${CHANGE}
  } } } }
}` },
  { title: "History of a user", variables: { id: "sue" },
    query: `query UserHistory($id: ID!) {
  user(id: $id) { id team { id name } history(first: 20) { edges { node {
    teamId ${CHANGE}
  } } } }
}` },
  { title: "Who am I",
    query: `query Viewer {
  viewer { id team { id name } }
}` },
];

/** The query and the variables of an example, or of a link, as text. */
export function textOf({ query, variables }) {
  if (typeof variables === "string") return { query, variables };
  const text = variables ? JSON.stringify(variables, null, 2) : "";
  if (!text.includes(TEAM)) return { query, variables: text };
  const team = kept("team");
  if (!team) return { query: PLACEHOLDER + query, variables: text };
  return { query, variables: text.replace(TEAM, team.id).replace('"expectedVersion": 1', `"expectedVersion": ${team.version}`) };
}

/** Remembers the team that a mutation answers. */
export function noteTeam({ data }) {
  for (const { team, toTeam } of Object.values(data ?? {}).filter(Boolean)) {
    const { id, version } = toTeam ?? team ?? {};
    if (typeof id === "string" && Number.isInteger(version)) keep("team", { id, version });
  }
}
