/** A stream of events: boots, alerts, marks and the like, those of the past first. */

import * as protocol from "./protocol.js";
import { Stream } from "./stream.js";

/**
 * Iterates over the server's `event` messages. Events, besides those of all streams: `event`, with one as its detail;
 * `gap`, where some did not come: ask again, with a backfill.
 */
export class EventStream extends Stream {
  /** @param {string} name @param {protocol.EventsRequest} request @param {{held?: boolean, awake?: boolean}} [options] */
  constructor(name, request, options) {
    super(name, options);
    /** @type {protocol.EventsRequest} */ this.request = request;
  }

  command(id) {
    return protocol.events(id, this.name, this.request);
  }

  take(message) {
    if (message.type === "gap") this.dispatchEvent(new Event("gap"));
    if (message.type !== "event") return false;
    this.pass(message);
    this.dispatchEvent(new CustomEvent("event", { detail: message }));
    return true;
  }
}
