/** What may be asked of a panel that is shown elsewhere, and in words what is wrong with what was asked. */

import { RANGES, THEMES } from "./view.js";

const INTERVAL = Object.freeze({ least: 0.1, most: 3600 });
const ID = /^[a-z][a-z0-9-]*$/;

/**
 * @typedef {{theme?: string, range?: number, interval?: number, title?: boolean, panel?: string, panels?: string[]}} Options
 *   range and interval in seconds
 */

const OPTIONS = Object.freeze({
  theme: { right: THEMES.join(", "), read: (text) => (THEMES.includes(text) ? text : null) },
  range: { right: Object.keys(RANGES).join(", "), read: (text) => (Object.hasOwn(RANGES, text) ? RANGES[text] : null) },
  interval: { right: `seconds from ${INTERVAL.least} to ${INTERVAL.most}`, read: readInterval },
  title: { right: "0 or 1", read: (text) => (["0", "1"].includes(text) ? text === "1" : null) },
  panel: { right: "the id of a panel, such as cpu", read: (text) => (ID.test(text) ? text : null) },
  panels: { right: "ids of panels with commas between them, such as cpu,memory", read: readIds },
});

function readInterval(text) {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return seconds >= INTERVAL.least && seconds <= INTERVAL.most ? seconds : null;
}

function readIds(text) {
  const ids = text.split(",").map((id) => id.trim());
  return ids.every((id) => ID.test(id)) ? [...new Set(ids)] : null;
}

/**
 * Reads options as texts; what is wrong is left out and told.
 *
 * @param {Iterable<[string, any]>} given @param {readonly string[]} known those that may be given here
 * @returns {{options: Options, problems: string[]}}
 */
export function readOptions(given, known) {
  /** @type {Options} */ const options = {};
  const problems = [];
  for (const [name, value] of given) {
    const text = typeof value === "number" ? String(value) : typeof value === "boolean" ? String(Number(value)) : value;
    const option = known.includes(name) ? OPTIONS[name] : undefined;
    const read = typeof text === "string" ? (option?.read(text.trim()) ?? null) : null;
    if (!option) problems.push(`There is no option “${shown(name)}” here; there are ${known.join(", ")}.`);
    else if (read === null) problems.push(`${name} cannot be “${shown(text)}”; give ${option.right}.`);
    else options[name] = read;
  }
  return { options, problems };
}

/** A stranger's text, cut. */
function shown(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
