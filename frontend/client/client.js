/** A client of one server: live values, tables, events and answers, over one WebSocket that comes back by itself. */

import { Backoff } from "./backoff.js";
import { ServerClock } from "./clock.js";
import { ClosedError, RefusedError } from "./errors.js";
import * as protocol from "./protocol.js";
import { Session } from "./session.js";
import { Socket } from "./socket.js";
import { Told } from "./told.js";

export { ClosedError, RefusedError };

/** What is stamped as it is sent. */
const STAMPED = new Set(["data", "rows", "heartbeat"]);
/** As far back as `store` keeps values, unless told. */
const WINDOW_S = 300;

/**
 * The address of the WebSocket of a server, whatever prefix a proxy puts before it.
 *
 * @param {string|URL} server `https://host/prefix/`, or the WebSocket's own address
 */
export function socketUrl(server) {
  const url = new URL(server);
  if (url.protocol === "ws:" || url.protocol === "wss:") return url;
  const socket = new URL("ws", url);
  socket.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  socket.search = socket.hash = "";
  return socket;
}

/**
 * Connects when something is first asked for, and stays connected until `close`. What is asked for before, between and
 * after connections is asked for again on each; streams go on from where they stood, and what is missing is told as a gap.
 *
 * Events: `link` whenever `link` or `why` is another; `welcome` with the server's message; `dashboards` when the server's
 * panels and playlists are others than before; `message` with each message.
 *
 * @example
 * const client = new Client("http://localhost:8321/");
 * for await (const tick of client.subscribe({ metrics: ["system.cpu.utilization"], interval: 1 })) {
 *   console.log(new Date(tick.time), tick.values);
 * }
 */
export class Client extends EventTarget {
  /**
   * @param {string|URL} url the server's address, with a slash at its end where it has a prefix
   * @param {{token?: string|(() => string|Promise<string>), WebSocket?: any, binary?: boolean, clock?: ServerClock, backoff?: Backoff,
   *          autostart?: boolean, probe?: (url: string) => Promise<string>, knock?: (url: string) => Promise<boolean>}} [options]
   *   token: a text, or a function that is asked before each connection, so that a token can be renewed; binary: asks for
   *   binary data, of a server that has it; WebSocket: the class to use where the platform has none (`ws` under Node); autostart: false waits for `start`
   */
  constructor(url, { token = "", WebSocket = globalThis.WebSocket, binary = false, clock = new ServerClock(), backoff = new Backoff(), autostart = true, probe, knock } = {}) {
    super();
    this.clock = clock;
    this.#autostart = autostart;
    this.#socket = new Socket(socketUrl(url), { token, binary, backoff, WebSocket, ...(probe && { probe }), ...(knock && { knock }) });
    this.#session = new Session({ send: (message) => this.#socket.send(message), clock });
    this.#socket.addEventListener("link", () => this.#linked());
    this.#socket.addEventListener("message", (event) => this.#heard(/** @type {Told<any>} */ (event).detail));
  }

  #autostart;
  #socket;
  #session;
  #names = 0;
  /** The server's name, once it has said welcome. */ host = "";
  /** What tells the server's panels and playlists from others; empty while it has not said. */ #dashboards = "";

  // --- the connection ----------------------------------------------------------------------------------------------

  /** @returns {import("./socket.js").Link} waiting: before the next try */
  get link() {
    return this.#socket.link;
  }

  /** Why the line is down, in plain words. */
  get why() {
    return this.#socket.why;
  }

  /** The error or close code for which it stays away; NaN while it does not. */
  get code() {
    return this.#socket.code;
  }

  /** How long until the next try; NaN while none is due. */
  get retryInMs() {
    return this.#socket.retryInMs;
  }

  /** Connects. Safe to call again. */
  start() {
    this.#socket.start();
  }

  /** Disconnects; `start` connects again. */
  stop() {
    this.#socket.stop();
  }

