/** A panel's values as a file: every one in the window, exact, as RFC 4180 lays down. */

const LINE_END = "\r\n";

/** @typedef {import("../../client/store.js").StreamStore} Store */
/** @typedef {{name: string, column: number}[]} Columns of a store's ring */

/**
 * The header names the lines and, in brackets, the unit of their values. Times are UTC; a field is empty where
 * there is no value.
 *
 * @param {{columns: Columns, store: Store, from: number, to: number}} options from, to: Unix ms, both included
 */
export function csvOf({ columns, store: { ring, series }, from, to }) {
  const header = ["time", ...columns.map(({ name, column }) => `${name} (${series[column].unit})`)];
  const records = [header.map(quoted).join(",")];
  const end = ring.firstAtOrAfter(to + 1);
  for (let row = ring.firstAtOrAfter(from); row < end; row += 1) {
    const values = columns.map(({ column }) => exact(ring.value(column, row)));
    records.push([new Date(ring.time(row)).toISOString(), ...values].join(","));
  }
  return records.join(LINE_END) + LINE_END;
}

/** The lines that are drawn, and of bars their wholes. @param {import("./lines.js").Layout} layout @returns {Columns} */
export function drawnColumns({ lines }) {
  const wholes = new Map(lines.filter(({ whole }) => whole >= 0).map(({ label, whole }) => [whole, { name: `${label} in all`, column: whole }]));
  return [...lines, ...wholes.values()];
}

const exact = (value) => (Number.isNaN(value) ? "" : String(value));

/** A spreadsheet takes a text that begins so for a formula, and one in an apostrophe for a text (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

function quoted(text) {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
