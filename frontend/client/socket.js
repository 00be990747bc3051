/** The one WebSocket: connects, notices a dead line, comes back with patience, stays away when told to. */

import { Backoff } from "./backoff.js";
import { decode } from "./binary.js";
import { Comeback } from "./comeback.js";
import {
  BINARY_PROTOCOL,
  HELLO,
  JSON_PROTOCOL,
  TOKEN_EXPIRED,
  TOKEN_WANTED,
  closeWords,
  hello,
  parse,
  ping,
  refusalWords,
  staysAway,
} from "./protocol.js";
import { whyNoSocket } from "./probe.js";
import { Told } from "./told.js";

const WELCOME_WITHIN_MS = 10_000;
const SETTLED_AFTER_MS = 10_000;
const HEARTBEATS_MISSED = 2.5;
const CHECK_MS = 1000;
/** The two clocks part where the machine slept, over which few lines last, or where the one was set. */
const PARTED_MS = 5000;
const PROBED_WITHIN_MS = 5000;
const PROBE = "probe";
const NO_CONNECTION = "no connection could be made";

/** @typedef {"new"|"connecting"|"open"|"waiting"|"stopped"} Link */

/**
 * `link` is "new" (not started), "connecting", "open" (after the welcome), "waiting" (before the next try) or "stopped".
 * Where there is a token it is shown first: the welcome counts once the server has taken it.
 *
 * Events: `link` whenever that changes, `message` with the parsed message as `detail`.
 */
export class Socket extends EventTarget {
  /**
   * @param {string|URL} url
   * @param {{token?: string|(() => string|Promise<string>), binary?: boolean, backoff?: Backoff, WebSocket?: typeof globalThis.WebSocket, steady?: () => number,
   *          wall?: () => number, probe?: (url: string) => Promise<string>, knock?: (url: string) => Promise<boolean>}} [options]
   *          steady: a clock that is never set, ms; wall: one that is; probe: says why a try came to nothing, or nothing; knock: whether the server is there
   */
  constructor(url, { token = "", binary = false, backoff = new Backoff(), WebSocket = globalThis.WebSocket, steady = () => performance.now(), wall = Date.now, probe = whyNoSocket, knock } = {}) {
    super();
    this.#url = String(url);
    this.#source = token;
    this.#protocols = binary ? [BINARY_PROTOCOL, JSON_PROTOCOL] : [JSON_PROTOCOL];
    this.#comeback = new Comeback({ url: this.#url, connect: () => this.#connect(), backoff, steady, knock });
    this.#WebSocket = WebSocket;
    this.#now = steady;
    this.#wall = wall;
    this.#whyNoSocket = probe;
  }

  #url;
  /** The token, or what is asked for it. */ #source;
  /** Those that will do, the dearest first. */ #protocols;
  #comeback;
  #WebSocket;
  #now;
  #wall;
  /** How far one clock is before the other. */ #apart = NaN;
  #whyNoSocket;
  /** What that has found out last. */ #found = "";
  /** @type {WebSocket|null} */ #socket = null;
  #link = /** @type {Link} */ ("new");
  #why = "";
  #code = NaN;
  /** @type {{code: number, message: string}|null} what was wrong with the token */ #refusal = null;
  /** @type {any} the welcome that waits for the token to be taken */ #welcome = null;
  #taken = false;
  #heardAt = 0;
  #openedAt = 0;
  /** Since when it was silent when it was last asked whether it is there. */ #askedOf = NaN;
  #quietMs = WELCOME_WITHIN_MS;
  #nextMs = NaN;
  /** @type {any} */ #watch;

  get link() {
    return this.#link;
  }

  /** Why the line is down, in plain words. */
  get why() {
    return this.#why;
  }

  /** The error or close code for which it stays away; NaN while it does not. */
  get code() {
    return this.#code;
  }

  /** How long until the next try; NaN while none is due. */
  get retryInMs() {
    return this.#comeback.inMs;
  }

  /** Says whether somebody looks: a server that is away is looked for more often then. @param {boolean} yes */
  set watched(yes) {
    this.#comeback.watched = yes;
  }

