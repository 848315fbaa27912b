// Runs the recipe at argv[2]: Sue joins two teams, while others change more; prints what she was shown.
const { follow, join, watch } = await import(process.argv[2]);

let list, changed;
const shown = [];  // how many members each team has, as a page would have drawn it
watch((teams) => {
  if (!list) follow(teams.cursor);
  list = teams.edges.map(({ node }) => node);
  shown.push(Object.fromEntries(list.map(({ name, memberCount }) => [name, memberCount])));
  changed?.();
});
const until = async (holds) => { while (!holds(shown.at(-1))) await new Promise((resolve) => { changed = resolve; }); };

await until((teams) => teams);
const messages = [await join(list[0]), await join(list[1])];
await until(({ Blue, Red }) => Blue === 1 && Red === 0);
console.log("joined");
await until(({ White }) => White === 1);
console.log(JSON.stringify({ messages: messages.map((message) => message ?? null), shown, teams: shown.at(-1) }));
process.exit();
