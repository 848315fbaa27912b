// Follows a feed by the client module at argv[2] and sends a mutation, against a server that resets connections;
// prints where each stream began, how many are left open, and the ids under which the mutation was sent.
import { createServer } from "node:http";

const { TeamJoiner } = await import(process.argv[2]);
const wait = globalThis.setTimeout;
globalThis.setTimeout = (then, ms, ...rest) => wait(then, ms / 20, ...rest);

const begins = [];
const sent = [];
let open = 0;
const server = createServer(async (request, response) => {
  const { query, variables } = JSON.parse((await request.setEncoding("utf8").toArray()).join(""));
  if (query === "mutation") {
    sent.push(variables.input.requestId);
    if (sent.length === 1) return request.socket.resetAndDestroy();
    return response.end(sent.length === 2 ? '{"message": "a proxy says this"}' : '{"data": {"joinTeam": {"message": null}}}');
  }
  begins.push(variables.after);
  open += 1;
  response.on("close", () => { open -= 1; }).writeHead(200, { "Content-Type": "text/event-stream" });
  const change = { cursor: `change ${begins.length}` };
  response.write(`: ping\n\nevent: next\ndata: ${JSON.stringify({ data: { allTeamChanges: change } })}\n\n`);
  if (begins.length === 1) wait(() => request.socket.resetAndDestroy(), 50);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const api = new TeamJoiner({ url: `http://127.0.0.1:${server.address().port}/graphql` });
await api.mutate("mutation", {});
let loads = 0;
await new Promise((resolve) => {
  api.follow("subscription", {
    load: async () => `list ${++loads}`,
    onChange({ cursor }) {
      if (cursor === "change 2") throw new Error("not shown");
      if (cursor === "change 3") resolve();
    },
  });
});
for (let tries = 0; open > 1 && tries < 200; tries += 1) await new Promise((resolve) => wait(resolve, 10));
console.log(JSON.stringify({ begins, open, sent }));
process.exit();
