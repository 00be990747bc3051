/** Brings what the server was told of each stream in step with what is wanted of it: asks, pauses, resumes, begins anew. */

import * as protocol from "./protocol.js";

const RETRY_MS = 5000;
/** Too many messages at once: the allowance comes back within a second. */
export const RETRY_SOON_MS = 1000;
export const RATE_LIMITED = 111;
const DUPLICATE = 105;
const LIMIT = 106;

/** @typedef {import("./stream.js").Stream} Stream */

export class Negotiation {
  /**
   * @param {{send: (message: object) => void, later: (action: () => void, ms: number) => any, nextId: () => number,
   *          streamOf: (name: string) => Stream|undefined}} parts streamOf: whose name that is now
   */
  constructor({ send, later, nextId, streamOf }) {
    this.#send = send;
    this.#later = later;
    this.#nextId = nextId;
    this.#streamOf = streamOf;
  }

  #send;
  #later;
  #nextId;
  #streamOf;
  #open = false;
  #connections = 0;
  /** Nobody looks at anything. */ paused = false;
  /** @type {Map<number, {stream: Stream, type: string, ticket: number}>} */ #pending = new Map();

  get open() {
    return this.#open;
  }

  /** A connection that knows of nothing yet. */
  begin() {
    this.#open = true;
    this.#connections += 1;
  }

  /** The connection is gone, and pending answers with it. */
  end() {
    this.#open = false;
    this.#pending.clear();
  }

  /**
   * Sends what is between what the server was told and what is wanted: at most one command, none where they agree.
   * The server takes commands in order, so what it was told holds before it has answered.
   *
   * @param {Stream} stream
   */
  reach(stream) {
    if (!this.#open || stream.resting || this.#streamOf(stream.name) !== stream) return;
    const wanted = (!this.paused || stream.awake) && !stream.held;
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

  /** Begins anew where it is not sure what holds. @param {Stream} stream */
  again(stream) {
    if (this.#streamOf(stream.name) !== stream) return;
    this.unsubscribe(stream);
    stream.unask();
    this.reach(stream);
  }

  /** Nobody wants it any more. @param {Stream} stream */
  unsubscribe(stream) {
    this.#disregard(stream);
    this.#command("unsubscribe", stream, (id) => protocol.unsubscribe(id, stream.name));
  }

  /** Says once more that it is not wanted, unless it is by now: then asking for it again says that it is there still. */
  #leave(stream) {
    const now = this.#streamOf(stream.name);
    if (!stream.asked && (now === undefined || now === stream)) this.unsubscribe(stream);
  }

  /** What it asked before does not concern it any more, however late the answer comes. */
  #disregard(stream) {
    for (const pending of this.#pending.values()) {
      if (pending.stream === stream && pending.type !== "unsubscribe") pending.type = "moot";
    }
  }

  #command(type, stream, build) {
    const id = this.#nextId();
    this.#pending.set(id, { stream, type, ticket: stream.ticket });
    this.#send(build(id));
  }

  /** The server's `ack`. */
  acknowledged(message) {
    if (message.id === undefined) return this.#moved(message);
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

  /** Unasked: the stream goes on at another pace, since its panel has one. */
  #moved(message) {
    const stream = this.#streamOf(message.stream);
    if (!stream?.asked || stream.group === null || message.paused) return;
    stream.group = message.group;
    stream.acknowledge(message, 0);
    stream.settle();
  }

  /** The server's `error`. */
  refused(message) {
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
      this.#afterwards(() => this.again(stream), RETRY_SOON_MS);
    } else if (asksLess || type !== "ask") {
      this.again(stream);
    } else {
      this.#giveUp(stream, message);
    }
  }

  /** The server does not send this stream any more: its panel went, or the token does not cover it. */
  #ended(message) {
    const stream = this.#streamOf(message.stream);
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
      this.reach(stream);
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
