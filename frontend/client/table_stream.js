/** A stream of a table's rows: the newest ones, whole. */

import * as protocol from "./protocol.js";
import { staleAfterS } from "./status.js";
import { Stream } from "./stream.js";

/** A table's rows come so often unless something else was asked for, in seconds. */
const ROWS_EVERY_S = 2;

/**
 * @typedef {{time: number, rows: Record<string, any>[], columns: string[], matches: number, total: number}} Rows
 *   time: Unix ms; rows: each by the names of the columns; matches: how many pass the filter, total: how many there are
 */

/** Iterates over `Rows`, the newest each time: whoever is slow misses older ones. */
export class TableStream extends Stream {
  /**
   * @param {string} name @param {protocol.TableRequest} request
   * @param {{clock: import("./clock.js").ServerClock, held?: boolean}} options
   */
  constructor(name, request, { clock, held }) {
    super(name, { held });
    this.#clock = clock;
    /** @type {protocol.TableRequest} */ this.request = request;
    /** @type {string[]} */ this.columns = [];
    /** @type {any[][]} */ this.rows = [];
    /** The most rows that the server grants. */ this.rowsMax = Infinity;
    /** How many rows pass the filter, with those past the limit; NaN while not told. */ this.matches = NaN;
    /** How many rows there are in all. */ this.total = NaN;
    /** How many rows do nothing and are left out. */ this.folded = 0;
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

  /** Asks for other rows of the same table. @param {Partial<protocol.TableRequest>} changes */
  update(changes) {
    this.session?.change(this, changes);
  }

  unask() {
    super.unask();
    this.#first = true;
  }

  introduce({ shortestS, rowsMax }) {
    this.rowsMax = rowsMax;
    if (/** @type {number} */ (this.request.interval) < shortestS) this.request = { ...this.request, interval: shortestS };
  }

  get asks() {
    return `${this.request.interval}`;
  }

  command(id) {
    const { limit } = this.request;
    return protocol.table(id, this.name, { ...this.request, limit: limit && Math.min(limit, this.rowsMax) });
  }

  resumption(id) {
    return protocol.update(id, this.name, { interval: this.request.interval, paused: false });
  }

  take(message) {
    if (message.type !== "rows") return false;
    this.columns = message.columns;
    this.rows = message.rows;
    this.matches = message.matches ?? NaN;
    this.total = message.total ?? NaN;
    this.folded = message.folded ?? 0;
    this.newest = message.time ?? NaN;
    // The first may have been read for somebody else, a while ago.
    this.#freshAt = this.#first ? this.#clock.steadyAt(this.newest) : this.#clock.steady();
    this.#first = false;
    this.current = true;
    if (this.awaited) this.#tell();
    return true;
  }

  #tell() {
    const { columns, rows, matches, total, newest: time } = this;
    const make = () => ({ time, rows: namedRows(columns, rows), columns, matches, total });
    this.pass({ count: 1, make, offsetOf: () => null });
  }

  /** @param {{itemsMax?: number, left?: () => void}} [options] */
  items({ itemsMax = 1, left } = {}) {
    return super.items({ itemsMax, left });
  }

  forget() {
    this.columns = [];
    this.rows = [];
    this.matches = NaN;
    this.total = NaN;
    this.newest = this.#freshAt = NaN;
    this.current = false;
  }
}

/** Each row by the names of its columns. @param {string[]} columns @param {any[][]} rows @returns {Record<string, any>[]} */
export function namedRows(columns, rows) {
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
}
