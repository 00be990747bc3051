/** Ticks as programs read them: each whole, its values by the keys of their series. */

import { seriesKey } from "./protocol.js";

/** What the numbers of a panel's level stand for. */
const LEVELS = ["", "warning", "critical"];

/** @typedef {import("./waiting.js").Gap} Gap */
/**
 * @typedef {import("./protocol.js").Series & {key: string, aggregate?: string}} Column
 *   key: `name{attribute="value"}`, and `max(…)` of that where there are several aggregates
 * @typedef {{label: string, value: number|null, unit: string, level: string|null}} Headline level: "" while it is good, null where there is none
 * @typedef {{key: string, label: string, direction: string, part: string, value: number|null}} Line
 */

/**
 * time: Unix ms; offset: null for older ticks of a backfill; values: by the keys of `series`; gap: what is missing right
 * before it. Of a panel also `headline` and `lines`.
 */
export class Tick {
  #series;

  /** @param {{time: number, offset: number|null, values: Record<string, number|null>, gap: Gap|null, headline?: Headline|null, lines?: Line[]}} told @param {Column[]} series */
  constructor(told, series) {
    Object.assign(this, told);
    this.#series = series;
  }

  /** What the values are of; the same list for all ticks that have the same. */
  get series() {
    return this.#series;
  }
}

/** @typedef {{aggregate?: string[], ratio_to?: unknown}} Asked what of a request says how its values are made */

/** What each column is. @param {import("./protocol.js").Series[]} series @param {Asked} [asked] @returns {Column[]} */
export function columnsOf(series, { aggregate: aggregates = [], ratio_to: divisor } = {}) {
  if (aggregates.length <= 1) return series.map((one) => ({ ...one, key: seriesKey(one) }));
  return series.flatMap((one) => {
    const key = seriesKey(one);
    const unitOf = (aggregate) => (divisor ? one.unit : unitOfOne(one.unit, aggregate));
    return aggregates.map((aggregate) => ({ ...one, unit: unitOf(aggregate), key: `${aggregate}(${key})`, aggregate }));
  });
}

/** The unit of one of several aggregates, of which the server says the metric's. @param {string} unit @param {string} aggregate */
function unitOfOne(unit, aggregate) {
  if (aggregate === "count") return "";
  return aggregate === "rate" && unit !== "{series}" ? `${unit}/s` : unit;
}

/** Columns, and how a row of them is told; made once for all ticks that have the same. */
export class Layout {
  /** @param {import("./protocol.js").Series[]} series @param {import("./protocol.js").PanelHead|null} panel @param {Asked} [asked] */
  constructor(series, panel, asked) {
    this.#of = series;
    this.#panel = panel;
    this.series = columnsOf(series, asked);
  }

  #of;
  #panel;

  /** Whether it is for these. */
  of(series, panel) {
    return this.#of === series && this.#panel === panel;
  }

  /**
   * @param {{time: number, offset: number|null, valueOf: (column: number) => number|null|undefined, gap: Gap|null}} row
   */
  tick({ time, offset, valueOf, gap }) {
    const { series } = this;
    const known = (column) => valueOf(column) ?? null;
    // Own properties whatever their names: these are the server's.
    const values = Object.fromEntries(series.map(({ key }, column) => [key, known(column)]));
    return new Tick({ time, offset, values, gap, ...(this.#panel && this.#shown(this.#panel, known)) }, series);
  }

  /** @param {import("./protocol.js").PanelHead} panel @param {(column: number) => number|null} known */
  #shown({ headline: head, lines }, known) {
    const level = head && head.levels !== null ? (LEVELS[/** @type {number} */ (known(head.levels))] ?? null) : "";
    const headline = head && { label: head.label, value: known(head.column), unit: head.unit, level };
    const told = lines.map(({ key, label, direction, part, column }) => ({ key, label, direction, part, value: known(column) }));
    return { headline, lines: told };
  }
}
