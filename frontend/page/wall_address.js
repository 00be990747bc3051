/** What the address of a wall says: how its pages look, whatever their playlist says, and when it reloads itself. */

import { COMPARISONS, RANGES } from "./choices.js";
import { OPTIONS, readOptions } from "./options.js";

const MEMORY = Object.freeze({ right: "whole MiB, such as 512", read: (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : null) });
const READERS = Object.freeze({ range: OPTIONS.range, compare: OPTIONS.compare, events: OPTIONS.events, memory: MEMORY });

/**
 * @typedef {{range?: number, compare?: number, events?: boolean}} WallLook range and compare in seconds
 *
 * @param {string} search with or without `?`
 * @returns {{look: WallLook, memoryMaxMib: number|undefined, problems: string[]}}
 */
export function readWall(search) {
  const given = new Map([...new URLSearchParams(search)].filter(([name]) => name));
  const { options, problems } = readOptions(given, Object.keys(READERS), READERS);
  const { memory, ...look } = /** @type {any} */ (options);
  return { look, memoryMaxMib: memory, problems };
}

/**
 * A page of a playlist as it is shown.
 *
 * @param {import("./wall_layout.js").Entry} entry @param {WallLook} look
 * @returns {Required<WallLook>}
 */
export function lookOf({ range, compare, events }, look) {
  return { range: RANGES[range], compare: COMPARISONS[compare] ?? 0, events, ...look };
}
