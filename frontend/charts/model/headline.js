/** The numbers that stand for a panel, whether they are alarming, and the panel's state as a sentence. */

import { formatClock, formatDuration, formatValue } from "./format.js";
import { rowValues, wordOf } from "./lines.js";
import { isMirror } from "./panel.js";

const SAID_MAX = 8;
const ROUNDING = 1e-9;

/**
 * @typedef {""|"warning"|"critical"} Level
 * @typedef {{numbers: {text: string, label: string, down?: boolean}[], value: number, share: number, level: Level,
 *            vital: {text: string, label: string}}} HeadlineNow
 */

/**
 * The panel's large numbers in one row of its ring, the newest unless told.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Reading} reading
 * @param {import("../../client/ring.js").Ring} ring @param {number} [row]
 * @returns {HeadlineNow}
 */
export function headlineOf(panel, reading, ring, row = ring.length - 1) {
  const head = panel.headline ?? {};
  const now = panel.chart === "bar" ? fullest(panel, reading, ring, row) : reduced(panel, reading, ring, row);
  const judged = head.per || panel.chart === "bar" ? now.share : now.value;
  return {
    numbers: isMirror(panel) ? bothWays(panel, reading, ring, row) : numbers(panel, reading, now, ring, row),
    value: now.value,
    share: now.share,
    level: levelOf(panel, judged),
    vital: {
      text: head.show === "share" ? formatValue(now.share, "1") : formatValue(now.value, reading.unit),
      label: panel.vital ?? "",
    },
  };
}

/** @param {import("./panel.js").Panel} panel @param {number} judged @returns {Level} */
export function levelOf({ thresholds }, judged) {
  // Parts that add up to the threshold may add up to a hair less.
  const reaches = (level) => judged >= (level ?? Infinity) - ROUNDING;
  if (reaches(thresholds?.critical)) return "critical";
  return reaches(thresholds?.warning) ? "warning" : "";
}

/** The sum of what is known; NaN where nothing is. @param {number[]} values */
function sumOf(values) {
  let total = NaN;
  for (const value of values) if (!Number.isNaN(value)) total = (Number.isNaN(total) ? 0 : total) + value;
  return total;
}

/** The highest of what is known, and where; -1 where nothing is. @param {number[]} values */
function highestOf(values) {
  let at = -1;
  values.forEach((value, i) => {
    if (!Number.isNaN(value) && (at < 0 || value > values[at])) at = i;
  });
  return { at, value: at < 0 ? NaN : values[at] };
}

/** The lowest of what is known. @param {number[]} values */
const lowestOf = (values) => -highestOf(values.map((value) => -value)).value;

/** What may become of several lines. @type {Record<string, (values: number[]) => number>} */
const REDUCERS = Object.freeze({
  sum: sumOf,
  max: (values) => highestOf(values).value,
  min: lowestOf,
  avg: (values) => sumOf(values) / values.filter((value) => !Number.isNaN(value)).length,
});

const read = (ring, column, row) => (column >= 0 && row >= 0 && row < ring.length ? ring.value(column, row) : NaN);

/** What all lines and the remainder are together. */
const wholeAt = ({ lines, rest }, ring, row) =>
  sumOf([...lines.map(({ column }) => column), ...rest].map((column) => read(ring, column, row)));

function reduced(panel, reading, ring, row) {
  const { counted } = reading;
  const { reduce = "sum", per = "", label = "" } = panel.headline ?? {};
  const values = rowValues(ring, counted, row);
  const highest = highestOf(values);
  const value = REDUCERS[reduce](values);
  const whole = per === "rest" ? wholeAt(reading, ring, row) : read(ring, reading.per, row);
  const which = reduce === "max" && counted.length > 1 ? (counted[highest.at]?.label ?? "") : "";
  // Of a single line its own name will do.
  const words = [label || (counted.length === 1 ? counted[0].label : ""), which];
  return { value, share: whole > 0 ? value / whole : NaN, label: words.filter(Boolean).join(" ") };
}

/**
 * What each bar is made of in one row: its parts drawn, its remainder, and the share of the whole that is drawn. The
 * fullest comes first: where there is no room for all, it is the one that must be seen.
 *
 * @param {import("./lines.js").Reading} reading @param {import("./lines.js").Line[]} lines those drawn
 */
export function barsAt(reading, lines, ring, row) {
  const remainders = byKey(reading.remainder);
  const bars = [...byKey(lines)].map(([key, drawn]) => {
    const left = remainders.get(key) ?? [];
    const values = rowValues(ring, drawn, row);
    const used = sumOf(values);
    const rest = sumOf(rowValues(ring, left, row));
    const whole = sumOf([used, rest]);
    return { key, label: drawn[0].label, drawn, values, left, used, rest, whole, share: whole > 0 ? used / whole : NaN };
  });
  const rank = ({ share }) => (Number.isNaN(share) ? -Infinity : share);
  return bars.sort((a, b) => (rank(a) < rank(b) ? 1 : rank(a) > rank(b) ? -1 : 0));
}

