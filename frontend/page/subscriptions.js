/** The streams behind a dashboard: asked for as its view wants them, and changed when that changes. */

import { requestOf } from "../charts/model/panel.js";
import { LIVE_S, rangeAbove } from "./choices.js";

/** No change of the range has to wait for readings, but for the longest. */
const WINDOW_MIN_S = 300;
const JUST_NOW_MS = 5000;
const HOST = Object.freeze({ metrics: ["system.uptime", "vitalcast.sampler.lag", "system.cpu.logical.count", "system.memory.limit"], interval: 1 });

/** How long ago the newest reading of any of these came, in seconds; NaN before the first. @param {{ageS: number}[]} streams */
export function youngest(streams) {
  const ages = streams.map(({ ageS }) => ageS).filter(Number.isFinite);
  return ages.length ? Math.min(...ages) : NaN;
}

export class Subscriptions {
  /**
   * @param {{client: import("../client/client.js").Client, view: import("./view.js").View, clock: import("../client/clock.js").ServerClock, mark?: string, host?: boolean}} parts
   *   mark: at the end of the streams' names, where several share a client; host: whether one comes that is of no panel
   */
  constructor({ client, view, clock, mark = "", host = true }) {
    this.#client = client;
    this.#view = view;
    this.#clock = clock;
    this.#mark = mark;
    // No panel's id begins so.
    this.host = /** @type {import("../client/series_stream.js").SeriesStream} */ (host ? client.subscribe({ ...HOST }, { name: "@host", windowS: 30 }) : null);
    view.addEventListener("change", this.#turned);
  }

  #client;
  #view;
  #clock;
  #mark;
  /** @type {Map<import("../charts/model/panel.js").Panel, import("../client/series_stream.js").SeriesStream>} */ #streams = new Map();

  /** Those whose newest reading tells how old the page is: see `youngest`. */
  get streams() {
    return [...(this.host ? [this.host] : []), ...this.#streams.values()];
  }

  /** A stream that waits until it is released: who shows it knows when it is in view. @param {import("../charts/model/panel.js").Panel} panel */
  open(panel) {
    const windowS = this.#windowS();
    const stream = this.#client.subscribe(requestOf(panel, { intervalS: this.#view.interval, windowS, rangeS: this.#rangeS }), { name: panel.id + this.#mark, windowS, held: true });
    this.#streams.set(panel, stream);
    return stream;
  }

  /** Gives one panel's stream back. @param {import("../charts/model/panel.js").Panel} panel */
  close(panel) {
    this.#streams.get(panel)?.close();
    this.#streams.delete(panel);
  }

  /** Gives all panels' streams back. */
  clear() {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  stop() {
    this.#view.removeEventListener("change", this.#turned);
    this.clear();
  }

  /** What decides which lines a panel has. Who zooms shares the lines of the next longer range. */
  get #rangeS() {
    return Math.min(rangeAbove(this.#view.range), LIVE_S);
  }

  /** How far back the view reaches, as far as live streams go: what is longer ago is asked of the history. */
  #windowS() {
    const { frozen } = this.#view;
    // What was just paused is here already; what a link shows may not be.
    const backS = frozen && this.#clock.now() - frozen.to > JUST_NOW_MS ? Math.ceil((this.#clock.now() - frozen.from) / 1000) : 0;
    return Math.max(WINDOW_MIN_S, this.#rangeS, backS <= LIVE_S ? backS : 0);
  }

  #turned = ({ detail }) => {
    // A pointer that moves over a paused page asks for no other past.
    if (!["range", "interval", "frozen"].some((key) => detail.has(key))) return;
    for (const [panel, stream] of this.#streams) {
      if (detail.has("interval")) stream.update({ interval: Math.max(this.#view.interval, panel.interval ?? 0) });
      if (detail.has("range")) stream.update({ range: this.#rangeS });
      const windowS = this.#windowS();
      if (windowS > stream.store.windowS) stream.update({ windowS });
    }
  };
}
