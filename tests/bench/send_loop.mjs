// Sends the same text to every socket at an interval, by node's `ws`. Prints its port; ends with standard input.
import { createRequire } from "node:module";

const [, , modules, intervalMs, payloadBytes] = process.argv;
const { WebSocketServer } = createRequire(`${modules}/`)("ws");
const text = "x".repeat(Number(payloadBytes));
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096, perMessageDeflate: false });
server.on("listening", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();

setInterval(() => {
  for (const client of server.clients) client.send(text);
}, Number(intervalMs));
