/** The past of a page's panels: asks for what their charts lack, what is pointed at first and few at a time. */

import { PanelPast } from "./panel_past.js";

/** What a server answers at once to one socket: more would wait there, where nothing can overtake them. */
const AT_ONCE = 4;
/** Charts begin later where what is kept begins by so much later than they know. */
const LATER_MS = 60_000;
/** The whole past in one step, to learn where it begins. */
const WHOLE_STEP_S = 31_536_000;

/** Event `reaches`: it is known now how far back anything is kept. */
export class Past extends EventTarget {
  /**
   * @param {{client: import("../client/client.js").Client, view: import("./view.js").View,
   *          clock: import("../client/clock.js").ServerClock, mark?: string}} parts
   *   mark: at the end of the names of its questions, where several share a client
   */
  constructor({ client, view, clock, mark = "" }) {
    super();
    this.#client = client;
    this.#clock = clock;
    this.view = view;
    this.mark = mark;
  }

  #client;
  #clock;
  /** @type {Set<PanelPast>} in the order in which they were wanted */ #wanting = new Set();
  /** @type {Set<PanelPast>} */ #asking = new Set();
  #due = false;
  /** @type {any} */ #timer;
  #askedReach = false;
  /** The earliest time that anything is kept of, Unix ms; NaN while that is unknown. */ reaches = NaN;

  /** @param {import("../charts/model/panel.js").Panel} definition @param {import("../client/series_stream.js").SeriesStream} stream */
  of(definition, stream) {
    return new PanelPast(definition, stream, this);
  }

  now() {
    return Math.floor(this.#clock.now());
  }

  stop() {
    clearTimeout(this.#timer);
    this.#wanting.clear();
  }

  /** @param {PanelPast} panel */
  want(panel) {
    this.#wanting.add(panel);
    this.#soon();
  }

  /** @param {PanelPast} panel */
  unwanted(panel) {
    this.#wanting.delete(panel);
  }

  /** Once all charts of this frame have said what they want. */
  #soon() {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => setTimeout(() => {
      this.#due = false;
      this.#ask();
    }));
  }

  #ask() {
    const free = [...this.#wanting].filter((panel) => !this.#asking.has(panel));
    free.sort((a, b) => Number(b.urgent) - Number(a.urgent));
    for (const panel of free.slice(0, Math.max(0, AT_ONCE - this.#asking.size))) this.#askFor(panel);
  }

  async #askFor(panel) {
    const asked = panel.question;
    this.#wanting.delete(panel);
    if (!asked) return;
    this.#asking.add(panel);
    try {
      const answer = panel.answered(await this.#client.query(asked.request), asked.wish);
      if (answer.partial) this.wantReach(panel);
      this.#follow(answer);
    } catch (error) {
      const againMs = panel.failed(error, asked.wish);
      if (againMs >= 0) this.#later(panel, againMs);
    } finally {
      this.#asking.delete(panel);
      // What it wanted meanwhile may be there now: it says so when it is drawn.
      this.#wanting.delete(panel);
      this.#soon();
    }
  }

  #later(panel, ms) {
    this.#timer = setTimeout(() => panel.dispatchEvent(new Event("change")), ms);
  }

  /** Somebody has found out how far back anything is kept. @param {number} time Unix ms */
  learn(time) {
    this.#askedReach = true;
    this.reaches = time;
    this.dispatchEvent(new Event("reaches"));
  }

  /** What is kept, or may be seen, begins later by and by: an answer from before it says where. @param {import("../charts/model/past_answer.js").PastAnswer} answer */
  #follow({ from, tiers }) {
    if (from <= this.reaches && tiers.length && tiers[0].start - this.reaches > LATER_MS) this.learn(tiers[0].start);
  }

  /** Not all that was looked for is there: where does what is kept begin? @param {PanelPast} panel */
  async wantReach(panel) {
    if (this.#askedReach) return;
    this.#askedReach = true;
    try {
      const request = { panel: panel.definition.id, start: 0, end: this.now(), step: WHOLE_STEP_S };
      const { tiers } = await this.#client.query(request);
      if (tiers.length) this.learn(tiers[0].start);
    } catch {
      this.#askedReach = false;
    }
  }
}

export { PanelPast };
