/** What is asked of the server under one name, and what has come of it. */

import * as protocol from "./protocol.js";
import { staleAfterS } from "./status.js";
import { StreamStore } from "./store.js";

/** A past shorter than this is not asked for in parts any more. */
const BACKFILL_LEAST_S = 10;

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
    /** Nobody looks at this one: see `Session.hold`. */
    this.held = false;
    /** What the server was told so far over this connection, answered or not. */
    this.asked = false;
    this.askedToPause = false;
    /** @type {number|undefined} */ this.askedIntervalS = undefined;
    this.askedTicket = 0;
    /** Refused, and not to be asked again before its time. */
    this.resting = false;
  }

  tell(type) {
    this.dispatchEvent(new Event(type));
  }

  /** The connection is gone, and what the server was told with it. */
  unask() {
    this.group = null;
    this.asked = false;
    this.askedToPause = false;
    this.resting = false;
  }

  interrupted() {}

  /** Whether the past is wanted anew, with what comes next. */
  get wantsPast() {
    return false;
  }
}

/** A stream of series; its readings are in `store`. */
export class SeriesStream extends Stream {
  /**
   * @param {string} name @param {protocol.SeriesRequest} request
   * @param {{windowS: number, clock: import("./clock.js").ServerClock}} options
   */
  constructor(name, request, { windowS, clock }) {
    super(name);
    this.request = request;
    this.store = new StreamStore({
      windowS,
      intervalS: request.interval ?? 1,
      columns: request.aggregate?.length || 1,
      clock,
    });
  }

  /** Counts how often the past was wanted anew, and which of these the server has answered. */
  #pastsWanted = 0;
  #pastsGiven = 0;

  wantPast() {
    this.#pastsWanted += 1;
  }

  get wantsPast() {
    return this.#pastsWanted > this.#pastsGiven;
  }

  /** What to remember until the answer comes. */
  get ticket() {
    return this.#pastsWanted;
  }

  /** From where the server is to go on; not said where more than what was missed is wanted. */
  get #since() {
    return this.wantsPast ? null : this.store.position;
  }

  command(id) {
    return protocol.subscribe(id, this.name, { ...this.request, since: this.#since });
  }

  resumption(id) {
    const { interval, backfill } = this.request;
    return protocol.update(id, this.name, { interval, paused: false, since: this.#since, backfill });
  }

  /** Asks for less of the past. @returns {boolean} whether there was any less to ask for */
  askLess() {
    const { backfill = 0 } = this.request;
    if (backfill === 0) return false;
    // All that was missed may be just as much.
    this.wantPast();
    this.request = { ...this.request, backfill: backfill < BACKFILL_LEAST_S ? 0 : Math.floor(backfill / 2) };
    return true;
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

  acknowledge(message, ticket) {
    this.#pastsGiven = Math.max(this.#pastsGiven, ticket);
    this.store.ack(message);
  }

  interrupted(why) {
    this.store.interrupted(why);
  }

  forget() {
    this.store.forget();
  }

  get newest() {
    return this.store.newest;
  }

  get ageS() {
    return this.store.ageS;
  }

  get stale() {
    return this.store.stale;
  }
}

/** A table's rows come so often unless something else was asked for, in seconds. */
const ROWS_EVERY_S = 2;

/** A stream of a table's rows: the newest ones, whole. */
export class TableStream extends Stream {
  /** @param {string} name @param {protocol.TableRequest} request @param {{clock: import("./clock.js").ServerClock}} options */
  constructor(name, request, { clock }) {
    super(name);
    this.#clock = clock;
    this.request = request;
    /** @type {string[]} */ this.columns = [];
    /** @type {any[][]} */ this.rows = [];
    /** The most rows that the server grants. */ this.rowsMax = Infinity;
    /** How many rows pass the filter, with those past the limit; NaN while not told. */ this.matches = NaN;
    /** How many rows there are in all. */ this.total = NaN;
    /** Whether the rows answer the request as it is now, and not as it was before a change. */ this.current = false;
    /** The time of these rows, Unix ms on the server's clock. */ this.newest = NaN;
  }

  #clock;
  /** When they came, on the steady clock. */ #freshAt = NaN;
  /** Whether none have come since they were asked for. */ #first = true;

  /** How long ago the rows came, whatever their time says; NaN before the first. */
  get ageS() {
    return (this.#clock.steady() - this.#freshAt) / 1000;
  }

  /** Whether rows are overdue. */
  get stale() {
    return this.ageS > staleAfterS(this.request.interval ?? ROWS_EVERY_S);
  }

  unask() {
    super.unask();
    this.#first = true;
  }

  command(id) {
    const { limit } = this.request;
    return protocol.table(id, this.name, { ...this.request, limit: limit && Math.min(limit, this.rowsMax) });
  }

  resumption(id) {
    return protocol.update(id, this.name, { interval: this.request.interval, paused: false });
  }

  get ticket() {
    return 0;
  }

  askLess() {
    return false;
  }

  take(message) {
    if (message.type !== "rows") return false;
    this.columns = message.columns;
    this.rows = message.rows;
    this.matches = message.matches ?? NaN;
    this.total = message.total ?? NaN;
    this.newest = message.time ?? NaN;
    // The first may have been read for somebody else, a while ago.
    this.#freshAt = this.#first ? this.#clock.steadyAt(this.newest) : this.#clock.steady();
    this.#first = false;
    this.current = true;
    return true;
  }

  acknowledge() {}

  forget() {
    this.columns = [];
    this.rows = [];
    this.matches = NaN;
    this.total = NaN;
    this.newest = this.#freshAt = NaN;
    this.current = false;
  }
}
