// Runs the README's snippet (on standard input) against a server that is away for 30 attempts, with
// a second as a millisecond; prints the versions seen, the attempts and the longest wait.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createClient } from "graphql-ws";
import WebSocket, { WebSocketServer } from "ws";

const wait = globalThis.setTimeout;
let longest = 0;
globalThis.setTimeout = (then, ms, ...rest) => {
  longest = Math.max(longest, ms);
  return wait(then, ms / 1000, ...rest);
};
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
      const version = payload.variables.afterVersion + 1;
      socket.send(JSON.stringify({ type: "next", id, payload: { data: { teamChanges: { version } } } }));
      socket.close(1012);
    });
  });
}

const snippet = readFileSync(0, "utf8");
const patched = (options) => createClient({ ...options, url: `ws://127.0.0.1:${port}`, webSocketImpl: Counting });
const resuming = new Function("createClient", `${snippet}; return resuming;`)(patched);
const versions = [];
const end = (failure) => {
  console.log(JSON.stringify({ versions, attempts, longest, failure }));
  process.exit(0);
};
resuming.subscribe({ query: "subscription { teamChanges { version } }", variables: { afterVersion: 2 } }, {
  next: (result) => versions.push(result.data.teamChanges.version) === 3 && end(null),
  error: (error) => end(String(error.message ?? error)),
  complete: () => end("complete"),
});
