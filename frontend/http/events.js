/** Asks the server which events there were, and makes marks. */

import { answerOf } from "./answer.js";

const WITHIN_MS = 10_000;
/** As many as the server gives at once. */
export const EVENTS_MAX = 1000;

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent */

/**
 * The newest events of a range, oldest first.
 *
 * @param {{from: number, to: number}} range Unix ms
 * @param {{page?: string, token?: string, limit?: number}} [options]
 * @returns {Promise<HostEvent[]>} @throws {Error} that says why there are none; its `status` is HTTP's
 */
export async function loadEvents({ from, to }, { page = globalThis.document.baseURI, token = "", limit = EVENTS_MAX } = {}) {
  const url = new URL("api/v1/events", page);
  url.search = String(new URLSearchParams({ start: String(Math.floor(from)), end: String(Math.ceil(to)), limit: String(limit) }));
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const { events } = await answerOf(fetch(url, { headers, signal: AbortSignal.timeout(WITHIN_MS) }));
  return Array.isArray(events) ? events : [];
}

/**
 * Marks a moment, for those who may.
 *
 * @param {{title: string, time?: number}} mark time: Unix ms, now unless told
 * @param {{page?: string}} [options]
 * @returns {Promise<HostEvent>} @throws {Error} that says why not
 */
export async function postMark({ title, time }, { page = globalThis.document.baseURI } = {}) {
  const body = JSON.stringify({ title, ...(time !== undefined && { time: Math.round(time) }) });
  const headers = { "Content-Type": "application/json" };
  return await answerOf(fetch(new URL("api/v1/events", page), { method: "POST", headers, body, signal: AbortSignal.timeout(WITHIN_MS) }));
}