  /** Disconnects for good: subscriptions end, and what waits for an answer is rejected. */
  close() {
    for (const stream of [...this.#session.streams]) stream.close();
    this.#session.stopped(new ClosedError("the client was closed"));
    this.#socket.stop();
  }

  /** Tries now instead of when it is due. */
  hurry() {
    this.#socket.hurry();
  }

  /** Whether nothing is to be sent for now: see `pause`. */
  get paused() {
    return this.#session.paused;
  }

  /** Nobody looks: the server need not send anything, and where it is away it is looked for less often. */
  pause() {
    this.#socket.watched = false;
    this.#session.pause();
  }

  /** Somebody looks again. */
  resume() {
    this.#socket.watched = true;
    this.#session.resume();
  }

  /** The shortest pause between two values that the server grants, in seconds. */
  get shortestS() {
    return this.#session.shortestS;
  }

  /** All that is asked for now. @returns {Iterable<any>} */
  get streams() {
    return this.#session.streams;
  }

  #linked() {
    const { link, why, code } = this.#socket;
    if (link === "connecting") this.#session.started();
    if (link !== "open") this.#session.closed();
    // Whoever stopped it may start it again; a server that turns it away will do so again.
    if (link === "stopped" && why) this.#session.stopped(new ClosedError(why, code));
    this.dispatchEvent(new Event("link"));
  }

  #heard(message) {
    if (message.type === "welcome") this.#greeted(message);
    else {
      if (STAMPED.has(message.type)) this.clock.heard(message.time);
      if (message.type === "dashboards") this.#redecorated(message.revision);
      this.#session.receive(message);
    }
    this.dispatchEvent(new Told("message", message));
  }

  #greeted(message) {
    this.clock.greeted(message.time);
    this.host = message.host ?? "";
    this.#session.opened(message);
    this.dispatchEvent(new Told("welcome", message));
    this.#redecorated(message.dashboards ?? "");
  }

  /** @param {string} revision */
  #redecorated(revision) {
    const before = this.#dashboards;
    this.#dashboards = revision;
    if (!before || revision === before) return;
    this.#session.panelsChanged();
    this.dispatchEvent(new Event("dashboards"));
  }

  // --- what can be asked for ---------------------------------------------------------------------------------------

  /**
   * Subscribes to series, or to a panel, of which the server chooses the lines.
   *
   * @param {protocol.SeriesRequest} request `metrics` or `panel`; seconds for `interval`, `backfill` and `range`
   * @param {{name?: string, windowS?: number, held?: boolean}} [options] name: as the server is told it, of one's own
   *   unless told; windowS: how far back `store` keeps values; held: not asked for until it is released
   * @returns {import("./series_stream.js").SeriesStream} an async iterable of ticks
   */
  subscribe(request, { name = this.#nameOf("s"), windowS = request.backfill ?? WINDOW_S, held = false } = {}) {
    if ((request.metrics === undefined) === (request.panel === undefined)) throw new TypeError("give metrics or panel, and not both");
    return this.#begun(this.#session.subscribe(name, request, { windowS, held }));
  }

  /**
   * Subscribes to the rows of a table.
   *
   * @param {protocol.TableRequest} request @param {{name?: string, held?: boolean}} [options]
   * @returns {import("./table_stream.js").TableStream}
   */
  table(request, { name = this.#nameOf("t"), held = false } = {}) {
    return this.#begun(this.#session.table(name, request, { held }));
  }

  /**
   * Subscribes to events; a server that has none refuses.
   *
   * @param {protocol.EventsRequest} [request]
   * @param {{name?: string, awake?: boolean, resumes?: boolean}} [options] awake: they come also while nobody looks at the
   *   page; resumes: after a time without a connection only what is new comes, and not the whole backfill once more
   * @returns {import("./event_stream.js").EventStream}
   */
  events(request = {}, { name = this.#nameOf("e"), awake = false, resumes = false } = {}) {
    return this.#begun(this.#session.events(name, request, { awake, resumes }));
  }

  /**
   * Asks for values of the past.
   *
   * @param {protocol.QueryRequest} request times in Unix ms
   * @returns {Promise<any>} the server's `result`
   * @throws {RefusedError} with the server's words @throws {ClosedError}
   */
  query(request) {
    return this.#begun(this.#session.ask((id) => protocol.query(id, request)));
  }

  /**
   * Asks which series there are.
   *
   * @param {string[]} [metrics] patterns: `*` is one token, a final `>` one or more
   * @param {{host?: string}} [options]
   * @returns {Promise<protocol.Series[]>}
   * @throws {RefusedError} with the server's words @throws {ClosedError}
   */
  async list(metrics = [">"], { host } = {}) {
    const { series } = await this.#begun(this.#session.ask((id) => protocol.list(id, metrics, host)));
    return series;
  }

  #nameOf(kind) {
    this.#names += 1;
    return `${kind}${this.#names}`;
  }

  /** @template T @param {T} asked @returns {T} */
  #begun(asked) {
    if (this.#autostart && this.#socket.link === "new") this.#socket.start();
    return asked;
  }
}
