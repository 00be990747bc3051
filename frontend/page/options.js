/** What may be asked of a panel that is shown elsewhere, and in words what is wrong with what was asked. */

import { COMPARISONS, RANGES, THEMES, rangeOf } from "./choices.js";
import { quoted } from "./quoted.js";

const INTERVAL = Object.freeze({ least: 0.1, most: 3600 });
const ID = /^[a-z][a-z0-9-]*$/;
/** Names of metrics and attributes, as the server has them: `tests/golden/names.json` holds both to the same. */
const NAME = Object.freeze({ shape: /^[A-Za-z0-9_:/-]+(\.[A-Za-z0-9_:/-]+)*$/, charsMax: 255, tokensMax: 32 });
/** Compared with nothing. */
const NONE = "none";
const REDUCERS = Object.freeze(["sum", "avg", "min", "max"]);
export const YES_OR_NO = Object.freeze({ right: "0 or 1", read: (text) => (["0", "1"].includes(text) ? text === "1" : null) });
/** Moments are read together, by `viewOf`: what `to` means depends on `from`. */
const MOMENT = Object.freeze({ right: "a moment", read: (text) => text });
const NUMBER = Object.freeze({ right: "a number in the base unit, such as 0.8 for 80 %", read: readNumber });

/**
 * @typedef {{theme?: string, range?: number, interval?: number, from?: string, to?: string, at?: string, compare?: number, events?: boolean, title?: boolean, heading?: boolean, panel?: string, panels?: string[],
 *            metric?: string, where?: Record<string, string[]>, reduce?: string, label?: string, warning?: number,
 *            critical?: number}} Options range, interval and compare in seconds
 */

export const OPTIONS = Object.freeze({
  theme: { right: THEMES.join(", "), read: (text) => (THEMES.includes(text) ? text : null) },
  range: { right: Object.keys(RANGES).join(", "), read: rangeOf },
  interval: { right: `seconds from ${INTERVAL.least} to ${INTERVAL.most}`, read: readInterval },
  from: MOMENT,
  to: MOMENT,
  at: MOMENT,
  compare: { right: `${Object.keys(COMPARISONS).join(", ")} or ${NONE}`, read: (text) => (text === NONE ? 0 : Object.hasOwn(COMPARISONS, text) ? COMPARISONS[text] : null) },
  events: YES_OR_NO,
  title: YES_OR_NO,
  heading: YES_OR_NO,
  panel: { right: "a panel id, such as cpu", read: (text) => (ID.test(text) ? text : null) },
  panels: { right: "panel ids separated by commas, such as cpu,memory", read: readIds },
  metric: { right: "the name of a metric, such as system.cpu.utilization", read: (text) => (isName(text) ? text : null) },
  where: { right: "attributes and values separated by semicolons, such as cpu.mode=user; cpu.mode=system", read: readWhere },
  reduce: { right: REDUCERS.join(", "), read: (text) => (REDUCERS.includes(text) ? text : null) },
  label: { right: "a string", read: (text) => text },
  warning: NUMBER,
  critical: NUMBER,
});

const isName = (text) => text.length <= NAME.charsMax && NAME.shape.test(text) && text.split(".").length <= NAME.tokensMax;

function readInterval(text) {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return seconds >= INTERVAL.least && seconds <= INTERVAL.most ? seconds : null;
}

function readNumber(text) {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

/** One of these values of each attribute. */
function readWhere(text) {
  // A map, for an attribute may be called `constructor`.
  /** @type {Map<string, string[]>} */ const where = new Map();
  for (const pair of text.split(";").filter((one) => one.trim())) {
    const at = pair.indexOf("=");
    const key = pair.slice(0, at).trim();
    if (at < 0 || !isName(key)) return null;
    where.set(key, [...(where.get(key) ?? []), pair.slice(at + 1).trim()]);
  }
  return Object.fromEntries(where);
}

function readIds(text) {
  const ids = text.split(",").map((id) => id.trim());
  return ids.every((id) => ID.test(id)) ? [...new Set(ids)] : null;
}

/**
 * Reads options as texts; what is wrong is left out and told.
 *
 * @param {Iterable<[string, any]>} given @param {readonly string[]} known those that may be given here
 * @param {Record<string, {right: string, whole?: boolean, read: (text: string) => any}>} [readers] what each
 *   may be; whole: blanks at its ends are part of it
 * @returns {{options: Options, problems: string[]}}
 */
export function readOptions(given, known, readers = OPTIONS) {
  /** @type {Options} */ const options = {};
  const problems = [];
  for (const [name, value] of given) {
    const text = typeof value === "number" ? String(value) : typeof value === "boolean" ? String(Number(value)) : value;
    const option = known.includes(name) ? readers[name] : undefined;
    const read = typeof text === "string" ? (option?.read(option.whole ? text : text.trim()) ?? null) : null;
    if (!option) problems.push(`There is no option ${quoted(name)} here; there are ${known.join(", ")}.`);
    else if (read === null) problems.push(`${name} cannot be ${quoted(text)}; give ${option.right}.`);
    else options[name] = read;
  }
  return { options, problems };
}
