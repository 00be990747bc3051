/** How finely the past is asked for, and in words how finely it is shown. */

import { formatDuration } from "./format.js";

const MINUTE = 60;
const HOUR = 3600;
/** Steps that charts are drawn by, in seconds: whole parts of the next longer ones, so that answers fit together. */
export const STEPS_S = Object.freeze([1, 2, 5, 10, 15, 30, MINUTE, 120, 300, 600, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR]);
const POINTS = Object.freeze({ least: 200, most: 720 });
/** Days of 24 hours to a step, where a window is of many years. */
const DAY = 24 * HOUR;

/**
 * The step for a window that is drawn so wide.
 *
 * @param {number} spanMs @param {{width: number, finestS?: number}} chart width: of the drawing area in pixels; finestS: how
 *   often samples are taken
 * @returns {number} seconds
 */
export function stepOf(spanMs, { width, finestS = 1 }) {
  const points = Math.min(POINTS.most, Math.max(POINTS.least, width));
  const needed = Math.max(finestS, spanMs / 1000 / points);
  return STEPS_S.find((step) => step >= needed) ?? Math.ceil(needed / DAY) * DAY;
}

/** The next coarser step. @param {number} stepS */
export const coarserThan = (stepS) => STEPS_S.find((step) => step > stepS) ?? 2 * stepS;

/** `10 min`, `1 d`: of a step, with a space that does not break. @param {number} stepMs */
export const stepWords = (stepMs) => formatDuration(stepMs / 1000);

const TIERS = Object.freeze({ raw: "samples as they came", "1m": "values kept by the minute", "10m": "values kept by 10 minutes", "1h": "values kept by the hour" });

/**
 * What a chart is made of, in words.
 *
 * @param {{stepMs: number, tiers: {tier: string}[], ranged: boolean}} shown ranged: whether least and greatest are shown too
 * @returns {{said: string, title: string}} said: `by 10 min`; title: explains it
 */
export function saidOf({ stepMs, tiers, ranged }) {
  if (!(stepMs > 0)) return { said: "", title: "" };
  const said = `by ${stepWords(stepMs)}`;
  const from = [...new Set(tiers.map(({ tier }) => TIERS[tier] ?? tier))].join(", then ");
  const what = ranged ? "mean as a line, least to greatest as a band" : "one value each";
  return { said, title: `Each point is ${stepWords(stepMs)}: ${what}${from && `. From ${from}`}.` };
}
