/** How a panel's bars fill: asks the history for their last week, once somebody looks, and now and then again. */

import { trendsOf } from "../charts/model/fill_trend.js";
import { PastAnswer } from "../charts/model/past_answer.js";

const WEEK_MS = 7 * 86_400_000;
const STEP_S = 3600;
const AGAIN_MS = 1_800_000;

export class FillTrends {
  /**
   * @param {{panel: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client|null,
   *          clock: import("../client/clock.js").ServerClock, changed: () => void}} parts
   */
  constructor({ panel, client, clock, changed }) {
    this.#panel = panel;
    this.#client = client;
    this.#clock = clock;
    this.#changed = changed;
  }

  #panel;
  #client;
  #clock;
  #changed;
  #askedAt = -Infinity;
  /** @type {ReadonlyMap<string, import("../charts/model/fill_trend.js").Trend>} */ #trends = new Map();

  /** By the bars' keys; none until the history has answered, or where it may not be asked. */
  get now() {
    if (this.#panel.chart === "bar" && this.#client && performance.now() - this.#askedAt > AGAIN_MS) this.#ask(this.#client);
    return this.#trends;
  }

  async #ask(client) {
    this.#askedAt = performance.now();
    const to = Math.floor(this.#clock.now() / (1000 * STEP_S)) * 1000 * STEP_S;
    const asked = { from: to - WEEK_MS, to, stepMs: 1000 * STEP_S };
    try {
      const result = await client.query({ panel: this.#panel.id, start: asked.from, end: to, step: STEP_S, stream: `@fill-${this.#panel.id}` });
      this.#trends = trendsOf(new PastAnswer(result, asked));
      this.#changed();
    } catch {
      // A token that sees no past, or a server that keeps none: the bars stand without.
    }
  }
}
