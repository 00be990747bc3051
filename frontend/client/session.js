/** What is asked of one server: kept asked for over reconnects and pauses, each message handed to its stream. No I/O. */

import { ServerClock } from "./clock.js";
import { ClosedError } from "./errors.js";
import { EventStream } from "./event_stream.js";
import * as protocol from "./protocol.js";
import { Questions } from "./questions.js";
import { SeriesStream } from "./series_stream.js";
import { TableStream } from "./table_stream.js";

const RETRY_MS = 5000;
/** Too many messages at once: the allowance comes back within a second. */
const RETRY_SOON_MS = 1000;
const RATE_LIMITED = 111;
const DUPLICATE = 105;
const LIMIT = 106;

/** @typedef {import("./stream.js").Stream} Stream */

export class Session {
  /**
   * @param {{send: (message: object) => void, clock?: ServerClock, later?: (action: () => void, ms: number) => any}} options
   *   `send` is only called between `opened` and `closed`
   */
  constructor({ send, clock = new ServerClock(), later = (action, ms) => setTimeout(action, ms) }) {
    this.#send = send;
    this.#clock = clock;
    this.#later = later;
  }

  #send;
  #clock;
  #later;
  #open = false;
  #paused = false;
  #connections = 0;
  #server = { intervalS: 0, shortestS: 0, rowsMax: Infinity };
  #id = 0;
  /** @type {string|undefined} what is meant where no host is named */ #source;
  /** @type {Map<string, Stream>} */ #streams = new Map();
  /** @type {Map<number, {stream: Stream, type: string, ticket: number}>} */ #pending = new Map();
  #questions = new Questions();

  get paused() {
    return this.#paused;
  }

  /** The shortest pause between two values that the server grants, in seconds; what is asked for keeps to it. */
  get shortestS() {
    return this.#server.shortestS;
  }

  /** @returns {Iterable<any>} */
  get streams() {
    return this.#streams.values();
  }

  /**
   * @param {string} name @param {protocol.SeriesRequest} request
   * @param {{windowS: number, held?: boolean}} options held: not asked for until it is released
   */
  subscribe(name, request, { windowS, held = false }) {
    return this.#add(new SeriesStream(name, request, { windowS, held, clock: this.#clock }));
  }

  /** @param {string} name @param {protocol.TableRequest} request @param {{held?: boolean}} [options] */
  table(name, request, { held = false } = {}) {
    return this.#add(new TableStream(name, request, { held, clock: this.#clock }));
  }

  /** @param {string} name @param {protocol.EventsRequest} request */
  events(name, request) {
    return this.#add(new EventStream(name, request));
  }

