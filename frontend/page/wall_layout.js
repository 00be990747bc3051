/** A wall screen's pages: where each panel is and how large its type, whose turn it is, and what is said aloud. Pure. */

import { formatClock, formatDuration } from "../charts/model/format.js";
import { State } from "../client/status.js";

/**
 * @typedef {{panels: string[], seconds: number, layout: "grid"|"columns"|"rows"|"focus", range: string, compare?: string, events?: boolean}} Entry
 * @typedef {{id: string, title: string, theme: string, clock: boolean, entries: Entry[]}} Playlist as config.toml has it
 * @typedef {{left: number, top: number, width: number, height: number, em: number}} Tile in pixels; em: its type's size
 */

/** How many ems wide and high a panel is that has all of its words. */
const WIDE = 32;
const HIGH = 16;
/** The smallest type of a screen, as a share of its shorter side: on one that is a metre wide, 1 cm. */
const SMALLEST = 1 / 50;
/** What the first of several has of the longer side. */
const FOCUS = 2 / 3;

/**
 * The places of so many panels, without a gap and without scrolling.
 *
 * @param {{layout: string, count: number, width: number, height: number, gap?: number}} page
 * @returns {Tile[]}
 */
export function tilesOf({ layout, count, width, height, gap = 0 }) {
  if (!count) return [];
  const area = { left: 0, top: 0, width, height };
  const tiles = count > 1 && layout === "focus" ? focused(area, count, gap) : inRows(area, rowsOf(layout, count, area, gap), gap);
  const smallest = SMALLEST * Math.min(width, height);
  return tiles.map((tile) => ({ ...tile, em: Math.max(smallest, tile.em) }));
}

const emOf = ({ width, height }) => Math.min(width / WIDE, height / HIGH);

/** How many panels there are in each row. */
function rowsOf(layout, count, area, gap) {
  if (layout === "columns") return [count];
  if (layout === "rows") return Array(count).fill(1);
  const ways = Array.from({ length: count }, (_, i) => spread(count, i + 1));
  const readable = (rows) => Math.min(...inRows(area, rows, gap).map(emOf));
  return ways.reduce((best, rows) => (readable(rows) > readable(best) + 1e-9 ? rows : best));
}

/** As evenly as can be, the fuller rows first. */
const spread = (count, rows) => Array.from({ length: rows }, (_, i) => Math.floor(count / rows) + (i < count % rows ? 1 : 0));

/** @returns {Tile[]} all of the same size of type */
function inRows({ left, top, width, height }, rows, gap) {
  const high = (height - gap * (rows.length - 1)) / rows.length;
  const tiles = rows.flatMap((columns, row) => {
    const wide = (width - gap * (columns - 1)) / columns;
    return Array.from({ length: columns }, (_, i) => ({ left: left + i * (wide + gap), top: top + row * (high + gap), width: wide, height: high }));
  });
  const em = Math.min(...tiles.map(emOf));
  return tiles.map((tile) => ({ ...tile, em }));
}

/** The first one large; the others beside it, or below it on a screen that stands upright. */
function focused({ width, height }, count, gap) {
  const lying = width >= height;
  const first = { left: 0, top: 0, width: lying ? FOCUS * (width - gap) : width, height: lying ? height : FOCUS * (height - gap) };
  const rest = lying
    ? { left: first.width + gap, top: 0, width: width - first.width - gap, height }
    : { left: 0, top: first.height + gap, width, height: height - first.height - gap };
  const others = count - 1;
  const rows = lying && others < 5 ? Array(others).fill(1) : rowsOf("grid", others, rest, gap);
  return [{ ...first, em: emOf(first) }, ...inRows(rest, rows, gap)];
}

/** Whose turn it is. Times are of one clock that is never set, in ms. */
export class Rotation {
  /** @param {number[]} seconds how long each page stays @param {number} [index] */
  constructor(seconds, index = 0) {
    this.#seconds = seconds;
    this.index = index < seconds.length ? index : 0;
  }

