/** A stream of events: boots, alerts, marks and the like, those of the past first. */

import * as protocol from "./protocol.js";
import { Stream } from "./stream.js";
import { Told } from "./told.js";

/** What is asked for once more after a time without a connection, in seconds: it was not noticed at once. */
const OVERLAP_S = 60;
/** Of so many events it is known that they were told, and how. */
const KNOWN_MAX = 1000;

/**
 * Iterates over the server's `event` messages, each with the `gap` before it. Events, besides those of all streams:
 * `event`, with one as its detail; `gap`, where some did not come: ask again, with a backfill.
 */
export class EventStream extends Stream {
  /**
   * @param {string} name @param {protocol.EventsRequest} request
   * @param {{held?: boolean, awake?: boolean, resumes?: boolean, now?: () => number}} [options] resumes: after a time
   *   without a connection only what happened meanwhile comes, instead of the whole backfill; now: Unix ms
   */
  constructor(name, request, { held, awake, resumes = false, now = Date.now } = {}) {
    super(name, { held, awake });
    /** @type {protocol.EventsRequest} */ this.request = request;
    this.#resumes = resumes;
    this.#now = now;
  }

  #resumes;
  #now;
  /** When it was live last; NaN before it was. */ #liveAt = NaN;
  /** @type {Map<string, string>} how each event was told last, by its id */ #known = new Map();

  command(id) {
    const awayS = Math.max(0, this.#now() - this.#liveAt) / 1000;
    if (!this.#resumes || Number.isNaN(awayS)) return protocol.events(id, this.name, this.request);
    return protocol.events(id, this.name, { ...this.request, backfill: Math.ceil(awayS + OVERLAP_S) });
  }

  acknowledge() {
    this.#liveAt = this.#now();
  }

  interrupted() {
    if (this.group !== null) this.#liveAt = this.#now();
  }

  take(message) {
    if (message.type === "gap") {
      this.miss({ from: null, to: null, why: message.why });
      this.dispatchEvent(new Event("gap"));
    }
    if (message.type !== "event") return false;
    if (this.#resumes && this.#isTold(message)) return false;
    const { type, group, ...event } = message;
    this.pass({ count: 1, make: (_, gap) => ({ ...event, gap }), offsetOf: () => null });
    this.dispatchEvent(new Told("event", message));
    return true;
  }

  /** Whether this is known, as it is: one with a known id may have gone on, or ended. */
  #isTold({ id, time, end, severity, title }) {
    const how = JSON.stringify([time, end, severity, title]);
    if (this.#known.get(id) === how) return true;
    this.#known.delete(id);
    this.#known.set(id, how);
    if (this.#known.size > KNOWN_MAX) this.#known.delete(/** @type {string} */ (this.#known.keys().next().value));
    return false;
  }
}