  /**
   * Asks once, now or as soon as there is a connection. @param {(id: number) => object} build makes the command
   *
   * @returns {Promise<any>} the message that answers
   */
  ask(build) {
    this.#id += 1;
    const answer = this.#questions.ask(this.#id, build);
    if (this.#open) this.#send(build(this.#id));
    return answer;
  }

  /** Asks for other rows of the same table. @param {TableStream} stream @param {Partial<protocol.TableRequest>} changes */
  change(stream, changes) {
    stream.request = { ...stream.request, ...changes };
    stream.resting = false;
    stream.current = false;
    if (stream.asked) this.#again(stream);
    else this.#reach(stream);
  }

  /** Nobody looks at this stream: the server need not send it. @param {Stream} stream */
  hold(stream) {
    stream.held = true;
    this.#reach(stream);
    stream.settle();
  }

  /** Somebody looks again: what was missed comes as a snapshot, then data goes on. @param {Stream} stream */
  release(stream) {
    stream.held = false;
    this.#reach(stream);
    stream.settle();
  }

  /**
   * Asks for values at another pace. Where it is faster, the past comes anew and finer.
   *
   * @param {SeriesStream|TableStream} stream @param {{interval: number}} changes in seconds
   */
  retune(stream, { interval: wanted }) {
    const interval = Math.max(wanted, this.shortestS);
    if (interval === stream.request.interval) return;
    if (stream instanceof SeriesStream && interval < (stream.request.interval ?? stream.store.intervalS)) stream.wantPast();
    stream.request = { ...stream.request, interval };
    this.#reach(stream);
  }

  /**
   * Keeps values of another span of time; where it is longer than ever, the older ones are asked for.
   *
   * @param {SeriesStream} stream @param {number} windowS
   */
  widen(stream, windowS) {
    if (windowS > stream.store.windowMaxS) stream.wantPast();
    stream.store.widen(windowS);
    stream.request = { ...stream.request, backfill: windowS };
    this.#reach(stream);
  }

  /** Lets so much of the past decide which lines a panel has. @param {SeriesStream} stream @param {number} range seconds */
  range(stream, range) {
    stream.request = { ...stream.request, range };
    this.#reach(stream);
  }

  /** @param {Stream} stream */
  drop(stream) {
    if (this.#streams.get(stream.name) !== stream) return;
    if (this.#open && stream.asked) this.#unsubscribe(stream);
    this.#streams.delete(stream.name);
    stream.ended();
    stream.unask();
  }

  /**
   * The server said welcome: asks for every stream, from where it stood.
   *
   * @param {{source?: string, host?: string, interval?: number, interval_min?: number, limits?: {table_rows?: number}}} [welcome] interval:
   *   how often the server reads, and the shortest that it grants, in seconds
   */
  opened({ source: id, host, interval = 0, interval_min: shortestS = 0, limits = {} } = {}) {
    this.#open = true;
    this.#connections += 1;
    this.#server = { intervalS: interval, shortestS, rowsMax: limits.table_rows ?? Infinity };
    const source = id ?? host;
    const other = this.#source !== undefined && source !== this.#source;
    this.#source = source;
    for (const stream of this.#streams.values()) {
      if (other) stream.forget();
      stream.introduce(this.#server);
      this.#reach(stream);
    }
    for (const command of this.#questions.commands()) this.#send(command);
  }

  /** The connection is gone; groups and pending answers with it. */
  closed() {
    this.#open = false;
    this.#pending.clear();
    for (const stream of this.#streams.values()) {
      if (stream.asked && !stream.askedToPause) stream.interrupted("disconnected");
      stream.unask();
    }
  }

  /** There will be no other connection by itself. @param {ClosedError} error */
  stopped(error) {
    this.#questions.fail(error);
    for (const stream of this.#streams.values()) stream.end(error);
  }

  /** Nobody looks at the page: the server need not send. */
  pause() {
    this.#paused = true;
    this.#reachAll();
  }

  /** Somebody looks again. */
  resume() {
    this.#paused = false;
    this.#reachAll();
  }

  /** Hands a parsed message to those it concerns. */
  receive(message) {
    if (message.id !== undefined && this.#questions.receive(message)) return undefined;
    if (message.type === "ack") return this.#acknowledged(message);
    if (message.type === "error") return this.#refused(message);
    if (message.group === undefined) return undefined;
    for (const stream of this.#streams.values()) {
      if (stream.group === message.group && stream.take(message)) stream.tell("change");
    }
    return undefined;
  }

  /** @template {Stream} S @param {S} stream @returns {S} */
  #add(stream) {
    if (this.#streams.has(stream.name)) throw new Error(`there is a stream named ${stream.name} already`);
    stream.session = this;
    this.#streams.set(stream.name, stream);
    stream.introduce(this.#server);
    this.#reach(stream);
    return stream;
  }

  #reachAll() {
    for (const stream of this.#streams.values()) {
      this.#reach(stream);
      stream.settle();
    }
  }

  /**
   * Sends what is between what the server was told and what is wanted: at most one command, none where they agree.
   * The server takes commands in order, so what it was told holds before it has answered.
   */
  #reach(stream) {
    if (!this.#open || stream.resting || this.#streams.get(stream.name) !== stream) return;
    const wanted = !this.#paused && !stream.held;
    if (!stream.asked) {
      if (wanted) this.#ask(stream);
    } else if (!wanted) {
      if (!stream.askedToPause) this.#pause(stream);
    } else if (stream.askedToPause || stream.askedFor !== stream.asks) {
      this.#resume(stream);
    }
  }

  #ask(stream) {
    stream.asked = true;
    this.#command("ask", stream, (id) => stream.command(id));
    this.#told(stream);
  }

  #resume(stream) {
    this.#command("resume", stream, (id) => stream.resumption(id));
    this.#told(stream);
  }

  #told(stream) {
    stream.askedToPause = false;
    stream.askedFor = stream.asks;
  }

  #pause(stream) {
    stream.askedToPause = true;
    stream.interrupted("paused");
    this.#command("pause", stream, (id) => protocol.update(id, stream.name, { paused: true }));
  }

  /** Begins anew where it is not sure what holds. */
  #again(stream) {
    if (this.#streams.get(stream.name) !== stream) return;
    this.#unsubscribe(stream);
    stream.unask();
    this.#reach(stream);
  }

  #unsubscribe(stream) {
    this.#disregard(stream);
    this.#command("unsubscribe", stream, (id) => protocol.unsubscribe(id, stream.name));
  }

  /** Says once more that it is not wanted, unless it is by now: then asking for it again says that it is there still. */
  #leave(stream) {
    const other = this.#streams.has(stream.name) && this.#streams.get(stream.name) !== stream;
    if (!stream.asked && !other) this.#unsubscribe(stream);
  }

  /** What it asked before does not concern it any more, however late the answer comes. */
  #disregard(stream) {
    for (const pending of this.#pending.values()) {
      if (pending.stream === stream && pending.type !== "unsubscribe") pending.type = "moot";
    }
  }

