/** Value axes: a calm range around the data, and round ticks in the unit's own steps. */

import { formatTick } from "./format.js";

/** As far as any axis reaches: beyond it there are no steps between numbers, and ticks would never end. */
const FAR = 1e300;
/** No span that anything real has. */
const LEAST = 1e-27;
const SHRINK_LATE_MS = 30_000;
/** A spike has left the window: what is left of the chart should not stay flat. */
const FAR_TOO_LARGE = 3;
const SHRINK_SOON_MS = 3000;

/** The next round step at or above `rough`: powers of two within a prefix for bytes, 1-2-5 otherwise. */
export function roundStep(rough, unit) {
  if (!(rough > LEAST)) return 1;
  if (isBytes(unit)) {
    return Math.max(1, 2 ** Math.ceil(Math.log2(rough) - 1e-9));
  }
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const lead = rough / power;
  const round = [1, 2, 5, 10].find((step) => lead <= step * (1 + 1e-9)) ?? 10;
  return round * power;
}

/** The step that leaves so many ticks or fewer, but not a single one, which would say too little: that needs `least` steps. */
export function stepFor(span, ticks, unit, least) {
  const step = roundStep(span / ticks, unit);
  if (span / step >= least - 1e-9) return step;
  return roundStep(step / (isBytes(unit) ? 2 : 2.5), unit);
}

const isBytes = (unit) => unit === "By" || unit === "By/s";

/**
 * A range that starts and ends on a tick and holds `low`…`high` and zero.
 *
 * @param {{low: number, high: number, unit: string, least?: number, ticks?: number}} options
 *   least: the smallest span shown, so that noise looks like noise
 */
export function roundRange({ low, high, unit, least = 0, ticks = 4 }) {
  low = Math.max(-FAR, Math.min(0, low));
  high = Math.min(FAR, Math.max(0, high));
  if (high - low < least) high = Math.max(high, low + least);
  // Its ends are moved out to steps: what is more than one becomes two.
  const step = stepFor(high - low, ticks, unit, 1 + 1e-6);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  // Nothing but zeros leaves one step to be nothing of.
  return { low: first * step, high: last > first ? last * step : step, step };
}

/**
 * @param {{low: number, high: number, step: number}} range @param {string} unit
 * @param {{mirrored?: boolean}} [drawn] mirrored: what lies below the axis is drawn downwards, not negative
 */
export function ticksOf({ low, high, step }, unit, { mirrored = false } = {}) {
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i += 1) {
    const value = i * step;
    ticks.push({ value, text: formatTick(mirrored ? Math.abs(value) : value, unit) });
  }
  return ticks;
}

/** A range that grows at once, and shrinks only when it was too large for a while: soon where by far, late where barely. */
export class CalmRange {
  /** @type {{low: number, high: number, step: number}|null} */ #range = null;
  #roomySince = NaN;
  #span = NaN;

  /**
   * @param {{low: number, high: number, unit: string, least?: number, ticks?: number, span?: number}} need
   *   span: of the window, in ms; another one is another view, which is fitted at once
   * @param {number} now ms
   */
  fit({ span = NaN, ...need }, now) {
    const wanted = roundRange(need);
    const other = span !== this.#span && !Number.isNaN(span);
    this.#span = span;
    if (!this.#range || other || exceeds(wanted, this.#range)) return this.#take(wanted);
    const excess = (this.#range.high - this.#range.low) / (wanted.high - wanted.low);
    if (!(excess > 1)) {
      // The same ends on other steps: the chart's height changed.
      return this.#take(wanted);
    }
    if (!(this.#roomySince <= now)) this.#roomySince = now;
    const patience = excess >= FAR_TOO_LARGE ? SHRINK_SOON_MS : SHRINK_LATE_MS;
    return now - this.#roomySince >= patience ? this.#take(wanted) : this.#range;
  }

  #take(range) {
    this.#roomySince = NaN;
    this.#range = range;
    return range;
  }
}

const exceeds = (one, other) => one.high > other.high || one.low < other.low;

const MINUTE = 60_000;
const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((s) => s * 1000).concat([1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((m) => m * MINUTE));

/** Ticks of a time axis: whole steps of the local clock, at most `most` of them. */
export function timeTicks({ from, to, most, clock }) {
  const longest = TIME_STEPS[TIME_STEPS.length - 1];
  // An address may name a window of any length.
  const step = TIME_STEPS.find((one) => (to - from) / one <= most) ?? Math.ceil((to - from) / most / longest) * longest;
  const shift = new Date(to).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) {
    ticks.push({ value: at, text: clock(at, { seconds: step < MINUTE }) });
  }
  return ticks;
}
