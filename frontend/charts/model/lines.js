/** Which lines a panel has, from its stream's series: their order, names and colours. */

import { isMirror, matchesPattern, matchesWhere, yardsticksOf } from "./panel.js";
import { seriesKey } from "../../client/protocol.js";

const COLORS = 8;

/**
 * @typedef {{key: string, label: string, color: number, column: number, down: boolean, part: string,
 *            series: import("../../client/protocol.js").Series}} Line
 *   key: the same for what is drawn up and what is drawn down of one device; color: 1 to 8; column: in the stream's
 *   ring; part: of a bar, the value that tells its parts apart
 * @typedef {{lines: Line[], counted: Line[], remainder: Line[], rest: number[], max: number, reference: number,
 *            per: number, unit: string}} Reading
 *   lines: in drawing order; counted: those that the panel's number is made of; remainder: what is not drawn but part
 *   of the whole, rest its columns; max, reference, per: columns, -1 without one; unit: what values are written in
 */

const collator = new Intl.Collator("en", { numeric: true });
// Unequal infinities subtract to NaN: compare, do not subtract.
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * How a stream's series are to be read as a panel. `colors` maps keys to colours and is added to, so that a
 * device keeps its colour while others come and go.
 *
 * @param {import("./panel.js").Panel} panel @param {import("../../client/protocol.js").Series[]} series
 * @param {Map<string, number>} colors
 * @returns {Reading}
 */
export function readingOf(panel, series, colors) {
  const yardsticks = yardsticksOf(panel);
  const entries = series
    .map((one, column) => ({ one, column }))
    .filter(({ one }) => !yardsticks.has(one.name) && wanted(panel, one));
  const all = sorted(panel, named(panel, entries));
  const isRest = ({ series: { attributes } }) =>
    (panel.rest ?? []).some((value) => spread(panel, attributes).includes(value) || part(panel, attributes) === value);
  const lines = all.filter((line) => !isRest(line));
  const remainder = all.filter(isRest);
  paint(panel, lines, colors);
  const columnOf = (name) => (name ? series.findIndex((one) => one.name === name) : -1);
  return {
    lines,
    counted: lines.filter((line) => isCounted(panel, line)),
    remainder,
    rest: remainder.map(({ column }) => column),
    max: typeof panel.max === "string" ? columnOf(panel.max) : -1,
    reference: columnOf(panel.reference),
    per: panel.headline?.per === "rest" ? -1 : columnOf(panel.headline?.per),
    unit: panel.unit || (all[0]?.series.unit ?? ""),
  };
}

const wanted = (panel, { name, attributes }) =>
  panel.metrics.some((pattern) => matchesPattern(pattern, name)) && matchesWhere(panel.where, attributes);

const isCounted = ({ headline }, { series: { name, attributes } }) =>
  (!headline?.metric || matchesPattern(headline.metric, name)) && matchesWhere(headline?.where, attributes);

const part = ({ parts }, attributes) => (parts ? (attributes[parts] ?? "") : "");

/** The attributes that tell a panel's lines apart. */
function tellingOf({ by, below, parts }, attributes) {
  if (by?.length) return by;
  return Object.keys(attributes).filter((key) => !(key in (below ?? {})) && key !== parts).sort();
}

/** The values that tell a series from its panel's others. */
const spread = (panel, attributes) => tellingOf(panel, attributes).map((key) => attributes[key] ?? "");

/** @returns {Line[]} */
function named(panel, entries) {
  const severalMetrics = panel.metrics.length > 1 || /[*>]/.test(panel.metrics[0] ?? "");
  const differs = differing(panel, entries);
  const seen = new Set();
  return entries.map(({ one, column }) => {
    const { name, attributes } = one;
    const down = isMirror(panel) && matchesWhere(panel.below, attributes);
    const values = spread(panel, attributes).filter((value) => value !== "");
    let key = [...(severalMetrics ? [name] : []), ...values].join(" ") || name;
    let label = labelOf(panel, one, differs);
    const identity = () => `${key}\n${down}\n${part(panel, attributes)}`;
    if (seen.has(identity())) {
      // `by` does not tell these apart: say all that does.
      key = seriesKey(one);
      label = Object.entries(attributes).map(([attribute, value]) => wordOf(panel, attribute, value)).join(" ");
    }
    seen.add(identity());
    return { key, label, color: 0, column, down, part: part(panel, attributes), series: one };
  });
}

