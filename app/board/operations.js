/** The GraphQL operations that the board sends. */

const TEAM = "id name version capacity memberCount";

/** Pages of teams with their first members; the cost limit allows 50 teams with 50 members each. */
export const TEAMS = `query BoardTeams($after: String, $asOf: String) {
  teams(first: 50, after: $after, asOf: $asOf, orderBy: NAME_ASC) {
    cursor
    pageInfo { hasNextPage endCursor }
    edges { node { ${TEAM} members(first: 50) { pageInfo { hasNextPage endCursor } edges { node { id } } } } }
  }
}`;

export const TEAM_BY_ID = `query BoardTeam($id: ID!, $after: String) {
  team(id: $id) { ${TEAM} members(first: 50, after: $after) { pageInfo { hasNextPage endCursor } edges { node { id } } } }
}`;

const CHANGE = `__typename teamId version at actorId cursor
  ... on TeamCreated { name capacity }
  ... on TeamRenamed { name setsCapacity capacity }
  ... on CapacityChanged { capacity }
  ... on UserJoinedTeam { user { id } fromTeamId }
  ... on UserLeftTeam { user { id } toTeamId }
  ... on HistoryGap { fromVersion }`;

export const CHANGES = `subscription BoardChanges($after: String) { allTeamChanges(after: $after) { ${CHANGE} } }`;

export const EARLIER = `query BoardEarlier($before: String) {
  changes(last: 100, before: $before) { pageInfo { hasPreviousPage startCursor } edges { node { ${CHANGE} } } }
}`;

export const AS_OF = `query BoardAsOf($id: ID!, $version: Int!) {
  team(id: $id) { asOf(version: $version) { version name capacity } }
}`;

/** Where a user is and how the user came there; the newest change first. */
export const PLACE = `query BoardPlace($id: ID!) {
  user(id: $id) { team { id name } history(first: 20) { edges { node { ${CHANGE} team { name } } } } }
}`;

const ALREADY = "... on AlreadyOnTeam { currentTeam { id name } }";
const ELSEWHERE = "... on NotOnTeam { otherTeam { id name } }";
const CONFLICT = `... on VersionConflict { actualVersion team { ${TEAM} } }`;

const mutation = (name, success, ...refusals) => `mutation Board${name}($input: ${name}Input!) {
  ${name[0].toLowerCase()}${name.slice(1)}(input: $input) {
    __typename ... on ${name}Success { ${success} } ... on Problem { message } ${refusals.join(" ")}
  }
}`;

export const MUTATIONS = {
  createTeam: mutation("CreateTeam", `team { ${TEAM} }`),
  updateTeam: mutation("UpdateTeam", `team { ${TEAM} }`, CONFLICT),
  deleteTeam: mutation("DeleteTeam", "__typename", CONFLICT),
  joinTeam: mutation("JoinTeam", "team { version }", ALREADY),
  leaveTeam: mutation("LeaveTeam", "team { version }", ELSEWHERE),
  switchTeam: mutation("SwitchTeam", "toTeam { version }", ALREADY, ELSEWHERE),
  addUserToTeam: mutation("AddUserToTeam", "team { version }", ALREADY),
  removeUserFromTeam: mutation("RemoveUserFromTeam", "team { version }", ELSEWHERE),
  moveUserToTeam: mutation("MoveUserToTeam", "toTeam { version }", ALREADY, ELSEWHERE),
};
