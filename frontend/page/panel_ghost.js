/** What a panel's chart is compared with: the same lines as they were an hour, a day or a week before, under the times of now. */

import { PastAnswer } from "../charts/model/past_answer.js";
import { stepOf } from "../charts/model/past_steps.js";

/** It is the past already: so much more of a live window is asked for, as a share of it. */
const AHEAD = 0.25;
const AGAIN_MS = 5000;

/** Event `change`: it has come, or is another. */
export class PanelGhost extends EventTarget {
  /** @param {import("./panel_past.js").PanelPast} of whose ghost it is @param {import("./past.js").Past} loader */
  constructor(of, loader) {
    super();
    this.#of = of;
    this.#loader = loader;
  }

  #of;
  #loader;
  /** @type {PastAnswer|null} */ #answer = null;
  #shift = 0;
  #key = "";
  /** @type {any} */ #wish = null;
  #failed = "";
  /** Why there is none, in the server's words; empty for no reason. */ why = "";

  get urgent() {
    return this.#of.urgent;
  }

  /**
   * What is known of a window; asks for what is missing.
   *
   * @param {{from: number, to: number}} window @param {{shift: number, width: number, finestS: number}} chart shift: seconds
   * @returns {PastAnswer|null}
   */
  over({ from, to }, { shift, width, finestS }) {
    if (shift !== this.#shift) this.#forget();
    this.#shift = shift;
    if (!shift) return this.rest();
    const stepMs = 1000 * stepOf(to - from, { width, finestS });
    const covered = this.#answer?.asked === stepMs && this.#answer.from <= from && this.#answer.to >= to;
    if (!covered) this.#want(from, to, stepMs);
    return this.#answer;
  }

  #forget() {
    this.#answer = null;
    this.why = "";
  }

  #want(from, to, stepMs) {
    const start = Math.floor(from / stepMs) * stepMs - stepMs;
    const end = Math.ceil((to + AHEAD * (to - from)) / stepMs) * stepMs;
    const key = `${start} ${end} ${stepMs} ${this.#shift}`;
    if (key === this.#failed) return;
    this.#key = key;
    this.#wish = { from: start, to: end, stepMs };
    this.#loader.want(this);
  }

  /** Nobody wants it. @returns {null} */
  rest() {
    this.#wish = null;
    this.#loader.unwanted(this);
    return null;
  }

  get question() {
    const wish = this.#wish;
    if (!wish) return null;
    const { from: start, to: end, stepMs } = wish;
    const { id } = this.#of.definition;
    const request = { panel: id, stream: `@ghost ${id}${this.#loader.mark}`, start, end, step: stepMs / 1000, shift: this.#shift, aggregate: ["avg"] };
    return { wish: { ...wish, shift: this.#shift }, request };
  }

  answered(result, wish) {
    const answer = new PastAnswer(result, wish);
    if (wish.shift === this.#shift) this.#answer = answer;
    this.why = "";
    this.dispatchEvent(new Event("change"));
    return { partial: false };
  }

  failed(error) {
    if (error.temporary || error.code === undefined) return AGAIN_MS;
    this.#failed = this.#key;
    this.#answer = null;
    this.why = error.message;
    this.dispatchEvent(new Event("change"));
    return NaN;
  }
}
