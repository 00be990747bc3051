/** The events of a server, for a page that lies elsewhere than at its root. */

import { loadEvents } from "../http/events.js";
import { EventLog } from "./event_log.js";

/**
 * Begins to listen; `stop` is the caller's.
 *
 * @param {{client: import("../client/client.js").Client, page: string, token?: string}} server page: its address
 */
export function eventsOf({ client, page, token = "" }) {
  const load = (range, options) => loadEvents(range, { ...options, page, token });
  const events = new EventLog({ client, clock: client.clock, load });
  events.start();
  return events;
}
