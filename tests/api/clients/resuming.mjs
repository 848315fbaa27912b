// Follows a feed by the client module at argv[2], from a server that is away for 30 attempts, with a
// second as a millisecond; prints the versions seen, the attempts and the longest wait.
import { createServer } from "node:net";
import { createClient } from "graphql-ws";
import WebSocket, { WebSocketServer } from "ws";

const { TeamJoiner } = await import(process.argv[2]);
const wait = globalThis.setTimeout;
globalThis.setTimeout = (then, ms, ...rest) => wait(then, ms / 1000, ...rest);
const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

let attempts = 0;
class Counting extends WebSocket {
  constructor(...given) {
    super(...given);
    if (++attempts === 30) serve();
  }
}

// Sends one change after the version asked for, and breaks the connection.
function serve() {
  new WebSocketServer({ port, host: "127.0.0.1", handleProtocols: () => "graphql-transport-ws" }).on("connection", (socket) => {
    socket.on("message", (text) => {
      const { type, id, payload } = JSON.parse(text);
      if (type === "connection_init") socket.send('{"type": "connection_ack"}');
      if (type !== "subscribe") return;
      if (!payload.variables) return;  // a query that shows that the connection is alive
      const version = (payload.variables.afterVersion ?? 2) + 1;
      socket.send(JSON.stringify({ type: "next", id, payload: { data: { teamChanges: { version } } } }));
      socket.close(1012);
    });
  });
}

const socket = createClient({ url: `ws://127.0.0.1:${port}`, webSocketImpl: Counting, retryAttempts: 0 });
const versions = [];
const waits = [];
const end = (failure) => {
  console.log(JSON.stringify({ versions, attempts, longest: Math.max(...waits), failure }));
  process.exit(0);
};
new TeamJoiner({ socket }).follow("subscription { teamChanges { version } }", {
  load: async () => "a cursor",
  onChange: ({ version }) => versions.push(version) === 3 && end(null),
  onState({ name, retryInMs, error }) {
    if (name === "waiting") waits.push(retryInMs);
    if (name === "refused") end(error.message);
  },
});