  #command(type, stream, build) {
    this.#id += 1;
    this.#pending.set(this.#id, { stream, type, ticket: stream.ticket });
    this.#send(build(this.#id));
  }

  #acknowledged(message) {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (!pending || pending.type === "unsubscribe" || pending.type === "moot") return;
    const { stream, type, ticket } = pending;
    if (message.group !== undefined) stream.group = message.group;
    if (type === "pause") {
      // What was under way when it was asked to pause has come.
      stream.interrupted("paused");
      return;
    }
    stream.acknowledge(message, ticket);
    const refused = stream.refusal !== null;
    stream.refusal = null;
    if (refused) stream.tell("change");
    stream.settle();
  }

  #refused(message) {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (!pending && message.stream !== undefined) this.#ended(message);
    // One that no stream asked for concerns the connection; whoever owns it hears the message too.
    if (!pending || pending.type === "moot") return;
    const { stream, type } = pending;
    const { code } = message;
    const tooMany = code === RATE_LIMITED;
    const asksLess = code === LIMIT && message.message?.startsWith("backfill") && stream.askLess();
    if (type === "unsubscribe") {
      if (tooMany) this.#afterwards(() => this.#leave(stream), RETRY_SOON_MS);
    } else if (code === DUPLICATE || tooMany) {
      // Whether an earlier command took it away is not sure either.
      this.#afterwards(() => this.#again(stream), RETRY_SOON_MS);
    } else if (asksLess || type !== "ask") {
      this.#again(stream);
    } else {
      this.#giveUp(stream, message);
    }
  }

  /** The server does not send this stream any more: its panel went, or the token does not cover it. */
  #ended(message) {
    const stream = this.#streams.get(message.stream);
    if (stream?.asked) this.#giveUp(stream, message);
  }

  #giveUp(stream, message) {
    this.#disregard(stream);
    stream.unask();
    stream.refuse(message);
    if (!message.temporary) return;
    stream.resting = true;
    this.#afterwards(() => {
      stream.resting = false;
      this.#reach(stream);
    }, RETRY_MS);
  }

  /** What concerns this connection alone: another begins anew. */
  #afterwards(action, ms) {
    const connection = this.#connections;
    this.#later(() => {
      if (this.#open && connection === this.#connections) action();
    }, ms);
  }
}

export { SeriesStream, TableStream };
