/** The numbers of a panel whose lines come faster than anybody reads: means of a second, as the vital signs have them. */

import { requestOf } from "../charts/model/panel.js";

/** Nobody reads digits that change faster. */
const LEAST_S = 1;
const WINDOW_S = 60;

/**
 * What a number that is read is asked for. Two that are alike share what the server computes, so that a panel and its
 * vital sign show the same.
 *
 * @param {import("../charts/model/panel.js").Panel} panel @param {number} intervalS of the lines
 */
export const numbersOf = (panel, intervalS) => requestOf(panel, { intervalS: Math.max(LEAST_S, intervalS), windowS: WINDOW_S });

/** Asks for them only while lines come faster, and only while somebody sees the panel. */
export class SecondNumbers {
  /**
   * Those of a panel that can ask for more, else null.
   *
   * @param {{definition: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client|null, stream: {name: string}}} element
   * @param {() => void} changed
   */
  static of({ definition: panel, client, stream: { name } }, changed) {
    return client && new SecondNumbers({ panel, client, name, changed });
  }

  /**
   * @param {{panel: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client, name: string,
   *          changed: () => void}} parts name: of the panel's own stream
   */
  constructor({ panel, client, name, changed }) {
    this.#panel = panel;
    this.#client = client;
    this.#name = `@second-${name}`;
    this.#changed = changed;
  }

  #panel;
  #client;
  #name;
  #changed;
  /** @type {import("../client/series_stream.js").SeriesStream|null} */ #stream = null;

  /** What to read the newest numbers from; null where the panel's own will do, or nothing has come yet. */
  get store() {
    const store = this.#stream?.store;
    return store?.ring.length ? store : null;
  }

  /** @param {{intervalS: number, inView: boolean}} state */
  want({ intervalS, inView }) {
    const wanted = inView && Math.max(intervalS, this.#panel.interval ?? 0) < LEAST_S;
    if (wanted === (this.#stream !== null)) return;
    if (!wanted) {
      this.stop();
      return;
    }
    this.#stream = this.#client.subscribe(numbersOf(this.#panel, intervalS), { name: this.#name, windowS: WINDOW_S });
    this.#stream.addEventListener("change", this.#changed);
  }

  stop() {
    this.#stream?.removeEventListener("change", this.#changed);
    this.#stream?.close();
    this.#stream = null;
  }
}
