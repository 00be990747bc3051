/** The axis of the whole kept time: the last hour, day, week and month side by side, each in its own scale. */

import { dateWords } from "./event_words.js";
import { formatClock } from "./format.js";
import { timeAxis } from "./time_axis.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long ago one scale ends and the next one begins, by what is said of the part that begins there. */
const PARTS = Object.freeze([
  { words: "1\u00a0h\u00a0ago", ago: HOUR_MS },
  { words: "24\u00a0h\u00a0ago", ago: DAY_MS },
  { words: "7\u00a0d\u00a0ago", ago: 7 * DAY_MS },
  { words: "30\u00a0d\u00a0ago", ago: 30 * DAY_MS },
  { words: "1\u00a0y\u00a0ago", ago: 365 * DAY_MS },
]);
/** A part begins only where there is as much again before it: a sliver says nothing. */
const WORTH = 2;
/** The part of the newest hour is as wide as so much of another one. */
const NEWEST = 0.7;
const SPAN_MIN_MS = 60_000;
/** A window is no shorter. */
const WINDOW_MIN_MS = 10_000;
/** Where a click means so many pixels, a shorter window would miss what was clicked at. */
const CLICKED = 8;
const LABEL_APART = 62;

/** @typedef {{from: number, to: number}} Window Unix ms */
/** @typedef {Window & {left: number, width: number, words: string}} Part words: where it begins */

/**
 * In one scale for all, five minutes of a month are a sixth of a pixel, and so is what happened last night. So each
 * part is linear, and each step back into the past is coarser.
 */
export class OverviewAxis {
  /** @param {Window & {width: number}} span the kept time, and the pixels that it has */
  constructor({ from, to, width }) {
    this.from = Math.min(from, to - SPAN_MIN_MS);
    this.to = to;
    this.width = width;
    /** @type {Part[]} the oldest first */ this.parts = partsOf(this.from, to, width);
  }

  /** @param {number} time Unix ms @returns {number} pixels, from 0 to the width */
  placeOf(time) {
    const part = this.parts.find(({ to }) => time <= to) ?? /** @type {Part} */ (this.parts.at(-1));
    const share = (time - part.from) / (part.to - part.from);
    return part.left + Math.min(1, Math.max(0, share)) * part.width;
  }

  /** @param {number} x pixels @returns {number} Unix ms */
  timeAt(x) {
    const part = this.parts.find(({ left, width }) => x <= left + width) ?? /** @type {Part} */ (this.parts.at(-1));
    const share = (x - part.left) / part.width;
    return part.from + Math.min(1, Math.max(0, share)) * (part.to - part.from);
  }

  /** @returns {{x: number, text: string}[]} clock times and days, as many as there is room for */
  ticks() {
    return this.parts.flatMap(({ from, to, left, width }) => {
      const ticks = timeAxis({ from, to, most: Math.max(1, width / LABEL_APART), now: this.to });
      const places = ticks.map(({ value, text }) => ({ x: this.placeOf(value), text }));
      return places.filter(({ x }) => x > left + LABEL_APART / 2 && x < left + width - LABEL_APART / 2);
    });
  }

  /**
   * The window after a hand has moved by so much: `pan` moves it, `from` and `to` move an edge, `pick` makes a new one.
   *
   * @param {"pan"|"from"|"to"|"pick"} mode @param {Window} start the window before @param {number} x0 @param {number} x pixels
   * @returns {Window}
   */
  dragged(mode, start, x0, x) {
    const [grabbed, time] = [this.timeAt(x0), this.timeAt(x)];
    if (mode === "pick") return this.#ordered(grabbed, time);
    if (mode === "from") return { from: Math.min(time, start.to - WINDOW_MIN_MS), to: start.to };
    if (mode === "to") return { from: start.from, to: Math.min(this.to, Math.max(time, start.from + WINDOW_MIN_MS)) };
    return this.moved(start, time - grabbed);
  }

  #ordered(one, other) {
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    return { from: Math.round(from), to: Math.round(Math.max(to, from + WINDOW_MIN_MS)) };
  }

  /** The window moved by so much, as far as there is time. @param {Window} window @param {number} byMs @returns {Window} */
  moved({ from, to }, byMs) {
    const by = Math.max(this.from - from, Math.min(this.to - to, byMs));
    // A window that is longer than all there is keeps its end.
    return to - from > this.to - this.from ? { from, to } : { from: Math.round(from + by), to: Math.round(to + by) };
  }

  /**
   * A window about a moment that was clicked at: as long as the present one, unless a pixel means more than that there.
   *
   * @param {number} x pixels @param {number} lengthMs of the present one @returns {Window}
   */
  about(x, lengthMs) {
    const meant = this.timeAt(x + CLICKED / 2) - this.timeAt(x - CLICKED / 2);
    const length = Math.max(lengthMs, meant);
    const time = this.timeAt(x);
    return this.moved({ from: Math.round(time - length / 2), to: Math.round(time + length / 2) }, 0);
  }
}

/** @returns {Part[]} */
function partsOf(from, to, width) {
  const begun = PARTS.filter(({ ago }) => to - from >= ago * WORTH);
  const starts = [{ words: sinceWords(from, to), ago: to - from }, ...begun.reverse()];
  const weights = starts.map((_, i) => (i === starts.length - 1 && i > 0 ? NEWEST : 1));
  const unit = width / weights.reduce((sum, weight) => sum + weight, 0);
  let left = 0;
  return starts.map(({ words, ago }, i) => {
    const part = { from: to - ago, to: to - (starts[i + 1]?.ago ?? 0), left, width: weights[i] * unit, words };
    left += part.width;
    return part;
  });
}

const sinceWords = (from, to) => `since ${to - from < DAY_MS ? formatClock(from) : dateWords(from, to)}`;
