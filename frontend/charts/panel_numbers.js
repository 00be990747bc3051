/** What a panel says in words and digits: its headline, its legend, the moment that these are of, and a summary. */

import { differenceOf } from "./model/ghost.js";
import { headlineAt, summaryOf } from "./model/headline.js";
import { layoutOf, rowValues } from "./model/lines.js";
import { stepWords } from "./model/past_steps.js";
import { momentWords } from "./model/time_words.js";
import { valuesAt } from "./model/values_at.js";
import { Headline } from "./headline_view.js";
import { Legend } from "./legend.js";
import { h, setHidden, setText, setTitle } from "../dom/html.js";

/** Nobody reads digits that change faster; the chart itself takes every value. */
const EVERY_MS = 240;
const SUMMARY_EVERY_MS = 10_000;

/**
 * @typedef {{moment: number|null, frozen: import("../page/view.js").Window|null, range: number}} Shown
 *   moment: the one pointed at, or else chosen, Unix ms; range: seconds
 */

export class PanelNumbers {
  /**
   * @param {import("./model/panel.js").Panel} panel
   * @param {{picked?: () => void, causeAt?: (time: number|null) => string[]}} [page] picked: other lines are to be shown
   *   now; causeAt: the programs behind its level at a moment, null for now
   */
  constructor(panel, { picked = () => {}, causeAt = () => [] } = {}) {
    this.#panel = panel;
    this.#causeAt = causeAt;
    this.#headline = new Headline();
    this.#legend = new Legend(panel);
    this.#legend.addEventListener("picked", picked);
    this.headline = this.#headline.element;
    this.legend = this.#legend.element;
    this.moment = h("span", { class: "moment", hidden: true });
    this.difference = h("span", { class: "difference", hidden: true });
    this.summary = h("p", { class: "unseen", id: `summary-${panel.id}` }, `${panel.title}: no data yet.`);
  }

  #panel;
  #causeAt;
  #headline;
  #legend;
  /** @type {import("./model/lines.js").Layout|null} */ #layout = null;
  #writtenAt = -Infinity;
  #summedUpAt = -Infinity;
  #secondAt = NaN;
  /** Those of the head as they were written last. @type {import("./model/headline.js").HeadlineNow["numbers"]} */ numbers = [];
  /** Why there are no numbers of the moment that is pointed at; empty where there are. */ why = "";

  /** @returns {ReadonlySet<string>} the keys of lines that are shown alone; empty for all */
  get picked() {
    return this.#legend.picked;
  }

  showAll() {
    return this.#legend.showAll();
  }

  /** Writes anew next time: something else is to be read now. */
  expire() {
    this.#writtenAt = this.#summedUpAt = -Infinity;
  }

