/** One server as a page elsewhere sees it: one socket and one list of panels for all who name the same server and token. */

import { Backoff } from "../client/backoff.js";
import { Client } from "../client/client.js";
import { loadPanels } from "../http/panels.js";
import { eventsOf } from "./server_events.js";

/** Who is moved from one place of a page to another leaves and comes in the same breath. */
const LINGERS_MS = 50;

/** @type {Map<string, ServerPage>} */ const servers = new Map();

/**
 * The server for a server and a token, made if need be; `leave` gives it back.
 *
 * @param {string} src the address below which the server is, with a slash at its end @param {string} token
 */
export function enter(src, token) {
  const key = `${src} ${token}`;
  let server = servers.get(key);
  if (!server) {
    server = new ServerPage(src, token, () => servers.delete(key));
    servers.set(key, server);
  }
  server.users += 1;
  return server;
}

/** @param {ServerPage} server */
export function leave(server) {
  server.users -= 1;
  if (server.users === 0) setTimeout(() => server.users === 0 && server.close(), LINGERS_MS);
}

/** Events: `change`, when there is something new in `panels`, `failure` or the client's link. */
export class ServerPage extends EventTarget {
  /** How many use it. */
  users = 0;
  /** @type {(import("../charts/model/panel.js").Panel & {series: number})[]|null} null until they are known */ panels = null;
  /** @type {import("../http/panels.js").NoPanels|null} why they are not known */ failure = null;

  /** @param {string} src @param {string} token @param {() => void} closed */
  constructor(src, token, closed) {
    super();
    this.src = src;
    this.#token = token;
    this.#closed = closed;
    this.client = new Client(src, { token, autostart: false, binary: true });
    this.client.addEventListener("link", this.#linked);
    this.client.addEventListener("dashboards", this.#changed);
    document.addEventListener("visibilitychange", this.#looked);
    this.#looked();
    this.client.start();
    this.#load();
  }

  #token;
  #closed;
  #welcomes = 0;
  #over = false;
  #backoff = new Backoff();
  /** @type {any} */ #retry;
  /** How many have been made on this page: a stream's name is its owner's alone. */ #marks = 0;

  /** @type {import("./event_log.js").EventLog|null} */ #events = null;

  /** The events of the server; asked for once somebody wants to see them. */
  get events() {
    this.#events ??= eventsOf({ client: this.client, page: this.src, token: this.#token });
    return this.#events;
  }

  /** The end of the names of one user's streams. */
  mark() {
    this.#marks += 1;
    return `~${this.#marks}`;
  }

  /** Safe to call again. */
  close() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#retry);
    this.#events?.stop();
    document.removeEventListener("visibilitychange", this.#looked);
    this.client.removeEventListener("dashboards", this.#changed);
    this.client.removeEventListener("link", this.#linked);
    this.client.stop();
    this.#closed();
  }

  async #load() {
    clearTimeout(this.#retry);
    try {
      const panels = await loadPanels({ page: this.src, token: this.#token });
      if (this.#over) return;
      this.failure = null;
      this.#backoff.reset();
      if (textOf(panels) !== textOf(this.panels)) this.panels = panels;
    } catch (error) {
      if (this.#over) return;
      // Those that are known stay; the next return of the server is the next chance.
      if (!this.panels || error.final) this.failure = error;
      if (error.final && !this.panels) this.client.stop();
      else if (!this.panels) this.#retry = setTimeout(() => this.#load(), this.#backoff.next());
    }
    this.#tell();
  }

  #linked = () => {
    if (this.client.link === "open") {
      // The server may have come back with other panels.
      if (this.#welcomes && this.users) this.#load();
      this.#welcomes += 1;
    }
    this.#tell();
  };

  /** The server has other panels now. */
  #changed = () => {
    if (this.users) this.#load();
  };

  #looked = () => {
    if (document.hidden) {
      this.client.pause();
    } else {
      this.client.resume();
      this.client.hurry();
    }
  };

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** What a panel has now is no part of what it is. */
const textOf = (panels) => JSON.stringify(panels, (key, value) => (key === "series" ? undefined : value));
