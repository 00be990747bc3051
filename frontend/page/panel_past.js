/** The past of one panel: what is held of it, what is shown of that, and what is to be asked for. */

import { PastAnswer } from "../charts/model/past_answer.js";
import { PastHeld } from "../charts/model/past_held.js";
import { coarserThan, saidOf, stepOf } from "../charts/model/past_steps.js";
import { PastStore } from "../charts/model/past_store.js";
import { FrozenStore } from "../charts/frozen_store.js";
import { errorWords } from "../client/protocol.js";
import { LIVE_S } from "./choices.js";
import { PanelGhost } from "./panel_ghost.js";

/** What was asked for by one name has been asked for anew. */
const REPLACED = 105;
const LIMIT = 106;
const AGAIN_MS = 1500;
/** A chart whose newest rows come live is asked for anew before these go; sooner where it lacks lines. */
const TAIL = Object.freeze({ mostMs: 450_000, leastMs: 30_000, steps: 3 });
/** The axis of the first moments. */
const SHORTEST_MS = 10_000;
/** So much of a window is asked for at each of its sides, for whoever moves on. */
const BESIDE = 0.25;
const RANGED = Object.freeze(["avg", "min", "max"]);
const SINGLE = Object.freeze(["avg"]);

/**
 * @typedef {import("./view.js").Window} Window
 * @typedef {Window & {live: boolean}} Shown
 * @typedef {{from: number, to: number, stepMs: number}} Wish
 */

/** Event `change`: there is more, or better, to show. */
export class PanelPast extends EventTarget {
  /**
   * @param {import("../charts/model/panel.js").Panel} definition @param {import("../client/series_stream.js").SeriesStream} stream
   * @param {import("./past.js").Past|null} [loader] asks; none: there is what comes live
   */
  constructor(definition, stream, loader = null) {
    super();
    this.definition = definition;
    this.stream = stream;
    this.#loader = loader;
  }

  #loader;
  #frozen = new FrozenStore();
  #held = new PastHeld();
  /** @type {PanelGhost|null} */ #ghost = null;
  /** @type {PastStore|null} */ #store = null;
  #storeKey = "";
  /** @type {Wish|null} */ #wish = null;
  #refused = "";
  #coarser = 1;
  /** The source, and how often its clock was set back. */ #whose = "";
  /** @type {""|"asking"|"coarse"|"refused"} "": all is there; coarse: what is held is shown, sharper is coming */ state = "";
  /** Why the server does not answer, in words. */ why = "";
  /** What of it was recorded twice. @type {{from: number, to: number}|null} */ twice = null;
  /** By which steps it is shown, in words; empty where samples are. */ said = "";
  title = "";
  /** Of the chart's drawing area, in pixels: by it the step is chosen. */ width = 400;
  /** The reader points at this one: it is asked for first. */ urgent = false;

  /** The earliest time there is, Unix ms; NaN while that is unknown. */
  get reaches() {
    return this.#loader?.reaches ?? NaN;
  }

  /** The window that is shown: the axis of a live one begins no earlier than what is kept. @param {Shown} window @returns {Shown} */
  within({ from, to, live }) {
    const { reaches } = this;
    if (!live || !(reaches > from)) return { from, to, live };
    return { from: Math.min(reaches, to - SHORTEST_MS), to, live };
  }

  /** Now, on the server's clock. */
  get now() {
    return this.#loader?.now() ?? NaN;
  }

  /**
   * What there is of a window, without a seam; asks for what is missing.
   *
   * @param {Shown} window
   * @returns {any} a store
   */
  store(window) {
    this.#loader?.addEventListener("reaches", this.#learned);
    const live = this.#frozen.of(this.stream.store, window.live ? null : window);
    if (!this.#loader || this.#liveCovers(live, window)) return this.#plain(live, window);
    const whose = `${live.position?.source} ${live.setBacks}`;
    if (whose !== this.#whose) this.forget();
    this.#whose = whose;
    const stepMs = 1000 * this.#coarser * stepOf(window.to - window.from, { width: this.width, finestS: this.#finestS(live) });
    return this.#joined(window, stepMs, live);
  }

  /**
   * What the window is compared with; null where it is not, or nothing is known yet.
   *
   * @param {Window} window @param {number} shift seconds
   */
  ghost(window, shift) {
    if (!this.#loader || (!shift && !this.#ghost)) return null;
    if (!this.#ghost) {
      this.#ghost = new PanelGhost(this, this.#loader);
      this.#ghost.addEventListener("change", () => this.dispatchEvent(new Event("change")));
    }
    return this.#ghost.over(window, { shift, width: this.width, finestS: this.#finestS(this.stream.store) });
  }

  /** Why there is nothing to compare with, in the server's words; empty for no reason. */
  get ghostWhy() {
    return this.#ghost?.why ?? "";
  }

  #finestS({ serverIntervalS }) {
    return Math.max(1, serverIntervalS);
  }

  /** What was held is of another machine, or of another clock. */
  forget() {
    this.#held.clear();
    this.#store = null;
  }

  /** Nothing is wanted of it; hidden: nobody sees it. */
  rest({ hidden = false } = {}) {
    this.#wish = null;
    this.#loader?.unwanted(this);
    if (!hidden) return;
    this.#loader?.removeEventListener("reaches", this.#learned);
    this.#ghost?.rest();
  }

  /** It is known now how far back anything is kept. */
  #learned = () => this.dispatchEvent(new Event("change"));

  #plain(live, { from, live: goesOn }) {
    this.state = this.why = this.said = this.title = "";
    this.twice = null;
    // It was asked for all of the window, and there is no more.
    if (goesOn && live.position && live.ring.time(0) - from > 5000 * live.spacingS) this.#loader?.wantReach(this);
    this.rest();
    this.#store = null;
    return live;
  }

  /** Whether the live rows are all that there is of the window: what the server was asked for goes so far back. */
  #liveCovers({ ring, windowS, newest }, { from, to, live }) {
    if (live) return to - from <= 1000 * LIVE_S;
    if (!ring.length) return false;
    return Math.min(ring.time(0), newest - 1000 * windowS) <= from && ring.time(0) <= to;
  }

