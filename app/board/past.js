/** Any moment from the last 200 changes before the page was opened: the teams before each change. */

import { AS_OF, EARLIER } from "./operations.js";
import { after } from "./teams.js";

const STEP_EVERY_CHANGES = 100;
const EARLIER_PAGES = 2;  // of 100 changes each

export class Past {
  /** `steps[n]` is the board before change n times STEP_EVERY_CHANGES. Teams are never changed in place. */
  #steps;

  /** `teams` are those before the first of `changes`. */
  constructor(teams, changes = []) {
    this.#steps = [new Map(teams)];
    this.changes = changes;
    for (let count = STEP_EVERY_CHANGES; count <= changes.length; count += STEP_EVERY_CHANGES) this.#steps.push(this.at(count));
  }

  add(change, teams) {
    this.changes.push(change);
    if (this.changes.length % STEP_EVERY_CHANGES === 0) this.#steps.push(new Map(teams));
  }

  /** The teams after the first `count` changes, made by applying changes again. */
  at(count) {
    const step = Math.min(Math.floor(count / STEP_EVERY_CHANGES), this.#steps.length - 1);
    const teams = new Map(this.#steps[step]);
    for (const change of this.changes.slice(step * STEP_EVERY_CHANGES, count)) {
      const before = teams.get(change.teamId);
      if (before && change.version <= before.version) continue;
      if (change.__typename === "TeamDeleted") teams.delete(change.teamId);
      else if (before || change.__typename === "TeamCreated") teams.set(change.teamId, after(change, before));
    }
    return teams;
  }
}

/** The last changes that a list of teams read at `cursor` shows, and the teams before them. */
export async function readEarlier(client, listed, cursor) {
  const teams = new Map(listed);
  const changes = await changesBefore(client, cursor);
  let first = changes.length;
  for (; first > 0; first -= 1) {
    const { teamId } = changes[first - 1];
    const own = changes.slice(0, first - 1).filter((change) => change.teamId === teamId);
    const team = await undone(client, changes[first - 1], teams.get(teamId), own);
    if (team === undefined) break;  // Nothing is known of the time before.
    team ? teams.set(teamId, team) : teams.delete(teamId);
  }
  return { teams, changes: changes.slice(first) };
}

async function changesBefore(client, cursor) {
  const read = [];
  for (let page = 0; page < EARLIER_PAGES && cursor; page += 1) {
    const { changes: { edges, pageInfo } } = await client.request(EARLIER, { before: cursor });
    read.unshift(...edges.map(({ node }) => node));
    cursor = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
  }
  return read.slice(read.findLastIndex(({ __typename }) => ["ForeignChange", "HistoryGap"].includes(__typename)) + 1);
}

/** The team before a change: null if there was none, undefined if unknown. `own` are its earlier changes. */
async function undone(client, change, team, own) {
  const { __typename: kind, teamId: id, version } = change;
  if (team?.version !== (kind === "TeamDeleted" ? undefined : version)) return undefined;
  switch (kind) {
    case "TeamCreated":
      return null;
    case "UserJoinedTeam":
      return { ...team, version: version - 1, memberCount: team.memberCount - 1, members: team.members.filter((each) => each !== change.user.id) };
    case "UserLeftTeam":
      return { ...team, version: version - 1, memberCount: team.memberCount + 1, members: team.more ? team.members : [...team.members, change.user.id] };
  }
  // A new name, a new capacity and a deletion do not contain the value before; a deleted team can't be read.
  const now = team && (await client.request(AS_OF, { id, version: version - 1 })).team;
  if (now?.asOf) return { ...team, ...now.asOf };
  return own[0]?.__typename === "TeamCreated" ? own.reduce((known, each) => after(each, known), null) : undefined;
}
