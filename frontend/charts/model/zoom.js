/** The windows that gestures lead to: zoomed and moved, but not beyond what is kept, nor beyond the present. Pure. */

/** No window is shorter: nothing would be left to see. */
export const SPAN_MIN_MS = 1000;
/** How far back anything may be kept, where nobody knows yet. */
const KEPT_MS = 5 * 366 * 86_400_000;
/** A window that ends so near to now, as a share of it, ends now. */
const EDGE = 0.005;

/**
 * @typedef {{from: number, to: number}} Window Unix ms
 * @typedef {{earliest: number, now: number}} Limits Unix ms: where what is kept begins, NaN while unknown; the present
 */

/**
 * A window zoomed by a factor, above 1 to see more, about a moment, which stays in its place.
 *
 * @param {Window} shown @param {number} about Unix ms @param {number} factor @param {Limits} limits @returns {Window}
 */
export function zoomed(shown, about, factor, limits) {
  const span = shown.to - shown.from;
  // What is shown already may reach beyond what is kept: that is no reason to zoom in when asked to zoom out.
  const most = Math.max(span, limits.now - earliestOf(limits));
  const wanted = Math.min(most, Math.max(SPAN_MIN_MS, span * factor));
  const from = about - ((about - shown.from) / span) * wanted;
  return within({ from, to: from + wanted }, shown, limits);
}

/** A window moved by so many milliseconds. @param {Window} shown @param {number} byMs @param {Limits} limits @returns {Window} */
export const moved = (shown, byMs, limits) => within({ from: shown.from + byMs, to: shown.to + byMs }, shown, limits);

/**
 * A window between two fingers: the moments that were under them stay there.
 *
 * @param {Window} shown as the fingers found it
 * @param {{from: number, to: number, factor: number}} fingers where their middle was and is, as shares of the window's
 *   width; how many times nearer they are now
 * @param {Limits} limits @returns {Window}
 */
export function pinched(shown, { from, to, factor }, limits) {
  const span = shown.to - shown.from;
  const larger = zoomed(shown, shown.from + from * span, factor, limits);
  return moved(larger, (from - to) * (larger.to - larger.from), limits);
}

/** A window of so many milliseconds around a moment, as far as there is time after it. @returns {Window} */
export function windowAround(time, spanMs, now) {
  const to = Math.round(Math.min(time + spanMs / 2, Math.max(now, time)));
  return { from: to - spanMs, to };
}

/** Whether a window ends with the present, and so goes on with it. @param {Window} shown @param {Limits} limits */
export const endsNow = ({ from, to }, { now }) => to >= now - EDGE * (to - from);

const earliestOf = ({ earliest, now }) => (Number.isNaN(earliest) ? now - KEPT_MS : earliest);

/** Moves a window back to where there is something: no later than now, and no earlier than it was or than what is kept. */
function within({ from, to }, before, limits) {
  const late = Math.max(0, to - Math.max(limits.now, before.to));
  const least = Math.min(earliestOf(limits), before.from);
  const early = Math.max(0, least - (from - late));
  return { from: from - late + early, to: to - late + early };
}
