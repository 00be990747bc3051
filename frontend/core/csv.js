/** A panel's readings as a file: every one in the window, exact, as RFC 4180 lays down. */

import { nameOf } from "./headline.js";

const LINE_END = "\r\n";

/**
 * The header names the lines and, in brackets, the unit of their values. Times are UTC; a field is empty where
 * there is no reading.
 *
 * @param {{panel: import("./panels.js").Panel, reading: import("./lines.js").Reading,
 *          lines: import("./lines.js").Line[], store: import("./store.js").StreamStore, from: number, to: number}} options
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

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
