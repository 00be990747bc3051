/** The streams of one page: keeps them asked for over reconnects and pauses, and hands each message to its stream. */

import * as protocol from "./protocol.js";
import { StreamStore } from "./store.js";

const RETRY_MS = 5000;

/**
 * What all streams share. Events: `change` (something new to show), `refused` (the server said no; see `refusal`).
 */
class Stream extends EventTarget {
  /** @param {string} name */
  constructor(name) {
    super();
    this.name = name;
    /** @type {number|null} the server's number for what it sends, null while not subscribed */ this.group = null;
    /** @type {{code: number, message: string, temporary?: boolean}|null} */ this.refusal = null;
    this.asked = false;
  }

  tell(type) {
    this.dispatchEvent(new Event(type));
  }
}

/** A stream of series; its readings are in `store`. */
export class SeriesStream extends Stream {
  /** @param {string} name @param {protocol.SeriesRequest} request @param {number} windowS */
  constructor(name, request, windowS) {
    super(name);
    this.request = request;
    this.store = new StreamStore({
      windowS,
      intervalS: request.interval ?? 1,
      columns: request.aggregate?.length || 1,
    });
  }

  command(id) {
    return protocol.subscribe(id, this.name, { ...this.request, since: this.store.position });
  }

  resumption(id) {
    return protocol.update(id, this.name, {
      paused: false,
      since: this.store.position,
      backfill: this.request.backfill,
    });
  }

  /** @returns {boolean} whether there is something new to show */
  take(message) {
    if (message.type === "snapshot") this.store.snapshot(message);
    else if (message.type === "data") this.store.data(message);
    else if (message.type === "series") this.store.arrange(message);
    else if (message.type === "gap") this.store.gap(message);
    else return false;
    return message.type !== "gap";
  }

  acknowledge(message) {
    this.store.ack(message);
  }

  forget() {
    this.store.forget();
  }

  get newest() {
    return this.store.newest;
  }
}

/** A stream of a table's rows: the newest ones, whole. */
export class TableStream extends Stream {
  /** @param {string} name @param {protocol.TableRequest} request */
  constructor(name, request) {
    super(name);
    this.request = request;
    /** @type {string[]} */ this.columns = [];
    /** @type {any[][]} */ this.rows = [];
    /** How many rows pass the filter, with those past the limit; NaN while not told. */ this.matches = NaN;
    /** How many rows there are in all. */ this.total = NaN;
    /** Whether the rows answer the request as it is now, and not as it was before a change. */ this.current = false;
    this.newest = NaN;
  }

  command(id) {
    return protocol.table(id, this.name, this.request);
  }

  resumption(id) {
    return protocol.update(id, this.name, { paused: false });
  }

  take(message) {
    if (message.type !== "rows") return false;
    this.columns = message.columns;
    this.rows = message.rows;
    this.matches = message.matches ?? NaN;
    this.total = message.total ?? NaN;
    this.newest = message.time ?? NaN;
    this.current = true;
    return true;
  }

  acknowledge() {}

  forget() {
    this.columns = [];
    this.rows = [];
    this.matches = NaN;
    this.total = NaN;
    this.newest = NaN;
    this.current = false;
  }
}

export class Session {
  /**
   * @param {{send: (message: object) => void, later?: (action: () => void, ms: number) => any}} options
   *   `send` is only called between `opened` and `closed`
   */
  constructor({ send, later = (action, ms) => setTimeout(action, ms) }) {
    this.#send = send;
    this.#later = later;
  }

  #send;
  #later;
  #open = false;
  #paused = false;
  #id = 0;
  /** @type {string|undefined} */ #host;
  /** @type {Map<string, SeriesStream|TableStream>} */ #streams = new Map();
  /** @type {Map<number, {stream: SeriesStream|TableStream, type: string}>} */ #pending = new Map();

  get paused() {
    return this.#paused;
  }

  /** @returns {Iterable<SeriesStream|TableStream>} */
  get streams() {
    return this.#streams.values();
  }

  /** @param {string} name @param {protocol.SeriesRequest} request @param {{windowS: number}} options */
  subscribe(name, request, { windowS }) {
    const stream = new SeriesStream(name, request, windowS);
    this.#add(stream);
    return stream;
  }

