/** Joins the socket, the session and the server's clock of one page. */

import { ServerClock } from "./clock.js";
import { Session } from "./session.js";
import { Socket } from "./socket.js";

/** What is stamped as it is sent. */
const STAMPED = new Set(["data", "rows", "heartbeat"]);

/** The address of the WebSocket beside `page`, whatever prefix a proxy put before it. @param {string} page */
export function socketUrl(page) {
  const url = new URL("ws", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url;
}

/**
 * Not started yet: call `socket.start()`. The socket's `message` event still reports every message.
 *
 * @param {{page: string, token?: string, socket?: Socket, clock?: ServerClock}} options page: the server's address, with a slash at its end
 */
export function connect({ page, token = "", socket = new Socket(socketUrl(page), { token }), clock = new ServerClock() }) {
  const session = new Session({ send: (message) => socket.send(message), clock });
  socket.addEventListener("link", () => {
    if (socket.link !== "open") session.closed();
  });
  socket.addEventListener("message", (event) => {
    const message = /** @type {CustomEvent} */ (event).detail;
    if (message.type === "welcome") {
      clock.greeted(message.time);
      session.opened(message);
      return;
    }
    if (STAMPED.has(message.type)) clock.heard(message.time);
    session.receive(message);
  });
  return { socket, session, clock };
}