  #joined(window, stepMs, live) {
    const wish = this.#wishOf(window, stepMs);
    const found = this.#held.covering(wish.needed, stepMs);
    if (found) this.#settle("");
    else this.#want(wish);
    const pieces = this.#held.piecesOf(window, stepMs);
    const liveTo = window.live ? Infinity : window.to;
    const parts = pieces.map(({ answer, from }) => `${answer.asked} ${answer.from} ${answer.to} ${from === window.from ? "" : from}`);
    const key = [stepMs, window.live ? "live" : `${window.from} ${window.to}`, ...parts].join("|");
    if (key !== this.#storeKey || !this.#store?.follow()) {
      this.#store = new PastStore({ pieces, live, stepMs: pieces.at(-1)?.answer.stepMs ?? stepMs, liveTo, whole: Boolean(this.definition.others?.length) });
      this.#storeKey = key;
    }
    // Of the window that is wanted now, not of the one before.
    if (this.#wish) this.state = this.#store.ring.length ? "coarse" : "asking";
    this.#describe(pieces);
    return this.#store;
  }

  #describe(pieces) {
    const store = /** @type {PastStore} */ (this.#store);
    const leading = pieces.at(-1)?.answer;
    const stepMs = Math.max(...pieces.map(({ answer }) => Math.max(answer.stepMs, answer.steps.at(-1) ?? 0)), leading ? 0 : store.stepMs);
    const tiers = pieces.flatMap(({ answer }) => answer.tiers);
    this.twice = pieces.find(({ answer: { twice }, from, to }) => twice && twice.from <= to && twice.to >= from)?.answer.twice ?? null;
    Object.assign(this, saidOf({ stepMs, tiers, ranged: store.bands.size > 0 }));
  }

  /** @returns {Wish & {needed: Window}} needed: what must be there for it to be whole */
  #wishOf(window, stepMs) {
    const { now } = this;
    const ceil = (ms) => Math.ceil(ms / stepMs) * stepMs;
    const floor = (ms) => Math.floor(ms / stepMs) * stepMs;
    if (window.live) {
      const lag = this.#store?.lacking ? Math.max(TAIL.leastMs, TAIL.steps * stepMs) : TAIL.mostMs;
      return { from: floor(window.from) - stepMs, to: now, stepMs, needed: { from: window.from, to: now - Math.min(lag, TAIL.mostMs) } };
    }
    const beside = (window.to - window.from) * BESIDE;
    const to = Math.min(window.to, now);
    const from = Math.min(window.from, to);
    // Of a window that goes beyond the present, what has come since it was asked for is not asked for all the time.
    const lag = window.to > now ? Math.max(TAIL.leastMs, stepMs) : 0;
    return { from: floor(window.from - beside), to: Math.min(now, ceil(window.to + beside)), stepMs, needed: { from, to: Math.max(from, to - lag) } };
  }

  #want(wish) {
    if (!(wish.to > wish.from)) this.#settle("");
    else if (this.#refused !== `${wish.from} ${wish.stepMs}`) {
      this.#refused = this.why = "";
      this.#wish = wish;
      this.#loader?.want(this);
    }
  }

  #settle(state) {
    this.state = state;
    this.why = "";
    this.#wish = null;
    this.#loader?.unwanted(this);
  }

  /** What is to be asked next. @returns {{wish: Wish, request: import("../client/protocol.js").QueryRequest}|null} */
  get question() {
    const wish = this.#wish;
    if (!wish) return null;
    const finest = Math.max(1, this.stream.store.serverIntervalS) * 1000;
    const aggregate = [...(wish.stepMs > finest || this.stream.store.serverIntervalS < 1 ? RANGED : SINGLE)];
    const request = { panel: this.definition.id, stream: `@past ${this.definition.id}${this.#loader?.mark ?? ""}`, start: Math.round(wish.from), end: Math.round(wish.to), step: wish.stepMs / 1000, aggregate };
    return { wish, request };
  }

  /** @param {any} result @param {Wish} wish */
  answered(result, wish) {
    const answer = new PastAnswer(result, wish);
    this.#held.add(answer);
    this.dispatchEvent(new Event("change"));
    return answer;
  }

  /** @param {any} error @param {Wish} wish @returns {number} ms after which it may be asked again; NaN: not at all */
  failed(error, wish) {
    const code = error.code;
    if (code === REPLACED) return 0;
    if (error.temporary || code === undefined) return AGAIN_MS;
    if (code === LIMIT && this.#coarser < 64) {
      this.#coarser *= coarserThan(1);
      this.dispatchEvent(new Event("change"));
      return NaN;
    }
    this.#refused = `${wish.from} ${wish.stepMs}`;
    this.state = "refused";
    this.why = errorWords(error);
    this.#wish = null;
    this.dispatchEvent(new Event("change"));
    return NaN;
  }
}
