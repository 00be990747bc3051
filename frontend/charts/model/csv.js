/** A panel's readings as a file: every one in the window, exact, as RFC 4180 lays down. */

import { nameOf } from "./headline.js";

const LINE_END = "\r\n";

/**
 * The header names the lines and, in brackets, the unit of their values. Times are UTC; a field is empty where
 * there is no reading.
 *
 * @param {{panel: import("./panel.js").Panel, reading: import("./lines.js").Reading,
 *          lines: import("./lines.js").Line[], store: import("../../client/store.js").StreamStore, from: number, to: number}} options
 *   lines: those drawn, to which the remainder is added; from, to: Unix ms, both included
 */
export function csvOf({ panel, reading, lines, store: { ring }, from, to }) {
  const columns = [...lines, ...reading.remainder];
  const header = ["time", ...columns.map((line) => `${nameOf(panel, reading, line)} (${line.series.unit})`)];
  const records = [header.map(quoted).join(",")];
  const end = ring.firstAtOrAfter(to + 1);
  for (let row = ring.firstAtOrAfter(from); row < end; row += 1) {
    const values = columns.map(({ column }) => exact(ring.value(column, row)));
    records.push([new Date(ring.time(row)).toISOString(), ...values].join(","));
  }
  return records.join(LINE_END) + LINE_END;
}

const exact = (value) => (Number.isNaN(value) ? "" : String(value));

/** A spreadsheet takes a text that begins so for a formula, and one in an apostrophe for a text (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

function quoted(text) {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
