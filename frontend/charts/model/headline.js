/** The numbers that stand for a panel at one moment, whether they are alarming, and the panel's state as a sentence. */

import { formatClock, formatDuration, formatValue } from "./format.js";
import { rowValues, valueAt } from "./lines.js";

const SAID_MAX = 8;
/** By the values of a column of levels. */
const LEVELS = Object.freeze(["", "warning", "critical"]);

/**
 * @typedef {""|"warning"|"critical"} Level
 * @typedef {{numbers: {text: string, label: string, down?: boolean, mark?: string}[], value: number, level: Level, rule: string,
 *            vital: {text: string, label: string}}} HeadlineNow
 */

/** @param {import("../../client/ring.js").Ring} ring @param {number} column @param {number} row @returns {Level} */
export const levelAt = (ring, column, row) => /** @type {Level} */ (LEVELS[valueAt(ring, column, row)] ?? "");

/**
 * The panel's large numbers in one row of its ring, the newest unless told.
 *
 * @param {import("./lines.js").Layout} layout @param {import("../../client/ring.js").Ring} ring @param {number} [row]
 * @returns {HeadlineNow}
 */
export function headlineAt({ headline, labels }, ring, row = ring.length - 1) {
  const { label, unit, column, which, levels, rule, numbers } = headline;
  const whose = labels.get(valueAt(ring, which, row)) ?? "";
  const withWhose = (words) => [words, whose].filter(Boolean).join(" ");
  const value = valueAt(ring, column, row);
  return {
    numbers: numbers.map((number, i) => ({
      text: formatValue(valueAt(ring, number.column, row), number.unit),
      label: i === 0 ? withWhose(number.label) : number.label,
      down: number.down,
      mark: number.mark,
    })),
    value,
    level: levelAt(ring, levels, row),
    rule,
    vital: { text: formatValue(value, unit), label: withWhose(label) },
  };
}

/**
 * What each bar is made of in one row: its parts, what is left of it, and the share of the whole that is drawn.
 *
 * @param {import("./lines.js").Line[]} lines @param {import("../../client/ring.js").Ring} ring @param {number} row
 */
export function barsAt(lines, ring, row) {
  /** @type {Map<string, import("./lines.js").Line[]>} */ const bars = new Map();
  for (const line of lines) bars.set(line.key, [...(bars.get(line.key) ?? []), line]);
  return [...bars].map(([key, parts]) => {
    const values = rowValues(ring, parts, row);
    const used = values.reduce((sum, value) => sum + (value || 0), 0);
    const whole = valueAt(ring, parts[0].whole, row);
    return { key, parts, values, used, whole, share: whole > 0 ? used / whole : NaN };
  });
}

/**
 * What the lines that go up, or those that go down, have in common: the word `read`, or `received` with its triangle.
 *
 * @param {import("./lines.js").Layout} layout @param {boolean} down
 */
export function wayOf({ headline }, down) {
  const number = headline.numbers.find((one) => one.down === down);
  return { word: number?.label ?? "", mark: number?.mark ?? (down ? "down" : "up") };
}

/**
 * A sentence for those who cannot see the chart.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Layout} layout
 * @param {{ring: import("../../client/ring.js").Ring, spanS: number, row?: number, frozen?: boolean}} shown the span of the chart
 *   in seconds and its last row; frozen: which is not now
 */
export function summaryOf(panel, layout, { ring, spanS, row = ring.length - 1, frozen = false }) {
  const { lines, unit } = layout;
  if (row < 0 || lines.length === 0) return `${panel.title}: no data ${frozen ? "in this window" : "yet"}.`;
  const newest = rowValues(ring, lines, row);
  const parts = lines.map((line, i) => ({ line, value: newest[i] })).filter(({ value }) => !Number.isNaN(value));
  // Bars come in the order that they are to be read in.
  if (panel.chart !== "bar") parts.sort((a, b) => b.value - a.value);
  const said = parts.slice(0, SAID_MAX).map(({ line, value }) => `${line.name} ${formatValue(value, unit)}`);
  const { numbers, level, rule } = headlineAt(layout, ring, row);
  const head = numbers.map(({ text, label }) => [label, text].filter(Boolean).join(" ")).join(", ");
  const why = rule ? ` (${rule})` : "";
  const alarm = level ? ` This is ${level === "critical" ? "critical" : "a warning"}${why}.` : "";
  const each = lines.length > 1 && said.length ? ` Of these: ${said.join(", ")}.` : "";
  const span = formatDuration(spanS);
  const when = frozen ? `${span} up to ${formatClock(ring.time(row), { seconds: true })}. Then` : `the last ${span}. Now`;
  return `${panel.title}, ${when}: ${head}.${alarm}${each}`;
}