  start() {
    if (this.#watch) return;
    this.#watch = setInterval(() => this.#check(), CHECK_MS);
    globalThis.addEventListener?.("online", this.#hurry);
    this.#connect();
  }

  stop() {
    clearInterval(this.#watch);
    this.#watch = undefined;
    globalThis.removeEventListener?.("online", this.#hurry);
    this.#forget(1000);
    this.#comeback.cancel();
    this.#turn("stopped", "");
  }

  /** Tries now instead of when it is due. */
  hurry() {
    if (this.#link !== "waiting" || !this.#watch) return;
    this.#comeback.cancel();
    this.#connect();
  }

  #hurry = () => this.hurry();

  /** @param {object} message dropped unless the link is open: the session asks again after the welcome */
  send(message) {
    if (this.#link === "open") this.#socket?.send(JSON.stringify(message));
  }

  #connect() {
    this.#nextMs = NaN;
    this.#quietMs = WELCOME_WITHIN_MS;
    this.#heardAt = this.#now();
    this.#refusal = this.#welcome = null;
    this.#taken = this.#source === "";
    this.#turn("connecting", this.#why);
    let socket;
    try {
      socket = new this.#WebSocket(this.#url, this.#protocols);
      socket.binaryType = "arraybuffer";
    } catch {
      const why = this.#WebSocket ? "a page that came over HTTPS can only read from a server with HTTPS" : "there is no WebSocket here: give one";
      this.#turn("stopped", why);
      return;
    }
    this.#socket = socket;
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#closed(event.code, event.reason);
    socket.onerror = () => {}; // `ws` ends the program where nobody listens; a close follows
  }

  #heard(data) {
    this.#heardAt = this.#now();
    const message = typeof data === "string" ? parse(data) : decode(data);
    if (message.type === "welcome") this.#greeted(message);
    else if (message.id === HELLO) this.#answered(message);
    else if (message.id !== PROBE) this.#tell(message);
  }

  #greeted(message) {
    if (this.#taken && !message.auth) {
      this.#open(message);
    } else if (this.#source) {
      this.#welcome = message.auth ? null : message;
      if (typeof this.#source === "string") this.#socket?.send(JSON.stringify(hello(this.#source)));
      else this.#introduce(this.#source);
    } else {
      this.#forget(1000);
      this.#stay(TOKEN_WANTED, "the server requires a token");
    }
  }

  /** @param {() => string|Promise<string>} source */
  async #introduce(source) {
    const socket = this.#socket;
    try {
      const token = await source();
      if (this.#socket === socket) socket?.send(JSON.stringify(hello(token)));
    } catch (error) {
      if (this.#socket !== socket) return;
      this.#forget(1000);
      this.#closed(1006, `no token: ${error.message}`);
    }
  }

  /** What the server says of the token. Where it needs none, it has said welcome already. */
  #answered(message) {
    if (message.type === "error" && message.temporary) {
      this.#forget(1000);
      this.#closed(1006, message.message);
    } else if (message.type === "error") {
      this.#refusal = message;
    } else {
      this.#taken = true;
      if (this.#welcome) this.#open(this.#welcome);
    }
  }

  #open(message) {
    this.#openedAt = this.#heardAt;
    this.#quietMs = HEARTBEATS_MISSED * 1000 * (message.heartbeat > 0 ? message.heartbeat : 10);
    this.#found = "";
    this.#comeback.opened();
    this.#turn("open", "");
    this.#tell(message);
  }

  #tell(message) {
    if (message.type === "bye") this.#nextMs = message.reconnect_after_ms ?? NaN;
    if (message.type === "error" && message.code === TOKEN_EXPIRED) this.#refusal = message;
    this.dispatchEvent(new Told("message", message));
  }

  #check() {
    const now = this.#now();
    this.#probe(now);
    if (this.#link === "open" && now - this.#openedAt > SETTLED_AFTER_MS) this.#comeback.settled();
    const up = this.#link === "open" || this.#link === "connecting";
    const quietMs = now - this.#heardAt;
    if (!up || quietMs <= this.#quietMs) {
      if (this.#link === "open" && quietMs > this.#quietMs / 2) this.#ask();
      return;
    }
    // Half-open: the close handshake would wait for the same dead line.
    this.#forget(4012);
    this.#closed(1006, "the server is silent");
  }

  /** After a sleep the line is asked whether it is still there. */
  #probe(now) {
    const apart = this.#wall() - now;
    const parted = Math.abs(apart - this.#apart) > PARTED_MS;
    this.#apart = apart;
    if (!parted || this.#link !== "open") return;
    this.#heardAt = Math.min(this.#heardAt, now - this.#quietMs + PROBED_WITHIN_MS);
    this.#askedOf = NaN;
    this.#ask();
  }

  /** Asks whether the line is still there, once a silence: a machine that was restarted knows nothing of it and says so. */
  #ask() {
    if (this.#askedOf === this.#heardAt) return;
    this.#askedOf = this.#heardAt;
    this.send(ping(PROBE));
  }

  #closed(code, reason) {
    this.#forget();
    // Whoever makes tokens can make another.
    const renews = typeof this.#source === "function" && this.#refusal?.code === TOKEN_EXPIRED;
    if (staysAway(code) && !renews) {
      this.#stay(this.#refusal?.code ?? code, this.#refusal ? refusalWords(this.#refusal) : closeWords(code, reason));
      return;
    }
    this.#comeback.wait(this.#nextMs);
    // 1006 is the browser's own word for a loss as for a try that came to nothing.
    const failed = code === 1006 && !reason && this.#link !== "open";
    const bare = failed ? this.#found || NO_CONNECTION : closeWords(1006);
    this.#turn("waiting", code === 1006 ? reason || bare : closeWords(code, reason));
    if (failed) this.#explain();
  }

  async #explain() {
    this.#found = await this.#whyNoSocket(this.#url);
    if (this.#link === "waiting") this.#turn("waiting", this.#found || NO_CONNECTION);
  }

  #stay(code, why) {
    this.#code = code;
    this.#turn("stopped", why);
  }

  #forget(code) {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    if (code && socket.readyState <= 1) socket.close(code === 1000 ? 1000 : code);
  }

  #turn(link, why) {
    if (link === this.#link && why === this.#why) return;
    this.#link = link;
    this.#why = why;
    this.dispatchEvent(new Event("link"));
  }
}
