/** Goes to where an event was: its moment is chosen, and the charts show it with what was around it. */

import { endOf, momentOf } from "../charts/model/events.js";
import { windowAround } from "../charts/model/zoom.js";

/** An event is seen with as much before and after it. */
const AROUND = 3;

/**
 * @param {import("./view.js").View} view @param {import("../charts/model/events.js").HostEvent} event
 * @param {number} now Unix ms @param {{filter?: string}} [more] what else is to be shown
 */
export function visit(view, event, now, more = {}) {
  const at = momentOf(event);
  const { from, to } = view.window(now);
  if (at >= from && at <= to) return view.set({ ...more, at });
  const lastedMs = Math.min(endOf(event), now) - event.time;
  const length = Math.max(to - from, AROUND * lastedMs);
  return view.set({ ...more, at, frozen: windowAround(event.time + lastedMs / 2, length, now) });
}