  /** @param {import("./model/lines.js").Layout} layout */
  arrange(layout) {
    if (layout === this.#layout) return;
    this.#layout = layout;
    this.#legend.build(layout);
    this.#writtenAt = -Infinity;
  }

  /**
   * Whether what is written is of another time than the newest.
   *
   * @param {import("../client/store.js").StreamStore} store
   * @param {import("../client/store.js").StreamStore|null} [second] has means of a second, which are written when they come
   */
  due({ newest }, second = null) {
    if (second && second.newest !== this.#secondAt) return true;
    // Where there is no newest, that is to be written too.
    return !(Math.abs(newest - this.#writtenAt) < EVERY_MS);
  }

  /**
   * The numbers of the moment that is pointed at, else of the newest that is shown.
   *
   * @param {import("../client/store.js").StreamStore} store @param {Shown} shown
   * @param {import("../client/store.js").StreamStore|null} [second] has the newest as means of a second, where lines come faster
   */
  write(store, { moment, frozen, range }, second = null) {
    if (!this.#layout) return;
    this.#writtenAt = store.newest;
    this.#secondAt = second?.newest ?? NaN;
    setHidden(this.moment, moment === null);
    if (moment !== null) {
      this.#writeMoment(store, moment);
      return;
    }
    const ring = (frozen ? null : store.present) ?? store.ring;
    const last = (frozen ? ring.firstAtOrAfter(frozen.to + 1) : ring.length) - 1;
    this.why = "";
    const own = rowValues(ring, this.#layout.lines, last);
    const calm = frozen || !second ? null : layoutOf(second);
    this.#legend.write(second && calm ? calmed(own, this.#layout, calm, second.ring) : own);
    if (second && calm) this.#head(second.ring, second.ring.length - 1, true, calm);
    else this.#head(ring, last, frozen === null);
    this.#sumUp({ ring, newest: store.newest }, last, frozen, range);
  }

  /**
   * How the number differs from what it is compared with.
   *
   * @param {import("./model/past_answer.js").PastAnswer|null} ghost
   * @param {{store: import("../client/store.js").StreamStore, from: number, to: number, why: string, view: import("../page/view.js").View}} shown
   */
  compare(ghost, { store: { ring }, from, to, why, view: { compare: shift, moment } }) {
    const words = why && shift ? `no comparison: ${why}` : ghost && this.#layout ? differenceOf(ghost, this.#layout, { ring, from, to, moment, shift, stack: Boolean(this.#panel.stack) }) : "";
    setHidden(this.difference, !words);
    setText(this.difference, words);
    setTitle(this.difference, words);
  }

  /** The chart marks the moment itself; what there was not is told in the place of the numbers. */
  #writeMoment(store, hover) {
    const layout = /** @type {import("./model/lines.js").Layout} */ (this.#layout);
    const { ring } = store;
    const { time, values, why } = valuesAt({ store, lines: layout.lines, time: hover });
    this.why = why;
    this.#legend.write(values);
    this.#head(ring, Number.isNaN(time) ? -1 : ring.firstAtOrAfter(time));
    setText(this.moment, `${whenOf(store, time, hover)}${why && `: ${why}`}`);
    setTitle(this.moment, this.moment.textContent ?? "");
  }

  #head(ring, row, live = false, layout = this.#layout) {
    const headline = headlineAt(/** @type {import("./model/lines.js").Layout} */ (layout), ring, row);
    this.numbers = headline.numbers;
    this.#headline.write(headline, headline.level ? this.#causeAt(live ? null : ring.time(row)) : []);
  }

  /** Written rarely: a text that changes each second is no help to a screen reader. */
  #sumUp({ ring, newest }, row, frozen, range) {
    if (Math.abs(newest - this.#summedUpAt) < SUMMARY_EVERY_MS) return;
    this.#summedUpAt = newest;
    const spanS = frozen ? (frozen.to - frozen.from) / 1000 : range;
    const layout = /** @type {import("./model/lines.js").Layout} */ (this.#layout);
    setText(this.summary, summaryOf(this.#panel, layout, { ring, spanS, row, frozen: frozen !== null }));
  }
}

/** The values of these lines as means of a second; of a line that has none, its own. */
function calmed(own, { lines }, calm, ring) {
  const nameOf = ({ id, down, part }) => `${id} ${down} ${part}`;
  const places = new Map(calm.lines.map((line, i) => [nameOf(line), i]));
  const values = rowValues(ring, calm.lines, ring.length - 1);
  return lines.map((line, i) => values[places.get(nameOf(line)) ?? -1] ?? own[i]);
}

/** The moment that numbers are of; where they are of a step, which one: `10 min to 14:20`. */
function whenOf(store, time, moment) {
  const stepped = store.bands?.size > 0 && !Number.isNaN(time);
  const stepMs = stepped ? store.stepAt(time) : 0;
  const words = momentWords(Number.isNaN(time) ? moment : time, Date.now(), { seconds: !stepped || stepMs < 60_000 });
  return stepped ? `${stepWords(stepMs)} to ${words}` : words;
}