/** What is not the same for all: attributes, and the metrics' names under "". */
function differing(panel, entries) {
  /** @type {Map<string, Set<string>>} */ const values = new Map([["", new Set()]]);
  for (const { one } of entries) {
    values.get("").add(one.name);
    for (const key of tellingOf(panel, one.attributes)) {
      if (!values.has(key)) values.set(key, new Set());
      values.get(key).add(one.attributes[key]);
    }
  }
  return new Set([...values].filter(([, found]) => found.size > 1).map(([key]) => key));
}

function labelOf(panel, { name, attributes }, differs) {
  const keys = tellingOf(panel, attributes).filter((key) => attributes[key]);
  const shown = panel.by?.length ? keys : keys.filter((key) => differs.has(key));
  const words = shown.map((key) => wordOf(panel, key, attributes[key]));
  if (differs.has("")) words.push(panel.labels?.[name] ?? plainName(name));
  if (words.length) return words.join(" ");
  return keys.map((key) => wordOf(panel, key, attributes[key])).join(" ") || (panel.labels?.[name] ?? plainName(name));
}

/** `system.cpu.context_switches.rate` in words: what it is about the subject, without the form it is in. */
function plainName(name) {
  const tokens = name.split(".").filter((token, i, all) => !(token === "rate" && i === all.length - 1));
  return (tokens.at(-1) ?? name).replaceAll("_", " ");
}

/** An attribute's value as people say it. */
export function wordOf(panel, attribute, value) {
  // A device may be called "constructor": only what the panel itself says is a label.
  if (Object.hasOwn(panel.labels ?? {}, value)) return panel.labels[value];
  return attribute === "cpu.logical_number" ? `CPU ${value}` : value;
}

function sorted(panel, lines) {
  const order = panel.order ?? [];
  const rank = (line) => {
    const { attributes, name } = line.series;
    const values = panel.parts ? [line.part] : [...spread(panel, attributes), name];
    const at = order.findIndex((value) => values.includes(value));
    return at < 0 ? Infinity : at;
  };
  const metric = ({ series: { name } }) => panel.metrics.findIndex((pattern) => matchesPattern(pattern, name));
  const ranks = new Map(lines.map((line) => [line, { rank: rank(line), metric: metric(line) }]));
  return lines.sort(
    (a, b) =>
      compare(ranks.get(a).rank, ranks.get(b).rank) ||
      compare(ranks.get(a).metric, ranks.get(b).metric) ||
      collator.compare(a.key, b.key) ||
      compare(a.down, b.down),
  );
}

const paintKey = (line) => line.part || line.key;

/** What `order` names has its place's colour; others take one that is free, while there is one. */
function paint(panel, lines, colors) {
  const order = panel.order ?? [];
  const uses = usesOf([...colors.values(), ...order.map((_, i) => (i % COLORS) + 1)]);
  for (const line of lines) {
    const key = paintKey(line);
    if (!colors.has(key)) {
      const values = line.part ? [line.part] : [...spread(panel, line.series.attributes), line.series.name];
      const place = order.findIndex((value) => values.includes(value));
      const color = place < 0 ? leastUsed(uses) : (place % COLORS) + 1;
      colors.set(key, color);
      uses[color - 1] += 1;
    }
    line.color = colors.get(key);
  }
}

/** How often each colour is used. @param {Iterable<number>} colors */
function usesOf(colors) {
  const uses = Array(COLORS).fill(0);
  for (const color of colors) uses[color - 1] += 1;
  return uses;
}

const leastUsed = (uses) => uses.indexOf(Math.min(...uses)) + 1;

/**
 * Lines that would share a colour are told apart by another, as far as there are colours. `colors` maps keys to colours
 * and is added to.
 *
 * @param {Line[]} lines @param {Map<string, number>} colors
 */
export function repaint(lines, colors) {
  /** @type {Map<number, string>} */ const owners = new Map();
  /** @type {Map<string, number>} */ const owned = new Map();
  for (const line of lines) {
    const key = paintKey(line);
    const known = owned.get(key);
    if (known !== undefined) {
      line.color = known;
      continue;
    }
    if (owners.has(line.color) && owners.size < COLORS) {
      line.color = leastUsed(usesOf(owners.keys()));
      colors.set(key, line.color);
    }
    owners.set(line.color, key);
    owned.set(key, line.color);
  }
}

/** The newest reading of each line; NaN where it has none. @returns {number[]} */
export const newestOf = (ring, lines) => rowValues(ring, lines, ring.length - 1);

/** The reading of each line in that row. @returns {number[]} */
export const rowValues = (ring, lines, row) =>
  lines.map(({ column }) => (row >= 0 && row < ring.length ? ring.value(column, row) : NaN));
