/** What the strip of the whole kept time shows: asked of the history part by part, and not again before it shows. */

import { joined, loadOf, loadQuery } from "../charts/model/overview_load.js";

/** Enough to learn since when there is anything. */
const FIRST_POINTS = 60;
const PIXELS_A_POINT = 2;
const POINTS_MAX = 500;
/** What is new in the last hour shows within a minute; older parts change by a pixel in more than this. */
const NEWEST_EVERY_MS = 60_000;
const EVERY_MS = 900_000;

/** @typedef {import("../charts/model/overview_axis.js").OverviewAxis} OverviewAxis */

/** Event: `change`. `load` is what is there so far. */
export class OverviewPast extends EventTarget {
  /** @param {{client: import("../client/client.js").Client, clock: {now: () => number}}} parts */
  constructor({ client, clock }) {
    super();
    this.#client = client;
    this.#clock = clock;
  }

  #client;
  #clock;
  #asking = false;
  #stopped = false;
  /** The first moment that is kept, Unix ms; NaN while it is not known. */ since = NaN;
  /** Nothing is kept, or this reader may not see it. */ refused = false;
  /** @type {Map<string, {load: import("../charts/model/overview_load.js").Load, at: number}>} by how far back a part reaches */
  #parts = new Map();

  get load() {
    return joined([...this.#parts.values()].map(({ load }) => load).sort((a, b) => a.times[0] - b.times[0]));
  }

  stop() {
    this.#stopped = true;
  }

  /** Asks for what is missing or old, one part after the other. @param {(since: number) => OverviewAxis} axisOf */
  async ask(axisOf) {
    if (this.#asking || this.refused) return;
    this.#asking = true;
    try {
      if (Number.isNaN(this.since)) await this.#begin();
      if (!Number.isNaN(this.since)) await this.#askParts(axisOf(this.since));
    } catch (error) {
      // A refusal stands; a connection that is gone comes back, and the next beat asks again.
      this.refused = error.code !== undefined && !error.temporary;
    } finally {
      this.#asking = false;
    }
  }

  async #begin() {
    const to = this.#clock.now();
    const result = await this.#query({ from: 0, to, points: FIRST_POINTS });
    const since = result.tiers?.[0]?.start || result.times[0];
    if (result.times.length) this.since = Math.min(since, result.times[0]);
  }

  /** @param {OverviewAxis} axis */
  async #askParts({ parts, to: axisEnd }) {
    const names = parts.map(({ words }) => words);
    for (const name of this.#parts.keys()) if (!names.includes(name)) this.#parts.delete(name);
    for (const [i, { from, to, width, words }] of [...parts.entries()].reverse()) {
      const everyMs = i === parts.length - 1 ? NEWEST_EVERY_MS : EVERY_MS;
      const held = this.#parts.get(words);
      if (held && this.#clock.now() - held.at < everyMs) continue;
      // A little further, for the next part moves on meanwhile.
      const until = Math.min(axisEnd, to + everyMs);
      const result = await this.#query({ from, to: until, points: Math.min(POINTS_MAX, Math.ceil(width / PIXELS_A_POINT)) });
      if (this.#stopped) return;
      this.#parts.set(words, { load: loadOf(result), at: this.#clock.now() });
      this.dispatchEvent(new Event("change"));
    }
  }

  #query(part) {
    return this.#client.query(/** @type {any} */ ({ ...loadQuery(part), stream: "@overview" }));
  }
}
