/** Changes and refusals as sentences for people. */

const someone = (id) => id ?? "Somebody";
const placesOf = ({ capacity }) => capacity ?? "the default";

/** The sentence for a change; `nameOf` gives the name of a team. */
export function sentenceOf(change, nameOf) {
  const team = nameOf(change.teamId);
  const actor = someone(change.actorId);
  switch (change.__typename) {
    case "TeamCreated":
      return `${actor} created ${change.name}`;
    case "TeamRenamed":
      return `${actor} renamed ${team} to ${change.name}${change.setsCapacity ? ` and changed its places to ${placesOf(change)}` : ""}`;
    case "CapacityChanged":
      return `${actor} changed the places of ${team} to ${placesOf(change)}`;
    case "TeamDeleted":
      return `${actor} deleted ${team}`;
    case "UserJoinedTeam": {
      const from = change.fromTeamId && nameOf(change.fromTeamId);
      const is = change.user.id === change.actorId;
      if (from) return is ? `${actor} switched from ${from} to ${team}` : `${actor} moved ${change.user.id} from ${from} to ${team}`;
      return is ? `${actor} joined ${team}` : `${actor} added ${change.user.id} to ${team}`;
    }
    case "UserLeftTeam":
      if (change.toTeamId) return null;  // The same move is told by the team that was joined.
      return change.user.id === change.actorId ? `${actor} left ${team}` : `${actor} removed ${change.user.id} from ${team}`;
    case "HistoryGap":
      return `Nothing is known of versions ${change.fromVersion} to ${change.version} of ${team}`;
    default:
      return `Another program changed ${team}`;
  }
}
