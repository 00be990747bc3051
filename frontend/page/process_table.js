/** The table of processes as data: its columns, its order, and which rows stay while somebody looks at them closely. */

import { fieldTest } from "../charts/model/table_filter.js";

/**
 * @typedef {(string|number|null)[]} Row the first cell is its key
 * @typedef {{key: any, values: Row, ended: boolean, depth?: number, members?: number, open?: boolean, fold?: boolean, past?: boolean}} Shown
 *   ended: it is gone, and these values were its last; members: of how many it is the sum, which are shown below it if
 *   it is open; fold: it stands for those that are left out; past: these values are
 *   of then, and not of now
 */

/** What is asked of the server; how many rows fit is the page's to say. */
export const PROCESSES = Object.freeze({ table: "processes", sort: "cpu", fold: true, interval: 2 });

/**
 * What is known of the columns; others are shown as they come. `optional`: the higher, the sooner it is hidden where
 * there is little room; `unordered`: nobody can sort by it; `sort`: what the order by it is called;
 * `hint`: what its numbers mean, where the panels count otherwise.
 *
 * What is looked up comes from the address too: `constructor` is no column.
 */
export const COLUMNS = Object.freeze({
  __proto__: null,
  pid: { label: "PID", number: true, optional: 2 },
  name: { label: "Name" },
  user: { label: "User", optional: 1 },
  cpu: { label: "CPU", unit: "1", number: true, hint: "100 % is one CPU" },
  trend: { label: "Trend", optional: 3, unordered: true },
  cpu_peak: { label: "Peak", unit: "1", number: true, optional: 1, hint: "The most CPU at once: 100 % is one CPU" },
  memory: { label: "Memory", unit: "By", number: true },
  memory_peak: { label: "Memory", unit: "By", number: true, sort: "memory" },
  read: { label: "Read", unit: "By/s", number: true, optional: 1 },
  write: { label: "Written", unit: "By/s", number: true, optional: 1 },
  read_sum: { label: "Read", unit: "By", number: true, optional: 1, sort: "read" },
  write_sum: { label: "Written", unit: "By", number: true, optional: 1, sort: "write" },
  threads: { label: "Threads", number: true, optional: 3 },
  age: { label: "Age", unit: "s", number: true, optional: 3 },
  state: { label: "State", optional: 3 },
  span: { label: "From \u2013 to", optional: 2, unordered: true },
  unit: { label: "Unit", optional: 4 },
  command: { label: "Command", optional: 4 },
});

/** What is shown of now, of a moment and of a window, in this order, as far as it is known. */
export const SHOWN = Object.freeze({
  live: ["pid", "name", "user", "cpu", "trend", "memory", "read", "write", "threads", "age", "unit", "command"],
  moment: ["pid", "name", "user", "cpu", "trend", "memory", "read", "write", "threads", "state", "unit", "command"],
  window: ["pid", "name", "user", "cpu", "cpu_peak", "trend", "memory_peak", "read_sum", "write_sum", "span", "unit", "command"],
});
/** Those that are made of others. */
const MADE = ["trend", "span"];
/** What one answer calls one thing and another otherwise. */
const ALIKE = Object.freeze({ __proto__: null, memory: ["memory_peak"], memory_peak: ["memory"], cpu_peak: ["cpu"], read: ["read_sum"], read_sum: ["read"], write: ["write_sum"], write_sum: ["write"] });

/** The columns that a filter looks into, as the server does. */
const SEARCHED = ["name", "pid", "user", "unit", "command"];

/** The columns of a table of this kind. @param {keyof typeof SHOWN} kind @param {string[]} columns those that were sent */
export const shownColumns = (kind, columns) => SHOWN[kind].filter((column) => MADE.includes(column) || placeOf(columns, column) >= 0);

/** The place of a column, by whatever name it has there; -1 for none. @param {string[]} columns @param {string} column */
export function placeOf(columns, column) {
  const name = [column, ...(ALIKE[column] ?? [])].find((one) => columns.includes(one));
  return name === undefined ? -1 : columns.indexOf(name);
}

/** @param {string} column */
export const labelOf = (column) => COLUMNS[column]?.label ?? column.replaceAll("_", " ");

/**
 * An order as it stands in the address: `cpu` from the highest down, `name` from A to Z, `-cpu` the other way round.
 *
 * @param {string} sort @returns {{column: string, descending: boolean}}
 */
export function orderOf(sort) {
  const reversed = sort.startsWith("-");
  const column = reversed ? sort.slice(1) : sort;
  return { column, descending: Boolean(COLUMNS[column]?.number) !== reversed };
}

