/** What is asked of the server under one name: what the server was told of it, and who listens to what comes. */

import { RefusedError } from "./errors.js";
import { Feed } from "./feed.js";

/**
 * What all streams share. It is what `Client` hands out as a subscription: an EventTarget and an async iterable. Each
 * iterator has a bounded queue of its own. Leaving its last loop ends the subscription, as `close` does.
 *
 * Events: `change` (something new to show), `refused` (the server said no; see `refusal`), `state` whenever `state` is
 * another.
 */
export class Stream extends EventTarget {
  /**
   * @param {string} name @param {{held?: boolean, awake?: boolean}} [options] held: not asked for until it is released;
   *   awake: it goes on while nobody looks at the page
   */
  constructor(name, { held = false, awake = false } = {}) {
    super();
    this.name = name;
    /** @type {import("./session.js").Session|null} */ this.session = null;
    /** @type {any} what is asked for */ this.request = {};
    /** @type {number|null} the server's number for what it sends, null while not subscribed */ this.group = null;
    /** @type {{code: number, message: string, temporary?: boolean}|null} */ this.refusal = null;
    /** Nobody looks at this one: the server need not send it. */
    this.held = held;
    this.awake = awake;
    /** What the server was told so far over this connection, answered or not. */
    this.asked = false;
    this.askedToPause = false;
    /** @type {string} what `asks` was then */ this.askedFor = "";
    /** Refused, and not to be asked again before its time. */
    this.resting = false;
  }

  /** @type {Set<Feed<any>>} */ #feeds = new Set();
  /** @type {Feed<any>|null} that of the loop that is still to begin */ #first = null;
  #closed = false;
  #state = "connecting";

  /** @returns {"connecting"|"live"|"paused"|"refused"|"closed"} live: the server sends it */
  get state() {
    if (this.#closed) return "closed";
    if (this.refusal) return "refused";
    if (this.held || (this.session?.paused && !this.awake)) return "paused";
    return this.group === null ? "connecting" : "live";
  }

  /** Nobody looks at this stream: the server need not send it. */
  hold() {
    this.session?.hold(this);
  }

  /** Somebody looks again: what was missed comes first, then it goes on. */
  release() {
    this.session?.release(this);
  }

  /** Gives it back: nothing comes any more, and the iterators end. Safe to call again. */
  close() {
    this.session?.drop(this);
  }

  /**
   * What comes from now on. Leaving this iterator leaves the subscription as it is.
   *
   * @param {{itemsMax?: number, left?: () => void}} [options] itemsMax: how much may wait before the oldest is dropped
   */
  items({ itemsMax, left } = {}) {
    /** @type {Feed<any>} */
    const feed = new Feed({ itemsMax, ended: () => this.#feeds.delete(feed), left });
    if (this.#closed) feed.end();
    else this.#feeds.add(feed);
    if (this.refusal && !this.refusal.temporary) feed.end(new RefusedError(this.refusal));
    else if (this.session?.over) feed.end(this.session.over);
    return feed;
  }

  /** For a loop. Whoever leaves the last one gives the subscription back. */
  [Symbol.asyncIterator]() {
    const first = this.#first;
    this.#first = null;
    return first ?? this.items({ left: () => !this.awaited && this.close() });
  }

  /** Keeps what comes for the first loop, whenever that begins. */
  keep() {
    this.#first = this[Symbol.asyncIterator]();
    return this;
  }

  /** Whether anybody awaits what comes. */
  get awaited() {
    return this.#feeds.size > 0;
  }

  /** Hands what has come to those who await it. @param {import("./waiting.js").Part<any>} part */
  pass(part) {
    for (const feed of this.#feeds) feed.push(part);
  }

  /** Tells those who await it that some will not come. @param {import("./waiting.js").Gap} gap */
  miss(gap) {
    for (const feed of this.#feeds) feed.miss(gap);
  }

  /** @param {string} type */
  tell(type) {
    this.dispatchEvent(new Event(type));
    this.settle();
  }

  /** Tells of its state where that is another by now. */
  settle() {
    const { state } = this;
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event("state"));
  }

  /** The server will not have it. */
  refuse(refusal) {
    this.refusal = refusal;
    if (!refusal.temporary) this.end(new RefusedError(refusal));
    this.tell("refused");
  }

  /** @param {Error|null} [error] */
  end(error = null) {
    for (const feed of [...this.#feeds]) feed.end(error);
  }

  /** Its owner has given it back. */
  ended() {
    this.#closed = true;
    this.end();
    this.settle();
  }

  /** The connection is gone, and what the server was told with it. */
  unask() {
    this.group = null;
    this.asked = false;
    this.askedToPause = false;
    this.resting = false;
    this.settle();
  }

  /** What the server is to be told anew when it is another. @returns {string} */
  get asks() {
    return "";
  }

  /** What to remember until the answer comes. */
  get ticket() {
    return 0;
  }

  /** @param {number} _id @returns {object} */
  command(_id) {
    throw new Error("a stream of its own kind says what it asks for");
  }

  /** @param {number} id @returns {object} what makes the server go on with it */
  resumption(id) {
    return this.command(id);
  }

  /** Asks for less of the past. @returns {boolean} whether there was any less to ask for */
  askLess() {
    return false;
  }

  /** @param {any} _message @returns {boolean} whether there is something new to show */
  take(_message) {
    return false;
  }

  /** @param {any} _message @param {number} _ticket */
  acknowledge(_message, _ticket) {}

  /** The server said welcome. @param {{intervalS: number, shortestS: number, rowsMax: number}} _server */
  introduce(_server) {}

  /** @param {"paused"|"disconnected"} _why */
  interrupted(_why) {}

  /** Another source answers now: nothing of what was known is about it. */
  forget() {}
}
