/** The board's model: the teams and their members, kept up to date by the feed. No DOM here. */

import { CHANGES, TEAM_BY_ID, TEAMS } from "./operations.js";

export class Teams extends EventTarget {
  /** Team id to `{ id, name, version, capacity, memberCount, members, more }`; `more` is a cursor or null. */
  all = new Map();
  /** The changes that arrived, oldest first. */
  changes = [];

  constructor(client) {
    super();
    this.client = client;
  }

  /** Reads all teams at one moment, and returns the cursor of that moment. */
  async load() {
    const read = new Map();
    let [cursor, after] = [null, null];
    do {
      const { teams } = await this.client.request(TEAMS, { after, asOf: cursor });
      for (const { node } of teams.edges) if (node) read.set(node.id, fromNode(node));  // null: a damaged team
      cursor ??= teams.cursor;
      after = teams.pageInfo.hasNextPage ? teams.pageInfo.endCursor : null;
      if (!this.all.size) this.#tell("reset", { teams: read });  // the first page is shown while others are read
    } while (after);
    this.all = read;
    this.#tell("reset", { teams: read, cursor });
    return cursor;
  }

  follow(onState) {
    return this.client.follow(CHANGES, { load: () => this.load(), onChange: (change) => this.apply(change), onState });
  }

  /** Applies a change; one that the list has shown already changes nothing. */
  apply(change) {
    this.changes.push(change);
    const before = this.all.get(change.teamId);
    if (!before || change.version > before.version) this.#update(change, before);
    this.#tell("change", { change });
  }

  #update(change, team) {
    if (change.__typename === "TeamDeleted") {
      this.all.delete(change.teamId);
      return;
    }
    if (["ForeignChange", "HistoryGap"].includes(change.__typename) || (!team && change.__typename !== "TeamCreated")) {
      this.reload(change.teamId);  // Only the team itself says what it is now.
      return;
    }
    this.all.set(change.teamId, after(change, team));
    const from = change.fromTeamId && this.all.get(change.fromTeamId);
    // Both halves of a move were one step: whichever arrives first, the user is on one team.
    if (from) this.all.set(from.id, { ...from, members: from.members.filter((id) => id !== change.user.id) });
  }

  /** Reads one team again. */
  async reload(id) {
    const { team } = await this.client.request(TEAM_BY_ID, { id });
    const known = this.all.get(id);
    if (team && !(known?.version > team.version)) this.all.set(id, fromNode(team));
    if (!team) this.all.delete(id);
    this.#tell("team", { id });
  }

  /** Adds the next members of a large team. */
  async loadMore(id) {
    const shown = this.all.get(id);
    const { team } = await this.client.request(TEAM_BY_ID, { id, after: shown.more });
    const now = this.all.get(id);
    if (!team || !now) return;
    const { members, more } = fromNode(team);
    this.all.set(id, { ...now, members: [...new Set([...now.members, ...members])], more });
    this.#tell("team", { id });
  }

  /** The team that shows this user, as far as members are shown. */
  teamOf(userId) {
    for (const team of this.all.values()) if (team.members.includes(userId)) return team;
    return null;
  }

  /** How many users are shown on two teams: the promise of this service is that nobody ever is. */
  countTwice() {
    const seen = new Set();
    let twice = 0;
    for (const { members } of this.all.values()) for (const id of members) seen.has(id) ? (twice += 1) : seen.add(id);
    return twice;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const fromNode = ({ members, ...team }) => ({
  ...team,
  members: members.edges.map(({ node }) => node.id),
  more: members.pageInfo.hasNextPage ? members.pageInfo.endCursor : null,
});

/** A team after one of its changes. */
export function after(change, team) {
  const { version, teamId: id } = change;
  switch (change.__typename) {
    case "TeamCreated":
      return { id, name: change.name, capacity: change.capacity, version, memberCount: 0, members: [], more: null };
    case "TeamRenamed":
      return { ...team, version, name: change.name, capacity: change.setsCapacity ? change.capacity : team.capacity };
    case "CapacityChanged":
      return { ...team, version, capacity: change.capacity };
    case "UserJoinedTeam":
      return { ...team, version, memberCount: team.memberCount + 1, members: team.more ? team.members : [...team.members, change.user.id] };
    case "UserLeftTeam":
      return { ...team, version, memberCount: team.memberCount - 1, members: team.members.filter((id) => id !== change.user.id) };
    default:
      return team;
  }
}