/** The order after a click on a column: its usual one, or the other way round where it was that. @param {string} sort */
export const clicked = (sort, column) => (sort === column ? `-${column}` : column);

/** What the server is asked for. @param {{sort: string, filter: string}} view */
export function tableRequestOf({ sort, filter }) {
  const { column, descending } = orderOf(sort);
  // What is known of windows alone means the like of it now.
  const known = column.endsWith("_peak") ? column.slice(0, -"_peak".length) : column;
  return { sort: known, order: /** @type {"ascending"|"descending"} */ (descending ? "descending" : "ascending"), filter };
}

/**
 * The rows as the server will send them, for the moment until it does: of those at hand, what passes the filter.
 *
 * @param {string[]} columns @param {Row[]} rows @param {{sort: string, filter: string}} view
 */
export function arranged(columns, rows, { sort, filter }) {
  const { column, descending } = orderOf(sort);
  const at = placeOf(columns, column);
  const searched = SEARCHED.map((name) => columns.indexOf(name)).filter((i) => i >= 0);
  const wanted = fieldTest(filter);
  const kept = filter.trim() ? rows.filter((row) => searched.some((i) => wanted(String(row[i] ?? "")))) : [...rows];
  return at < 0 ? kept : kept.sort((a, b) => compare(a[at], b[at], descending));
}

/** What is not known comes last both ways. */
export function compare(a, b, descending) {
  const missing = (value) => value === null || value === undefined;
  if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
  if (a === b) return 0;
  return a < b === descending ? 1 : -1;
}

/**
 * How many there are, in words.
 *
 * @param {{rows: number, matches: number, total: number, filter: string, summed?: boolean}} counts summed: rows add up those that there are
 */
export function countWords({ rows, matches, total, filter, summed = false }) {
  if (!Number.isFinite(total)) return "";
  if (!filter.trim()) return rows < total ? `${summed ? "sums of " : ""}${rows} of ${total}` : `${total}`;
  const words = `${matches} of ${total} ${total === 1 ? "process" : "processes"} ${matches === 1 ? "matches" : "match"}`;
  return rows < matches ? `${words}, ${rows} shown` : words;
}

/** Which rows are shown, and in which order. Held, both stay as they were, while the values go on. */
export class ShownRows {
  /** @type {Map<any, Row>} */ #last = new Map();
  /** @type {any[]|null} the keys in their order, while held */ #order = null;
  /** @type {Set<any>} */ #ended = new Set();
  #missing = false;

  /** The keys that are held, or null. */
  get held() {
    return this.#order;
  }

  /** Whether some that are held did not come among the newest rows: whether they ended is not known then. */
  get missing() {
    return this.#missing;
  }

  /** Lets go; what is held next is what is shown next. */
  release() {
    this.#order = null;
    this.#ended.clear();
    this.#missing = false;
  }

  /** @param {Row[]} rows as the server sent them @returns {Shown[]} */
  follow(rows) {
    this.release();
    this.#last = new Map(rows.map((values) => [values[0], values]));
    return rows.map((values) => ({ key: values[0], values, ended: false }));
  }

  /**
   * @param {Row[]} rows the newest of the table
   * @param {Row[]|null} asked the newest of the held keys, where these were asked for: one not among them has ended
   * @param {number} [ageAt] the place of the age in a row, -1 without one: a younger process has taken over its pid
   * @returns {Shown[]}
   */
  hold(rows, asked, ageAt = -1) {
    if (this.#order === null) {
      this.follow(rows);
      this.#order = [...this.#last.keys()];
    }
    const found = new Map([...rows, ...(asked ?? [])].map((values) => [values[0], values]));
    this.#missing = false;
    for (const key of this.#order) {
      if (this.#ended.has(key)) continue;
      const now = found.get(key);
      if (now && !isYounger(now, this.#last.get(key), ageAt)) this.#last.set(key, now);
      else if (now || asked) this.#ended.add(key);
      else this.#missing = true;
    }
    return this.#order.map((key) => ({ key, values: this.#last.get(key), ended: this.#ended.has(key) }));
  }
}

const SLACK_S = 1;
/** Whether a row is of a process that began after the one that had its pid before. @param {Row} now @param {Row} before @param {number} ageAt the place of the age, -1 without one */
export const isYounger = (now, before, ageAt) => ageAt >= 0 && now[ageAt] !== null && now[ageAt] + SLACK_S < before[ageAt];
