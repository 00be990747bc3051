/** The answers about one panel's past that are kept, and which of them show a window best. Pure. */

/** Values of all answers together: some megabytes a panel at most. */
const VALUES_MAX = 400_000;
const ANSWERS_MAX = 12;
/** A window is put together of no more than these. */
const PIECES_MAX = 6;

/**
 * @typedef {import("./past_answer.js").PastAnswer} PastAnswer
 * @typedef {{answer: PastAnswer, from: number, to: number}} Piece the part of an answer that is shown, (from, to]
 */

export class PastHeld {
  /** @type {PastAnswer[]} the one that was used longest ago first */ #answers = [];

  /** @param {PastAnswer} answer */
  add(answer) {
    // What says the same of less has nothing to add.
    const outdone = (one) => one.stepMs === answer.stepMs && one.from >= answer.from && one.to <= answer.to;
    this.#answers = this.#answers.filter((one) => !outdone(one));
    this.#answers.push(answer);
    let values = this.#answers.reduce((sum, { size }) => sum + size, 0);
    while (this.#answers.length > 1 && (values > VALUES_MAX || this.#answers.length > ANSWERS_MAX)) {
      values -= /** @type {PastAnswer} */ (this.#answers.shift()).size;
    }
  }

  clear() {
    this.#answers = [];
  }

  /** How finely the window is known wholly; null where parts of it are not, by that step. */
  covering({ from, to }, stepMs) {
    const found = this.#answers.findLast((one) => one.asked === stepMs && one.from <= from && one.to >= to) ?? null;
    if (found) this.#use(found);
    return found;
  }

  #use(answer) {
    this.#answers = [...this.#answers.filter((one) => one !== answer), answer];
  }

  /**
   * What shows a window best: by the wanted step, else by a finer one, else by a coarser.
   *
   * @param {{from: number, to: number}} window @param {number} stepMs
   * @returns {Piece[]} in order of time, none over another
   */
  piecesOf({ from, to }, stepMs) {
    let left = [{ from, to }];
    /** @type {Piece[]} */ const pieces = [];
    for (const answer of this.#ranked(stepMs)) {
      if (!left.length || pieces.length >= PIECES_MAX) break;
      const still = [];
      for (const span of left) {
        const part = { from: Math.max(span.from, answer.from), to: Math.min(span.to, answer.to) };
        if (part.to <= part.from) {
          still.push(span);
          continue;
        }
        pieces.push({ answer, ...part });
        if (part.from > span.from) still.push({ from: span.from, to: part.from });
        if (part.to < span.to) still.push({ from: part.to, to: span.to });
      }
      left = still;
    }
    return pieces.sort((a, b) => a.from - b.from);
  }

  /** The newest first among those of the same step. */
  #ranked(stepMs) {
    const distance = ({ asked }) => (asked === stepMs ? 0 : asked < stepMs ? stepMs / asked : 1e6 * (asked / stepMs));
    return this.#answers.map((answer, i) => ({ answer, i, far: distance(answer) })).sort((a, b) => a.far - b.far || b.answer.to - a.answer.to || b.i - a.i).map(({ answer }) => answer);
  }
}