  #seconds;
  #shownAt = NaN;
  #heldAt = NaN;

  /** How long the present page stays. */
  get stayMs() {
    return 1000 * (this.#seconds[this.index] ?? Infinity);
  }

  get held() {
    return !Number.isNaN(this.#heldAt);
  }

  /** That page is shown now. @param {number} index @param {number} now */
  show(index, now) {
    this.index = index;
    this.#shownAt = now;
    if (this.held) this.#heldAt = now;
  }

  /** Stays, or goes on from where it stood. @param {number} now */
  hold(now) {
    if (this.held) {
      this.#shownAt += now - this.#heldAt;
      this.#heldAt = NaN;
    } else {
      this.#heldAt = now;
    }
  }

  /** How long the present page still stays. @param {number} now */
  leftMs(now) {
    if (this.#seconds.length < 2 || Number.isNaN(this.#shownAt)) return Infinity;
    return this.held ? Infinity : this.#shownAt + this.stayMs - now;
  }

  /** How much of its time the present page has had, from 0 to 1. @param {number} now */
  share(now) {
    if (Number.isNaN(this.#shownAt)) return 0;
    const sinceMs = (this.held ? this.#heldAt : now) - this.#shownAt;
    return Math.min(1, Math.max(0, sinceMs / this.stayMs));
  }

  /** The page so many further, past those without anything to show. @param {number} step 1 or -1 @param {(index: number) => boolean} empty */
  next(step, empty) {
    const count = this.#seconds.length;
    for (let i = 1; i <= count; i += 1) {
      const index = (((this.index + i * step) % count) + count) % count;
      if (!empty(index)) return index;
    }
    return this.index;
  }
}

/** How far what is shown is moved, so that no pixel shows the same for years: a step of one pixel a minute, round and round. */
const SHIFT_MAX = 3;
const RING = ringOf(2 * SHIFT_MAX);

function ringOf(side) {
  const steps = [[1, 0], [0, 1], [-1, 0], [0, -1]].flatMap((step) => Array(side).fill(step));
  let [x, y] = [-side / 2, -side / 2];
  return steps.map(([dx, dy]) => ({ x: (x += dx), y: (y += dy) }));
}

/** @param {number} minute counted from anywhere @returns {{x: number, y: number}} pixels */
export const shiftOf = (minute) => RING[((minute % RING.length) + RING.length) % RING.length];

const TRYING = "This screen keeps trying.";

/**
 * What is said in large words over what is shown; null where it is live.
 *
 * @param {{state: string, since: number, forS: number, host: string, why: string}} facts since: Unix ms; forS: how long ago
 * @returns {{title: string, words: string}|null}
 */
export function warningOf({ state, since, forS, host, why }) {
  const server = host || "the server";
  const at = formatClock(since, { seconds: true });
  const duration = formatDuration(Math.floor(forS));
  const long = `for ${duration}, since ${at}${why ? `: ${why}` : ""}`;
  if (state === State.STALE) return { title: `Stale for ${duration}`, words: `No new data from ${server} since ${at}.` };
  if (state === State.CONNECTING) return { title: `Connecting to ${server}`, words: `${sentence(long)}.` };
  if (state === State.RECONNECTING) return { title: `No connection to ${server}`, words: `${sentence(long)}. ${TRYING}` };
  if (state === State.STOPPED) return { title: `${host || "The server"} turns this screen away`, words: `${sentence(long)}. ${TRYING}` };
  return null;
}

const sentence = (words) => words[0].toUpperCase() + words.slice(1);

/** What is said where there is no playlist. @param {import("../http/playlist.js").ScreenState} screen */
export function goneOf({ wanted, playlists }) {
  const there = playlists.length ? `There are: ${playlists.join(", ")}.` : "There are none: see [[playlists]] in config.toml.";
  return { title: wanted ? `There is no playlist \u201c${wanted}\u201d` : "There is no playlist", words: there };
}