  /** @param {string} name @param {protocol.TableRequest} request */
  table(name, request) {
    const stream = new TableStream(name, request);
    this.#add(stream);
    return stream;
  }

  /** Asks for other rows of the same table. @param {TableStream} stream @param {Partial<protocol.TableRequest>} changes */
  change(stream, changes) {
    stream.request = { ...stream.request, ...changes };
    stream.current = false;
    if (stream.asked) this.#again(stream);
    else if (this.#open && !this.#paused) this.#ask(stream); // the earlier request was refused
  }

  /** @param {SeriesStream|TableStream} stream */
  drop(stream) {
    if (this.#open && stream.asked) this.#command("unsubscribe", stream, (id) => protocol.unsubscribe(id, stream.name));
    this.#streams.delete(stream.name);
  }

  /** The server said welcome: asks for every stream, from where it stood. @param {{host?: string}} [welcome] */
  opened({ host } = {}) {
    this.#open = true;
    if (this.#host !== undefined && host !== this.#host) for (const stream of this.#streams.values()) stream.forget();
    this.#host = host;
    if (!this.#paused) for (const stream of this.#streams.values()) this.#ask(stream);
  }

  /** The connection is gone; groups and pending answers with it. */
  closed() {
    this.#open = false;
    this.#pending.clear();
    for (const stream of this.#streams.values()) {
      stream.group = null;
      stream.asked = false;
    }
  }

  /** Nobody looks: the server need not send. */
  pause() {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#open) return;
    for (const stream of this.#streams.values()) {
      if (stream.asked) this.#command("pause", stream, (id) => protocol.update(id, stream.name, { paused: true }));
    }
  }

  /** Somebody looks again: what was missed comes as a snapshot, then data goes on. */
  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#open) return;
    for (const stream of this.#streams.values()) {
      if (stream.asked) this.#command("resume", stream, (id) => stream.resumption(id));
      else this.#ask(stream);
    }
  }

  /** Hands a parsed message to the streams it concerns. */
  receive(message) {
    if (message.type === "ack") return this.#acknowledged(message);
    if (message.type === "error") return this.#refused(message);
    if (message.group === undefined) return undefined;
    for (const stream of this.#streams.values()) {
      if (stream.group === message.group && stream.take(message)) stream.tell("change");
    }
    return undefined;
  }

  #add(stream) {
    if (this.#streams.has(stream.name)) throw new Error(`there is a stream named ${stream.name} already`);
    this.#streams.set(stream.name, stream);
    if (this.#open && !this.#paused) this.#ask(stream);
  }

  #ask(stream) {
    stream.asked = true;
    this.#command("ask", stream, (id) => stream.command(id));
  }

  #again(stream) {
    if (!this.#open || !stream.asked) return;
    // What it asked before does not concern it any more, however late the answer comes.
    for (const pending of this.#pending.values()) if (pending.stream === stream) pending.type = "unsubscribe";
    this.#command("unsubscribe", stream, (id) => protocol.unsubscribe(id, stream.name));
    stream.group = null;
    this.#ask(stream);
  }

  #command(type, stream, build) {
    this.#id += 1;
    this.#pending.set(this.#id, { stream, type });
    this.#send(build(this.#id));
  }

  #acknowledged(message) {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (!pending || pending.type === "unsubscribe") return;
    const { stream } = pending;
    if (message.group !== undefined) stream.group = message.group;
    if (pending.type === "pause") return;
    stream.acknowledge(message);
    if (stream.refusal) {
      stream.refusal = null;
      stream.tell("change");
    }
  }

  #refused(message) {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // One that no stream asked for concerns the connection; whoever owns it hears the message too.
    if (!pending || pending.type === "unsubscribe" || pending.type === "pause") return;
    const { stream, type } = pending;
    if (type === "resume") {
      this.#again(stream);
      return;
    }
    stream.asked = false;
    stream.refusal = message;
    stream.tell("refused");
    if (message.temporary) {
      this.#later(() => {
        const wanted = this.#streams.get(stream.name) === stream && !stream.asked;
        if (wanted && this.#open && !this.#paused) this.#ask(stream);
      }, RETRY_MS);
    }
  }
}
