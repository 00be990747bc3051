/** A stream of series, or of a panel: its values are kept in `store`, and told tick by tick. */

import * as protocol from "./protocol.js";
import { StreamStore } from "./store.js";
import { Stream } from "./stream.js";
import { TickTeller } from "./tick_teller.js";

/** A past shorter than this is not asked for in parts any more. */
const BACKFILL_LEAST_S = 10;

/**
 * Iterates over ticks as programs read them: see `Tick`. Event, besides those of all streams: `series` when columns came
 * or went.
 */
export class SeriesStream extends Stream {
  /**
   * @param {string} name @param {protocol.SeriesRequest} request
   * @param {{windowS: number, clock: import("./clock.js").ServerClock, held?: boolean}} options windowS: how far back
   *   values are kept
   */
  constructor(name, request, { windowS, clock, held }) {
    super(name, { held });
    this.request = request;
    this.store = new StreamStore({
      windowS,
      intervalS: request.interval > 0 ? request.interval : 1, // the server says what is wrong with others
      columns: request.aggregate?.length || 1,
      clock,
    });
    this.#teller = new TickTeller({
      store: this.store,
      asked: request,
      pass: (part) => this.pass(part),
      miss: (gap) => this.miss(gap),
    });
  }

  /** Counts how often the past was wanted anew, and which of these the server has answered. */
  #pastsWanted = 0;
  #pastsGiven = 0;
  #teller;

  /** @returns {protocol.Series[]} one a column */
  get series() {
    return this.store.series;
  }

  /**
   * Asks for values at another pace, of another past or range. A faster pace and a longer past bring the past anew.
   *
   * @param {{interval?: number, windowS?: number, range?: number}} changes in seconds; range: of a panel, which decides
   *   about its lines
   */
  update({ interval, windowS, range }) {
    if (windowS !== undefined) this.session?.widen(this, windowS);
    if (range !== undefined) this.session?.range(this, range);
    if (interval !== undefined) this.session?.retune(this, { interval });
  }

  wantPast() {
    this.#pastsWanted += 1;
  }

  /** Whether the past is wanted anew, with what comes next. */
  get wantsPast() {
    return this.#pastsWanted > this.#pastsGiven;
  }

  get ticket() {
    return this.#pastsWanted;
  }

  get asks() {
    return `${this.request.interval} ${this.request.range} ${this.ticket}`;
  }

  /** The last tick that a loop was given, to go on from at another time with `since`; null before the first. */
  get position() {
    return this.#teller.position;
  }

  /** From where the server is to go on; not said where more than what was missed is wanted. */
  get #since() {
    return this.wantsPast ? null : (this.store.position ?? this.request.since);
  }

  command(id) {
    return protocol.subscribe(id, this.name, { ...this.request, since: this.#since });
  }

  resumption(id) {
    const { interval, backfill, range } = this.request;
    return protocol.update(id, this.name, { interval, range, paused: false, since: this.#since, backfill });
  }

  askLess() {
    const { backfill = 0 } = this.request;
    if (backfill === 0) return false;
    // All that was missed may be just as much.
    this.wantPast();
    this.request = { ...this.request, backfill: backfill < BACKFILL_LEAST_S ? 0 : Math.floor(backfill / 2) };
    return true;
  }

  introduce({ intervalS, shortestS }) {
    this.store.serverIntervalS = intervalS;
    if (/** @type {number} */ (this.request.interval) < shortestS) this.request = { ...this.request, interval: shortestS };
  }

  take(message) {
    const { store } = this;
    const series = store.series;
    const empty = store.ring.length > 0 && !series.length;
    if (message.type === "snapshot") store.snapshot(message);
    else if (message.type === "data") store.data(message);
    else if (message.type === "series") store.arrange(message);
    else if (message.type === "gap") store.gap(message);
    else return false;
    if (store.series !== series) this.dispatchEvent(new Event("series"));
    // A server that has just begun knows no programs yet, and sends nothing of their past with the first of them.
    if (empty && store.series.length && this.request.panel) this.session?.regain(this);
    if (this.awaited) this.#teller.tell(message);
    return message.type !== "gap";
  }

  acknowledge(message, ticket) {
    this.#pastsGiven = Math.max(this.#pastsGiven, ticket);
    this.#teller.recovered = message.recovered === true;
    this.store.ack(message);
  }

  interrupted(why) {
    this.store.interrupted(why);
  }

  forget() {
    this.store.forget();
    this.#teller.forget();
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
