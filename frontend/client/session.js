/** What is asked of one server: kept asked for over reconnects and pauses, each message handed to its stream. No I/O. */

import { ServerClock } from "./clock.js";
import { ClosedError } from "./errors.js";
import { EventStream } from "./event_stream.js";
import { Negotiation, RATE_LIMITED, RETRY_SOON_MS } from "./negotiation.js";
import { Questions } from "./questions.js";
import { SeriesStream } from "./series_stream.js";
import { TableStream } from "./table_stream.js";

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
    const nextId = () => (this.#id += 1);
    this.#negotiation = new Negotiation({ send, later, nextId, streamOf: (name) => this.#streams.get(name) });
  }

  #send;
  #clock;
  #later;
  #negotiation;
  #server = { intervalS: 0, shortestS: 0, rowsMax: Infinity };
  #id = 0;
  /** @type {string|undefined} what is meant where no host is named */ #source;
  /** @type {Map<string, Stream>} */ #streams = new Map();
  #questions = new Questions();
  /** @type {ClosedError|null} why there will be no connection; null while there may */ #over = null;

  get paused() {
    return this.#negotiation.paused;
  }

  /** Why there will be no connection, nor anything over it; null while there may be one. */
  get over() {
    return this.#over;
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
   * @param {string} name @param {import("./protocol.js").SeriesRequest} request
   * @param {{windowS: number, held?: boolean}} options held: not asked for until it is released
   */
  subscribe(name, request, { windowS, held = false }) {
    return this.#add(new SeriesStream(name, request, { windowS, held, clock: this.#clock }));
  }

  /** @param {string} name @param {import("./protocol.js").TableRequest} request @param {{held?: boolean}} [options] */
  table(name, request, { held = false } = {}) {
    return this.#add(new TableStream(name, request, { held, clock: this.#clock }));
  }

  /** @param {string} name @param {import("./protocol.js").EventsRequest} request @param {{awake?: boolean, resumes?: boolean}} [options] */
  events(name, request, { awake = false, resumes = false } = {}) {
    return this.#add(new EventStream(name, request, { awake, resumes }));
  }

  /**
   * Asks once, now or as soon as there is a connection. @param {(id: number) => object} build makes the command
   *
   * @returns {Promise<any>} the message that answers
   */
  ask(build) {
    if (this.#over) return Promise.reject(this.#over);
    this.#id += 1;
    const answer = this.#questions.ask(this.#id, build);
    if (this.#negotiation.open) this.#send(build(this.#id));
    return answer;
  }

  /** Asks for other rows of the same table. @param {TableStream} stream @param {Partial<import("./protocol.js").TableRequest>} changes */
  change(stream, changes) {
    stream.request = { ...stream.request, ...changes };
    stream.resting = false;
    stream.current = false;
    if (stream.asked) this.#negotiation.again(stream);
    else this.#negotiation.reach(stream);
  }

  /** Nobody looks at this stream: the server need not send it. @param {Stream} stream */
  hold(stream) {
    stream.held = true;
    this.#negotiation.reach(stream);
    stream.settle();
  }

  /** Somebody looks again: what was missed comes as a snapshot, then data goes on. @param {Stream} stream */
  release(stream) {
    stream.held = false;
    this.#negotiation.reach(stream);
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
    this.#negotiation.reach(stream);
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
    this.#negotiation.reach(stream);
  }

  /** Lets so much of the past decide which lines a panel has. @param {SeriesStream} stream @param {number} range seconds */
  range(stream, range) {
    // Other lines may be shown then, whose past is not here. Of a stream that it has, the server knows which are.
    if (range !== stream.request.range && !stream.asked) stream.wantPast();
    stream.request = { ...stream.request, range };
    this.#negotiation.reach(stream);
  }

  /** Asks for the past anew: lines have come that had none in what was sent of it. @param {SeriesStream} stream */
  regain(stream) {
    stream.wantPast();
    this.#negotiation.reach(stream);
  }

  /** @param {Stream} stream */
  drop(stream) {
    if (this.#streams.get(stream.name) !== stream) return;
    if (this.#negotiation.open && stream.asked) this.#negotiation.unsubscribe(stream);
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
    this.#negotiation.begin();
    this.#server = { intervalS: interval, shortestS, rowsMax: limits.table_rows ?? Infinity };
    const source = id ?? host;
    const other = this.#source !== undefined && source !== this.#source;
    this.#source = source;
    for (const stream of this.#streams.values()) {
      if (other) stream.forget();
      stream.introduce(this.#server);
      this.#negotiation.reach(stream);
    }
    for (const command of this.#questions.commands()) this.#send(command);
  }

  /** The server has other panels now: one that it refused may be among them. */
  panelsChanged() {
    for (const stream of this.#streams.values()) {
      if (stream.refusal && stream.request.panel !== undefined) this.#negotiation.reach(stream);
    }
  }

  /** There may be connections again. */
  started() {
    this.#over = null;
  }

  /** The connection is gone; groups and pending answers with it. */
  closed() {
    this.#negotiation.end();
    for (const stream of this.#streams.values()) {
      if (stream.asked && !stream.askedToPause) stream.interrupted("disconnected");
      stream.unask();
    }
  }

  /** There will be no other connection by itself. @param {ClosedError} error */
  stopped(error) {
    this.#over = error;
    this.#questions.fail(error);
    for (const stream of this.#streams.values()) stream.end(error);
  }

  /** Nobody looks at the page: the server need not send. */
  pause() {
    this.#negotiation.paused = true;
    this.#reachAll();
  }

  /** Somebody looks again. */
  resume() {
    this.#negotiation.paused = false;
    this.#reachAll();
  }

  /** Hands a parsed message to those it concerns. */
  receive(message) {
    if (message.type === "error" && message.code === RATE_LIMITED && this.#questions.has(message.id)) return this.#askLater(message.id);
    if (message.id !== undefined && this.#questions.receive(message)) return undefined;
    if (message.type === "ack") return this.#negotiation.acknowledged(message);
    if (message.type === "error") return this.#negotiation.refused(message);
    if (message.group === undefined) return undefined;
    for (const stream of this.#streams.values()) {
      if (stream.group === message.group && stream.take(message)) stream.tell("change");
    }
    return undefined;
  }

  /** It was not read: the server's allowance comes back within a second. @param {number} id */
  #askLater(id) {
    this.#later(() => {
      const command = this.#negotiation.open && this.#questions.command(id);
      if (command) this.#send(command);
    }, RETRY_SOON_MS);
  }

  /** @template {Stream} S @param {S} stream @returns {S} */
  #add(stream) {
    if (this.#streams.has(stream.name)) throw new Error(`there is a stream named ${stream.name} already`);
    stream.session = this;
    this.#streams.set(stream.name, stream);
    stream.introduce(this.#server);
    this.#negotiation.reach(stream);
    return stream;
  }

  #reachAll() {
    for (const stream of this.#streams.values()) {
      this.#negotiation.reach(stream);
      stream.settle();
    }
  }
}

export { SeriesStream, TableStream };
