/** Moments as programs give them. */

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGO = /^-(\d+(?:\.\d+)?)([smhdw])$/;

/** @typedef {number|Date|string} Time Unix ms, a Date, ISO 8601, or so long ago: `-3h` */

/**
 * @param {Time|undefined} time @param {number} now Unix ms
 * @returns {number|undefined} Unix ms
 * @throws {TypeError} where it is no time
 */
export function momentOf(time, now) {
  if (time === undefined || time === null) return undefined;
  const moment = typeof time === "string" ? momentIn(time, now) : Number(time);
  if (!Number.isFinite(moment)) throw new TypeError(`${String(time)} is not a time; give Unix ms, a Date, ISO 8601 or, for three hours ago, -3h`);
  return Math.round(moment);
}

/** @param {string} text @param {number} now */
function momentIn(text, now) {
  const ago = AGO.exec(text);
  return ago ? now - Number(ago[1]) * UNITS_MS[ago[2]] : Date.parse(text);
}