/** @param {import("./lines.js").Line[]} lines @returns {Map<string, import("./lines.js").Line[]>} */
function byKey(lines) {
  const found = new Map();
  for (const line of lines) {
    const own = found.get(line.key);
    if (own) own.push(line);
    else found.set(line.key, [line]);
  }
  return found;
}

function fullest(panel, reading, ring, row) {
  const bars = barsAt(reading, reading.lines, ring, row);
  const { at } = highestOf(bars.map(({ share }) => share));
  const bar = bars[at];
  const words = [panel.headline?.label, bars.length > 1 ? bar?.label : ""];
  return { value: bar?.used ?? NaN, share: bar?.share ?? NaN, label: words.filter(Boolean).join(" ") };
}

function numbers(panel, reading, { value, share, label }, ring, row) {
  const { per = "", show } = panel.headline ?? {};
  if (panel.chart === "bar") return [{ text: show === "value" ? formatValue(value, reading.unit) : formatValue(share, "1"), label }];
  const first = { text: formatValue(value, reading.unit), label };
  if (!per || per === "rest" || reading.per < 0) return [first];
  return [first, { text: formatValue(read(ring, reading.per, row), reading.unit), label: panel.labels?.[per] ?? "total" }];
}

/** What goes up and what goes down, each by its own name. */
function bothWays(panel, reading, ring, row) {
  return [false, true].map((down) => {
    const lines = reading.counted.filter((line) => line.down === down);
    const values = rowValues(ring, lines, row);
    const value = panel.headline?.reduce === "max" ? highestOf(values).value : sumOf(values);
    return { text: formatValue(value, reading.unit), label: wayOf(panel, reading, down), down };
  });
}

/** What the lines that go up, or those that go down, have in common: `read`, `written`. */
export function wayOf(panel, { lines }, down) {
  const attribute = Object.keys(panel.below ?? {})[0];
  const value = lines.find((line) => line.down === down)?.series.attributes[attribute] ?? (down ? panel.below?.[attribute]?.[0] : "");
  return value ? wordOf(panel, attribute, value) : "";
}

/**
 * A sentence for those who cannot see the chart.
 *
 * @param {import("./panel.js").Panel} panel @param {import("./lines.js").Reading} reading
 * @param {import("./lines.js").Line[]} lines those drawn
 * @param {{ring: import("../../client/ring.js").Ring, spanS: number, row?: number, frozen?: boolean}} shown the span of the chart
 *   in seconds and its last row; frozen: which is not now
 */
export function summaryOf(panel, reading, lines, { ring, spanS, row = ring.length - 1, frozen = false }) {
  if (row < 0 || lines.length === 0) return `${panel.title}: no data ${frozen ? "in this window" : "yet"}.`;
  const newest = rowValues(ring, lines, row);
  // The fullest need not be the largest.
  const shares = panel.chart === "bar" ? new Map(barsAt(reading, lines, ring, row).map(({ key, share }) => [key, share])) : null;
  const shareOf = ({ line }) => shares?.get(line.key) || 0;
  const parts = lines
    .map((line, i) => ({ line, value: newest[i] }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => shareOf(b) - shareOf(a) || b.value - a.value)
    .slice(0, SAID_MAX)
    .map(({ line, value }) => `${nameOf(panel, reading, line)} ${formatValue(value, reading.unit)}`);
  const { numbers: said, level } = headlineOf(panel, reading, ring, row);
  const head = said.map(({ text, label }) => [label, text].filter(Boolean).join(" ")).join(", ");
  const alarm = level ? ` This is ${level === "critical" ? "critical" : "a warning"}.` : "";
  const each = lines.length > 1 && parts.length ? ` Of these: ${parts.join(", ")}.` : "";
  const span = formatDuration(spanS);
  const when = frozen ? `${span} up to ${formatClock(ring.time(row), { seconds: true })}. Then` : `the last ${span}. Now`;
  return `${panel.title}, ${when}: ${head}.${alarm}${each}`;
}

/** A line's whole name, with the way it goes and the part that it is. */
export function nameOf(panel, reading, line) {
  const words = [line.label, isMirror(panel) ? wayOf(panel, reading, line.down) : "", line.part && wordOf(panel, panel.parts, line.part)];
  return words.filter((word, i) => word && words.indexOf(word) === i).join(" ");
}
