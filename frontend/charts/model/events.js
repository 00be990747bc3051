/** What is to be known of events: how bad, how long, who had to do with it, and which chart they concern. */

/**
 * @typedef {"info"|"warning"|"critical"} Severity
 * @typedef {{id: string, source?: string, time: number, end: number|null, kind: string, severity: Severity, title: string,
 *            attributes: Record<string, any>}} HostEvent as the server tells it: times in Unix ms
 */

/** @type {Record<Severity, number>} */
export const RANKS = Object.freeze({ info: 0, warning: 1, critical: 2 });
/** What happened to the machine as a whole, or was said of it: it may explain any chart. */
const OF_ALL = new Set(["boot", "shutdown", "stop", "clock", "mark"]);
/** Whose charts a process concerns that was killed for want of memory. */
const OF_MEMORY = "memory";

/** @param {any} told @returns {HostEvent|null} null for what is none */
export function eventOf(told) {
  const { id, time, end, kind, title, severity, attributes } = told ?? {};
  if (typeof id !== "string" || typeof kind !== "string" || !Number.isFinite(time)) return null;
  return {
    ...told,
    end: Number.isFinite(end) ? end : null,
    severity: Object.hasOwn(RANKS, severity) ? severity : "info",
    title: typeof title === "string" ? title : "",
    attributes: typeof attributes === "object" && attributes !== null ? attributes : {},
  };
}

/** @param {HostEvent} event */
export const isOngoing = ({ end, attributes }) => end === null && Boolean(attributes.ongoing);

/** When it is over, Unix ms: never, while it goes on. @param {HostEvent} event */
export const endOf = (event) => (isOngoing(event) ? Infinity : Math.max(event.time, event.end ?? 0));

/** Whether some of it was from `from` to `to`. @param {HostEvent} event */
export const overlaps = (event, from, to) => event.time <= to && endOf(event) >= from;

/** The programs that had to do with it, as far as this reader may know. @param {HostEvent} event @returns {string[]} */
export function namesOf({ attributes: { names } }) {
  return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
}

/** What happened, without the names that follow it. @param {HostEvent} event */
export function titleOf(event) {
  const names = `: ${namesOf(event).join(", ")}`;
  return names.length > 2 && event.title.endsWith(names) ? event.title.slice(0, -names.length) : event.title;
}

/** @param {HostEvent[]} events @returns {HostEvent|null} the worst, of equals the latest */
export function worstOf(events) {
  return events.reduce((/** @type {HostEvent|null} */ worst, event) => (worst && RANKS[worst.severity] > RANKS[event.severity] ? worst : event), null);
}

/**
 * Whether an event is to be seen in a panel's chart: what concerned the machine as a whole, the panel's own level, and
 * those of the panels that share its place, as `cpu-programs` and `cpu` do.
 *
 * @param {HostEvent} event @param {Kin} panel
 */
export function concerns({ kind, attributes }, panel) {
  if (OF_ALL.has(kind)) return true;
  if (kind === "level") return isOf(panel, attributes.panel);
  return kind === "oom_kill" && isOf(panel, OF_MEMORY);
}

/** @typedef {{id: string, kin?: readonly string[]}} Kin a panel, and the ids of all that share its place */

/** Whether a panel is that one, or shows the same otherwise. @param {Kin} panel @param {unknown} other */
const isOf = ({ id, kin = [id] }, other) => typeof other === "string" && kin.includes(other);

/**
 * The programs behind the level of a panel at a moment.
 *
 * @param {HostEvent[]} events @param {Kin} panel @param {number|null} [time] Unix ms; null for now
 * @returns {string[]} the one that used most first; none where none is known
 */
export function causeOf(events, panel, time = null) {
  const mine = events.filter(({ kind, attributes }) => kind === "level" && isOf(panel, attributes.panel));
  const then = mine.filter((event) => (time === null ? isOngoing(event) : overlaps(event, time, time)));
  const last = then.at(-1);
  return last ? namesOf(last) : [];
}

/**
 * Events that would lie upon each other, together.
 *
 * @param {HostEvent[]} events in order @param {(time: number) => number} placeOf in pixels @param {number} apart in pixels
 * @returns {{x: number, events: HostEvent[]}[]} where the first of each stands
 */
export function clustersOf(events, placeOf, apart) {
  /** @type {{x: number, events: HostEvent[]}[]} */ const clusters = [];
  for (const event of events) {
    const x = placeOf(event.time);
    const last = clusters.at(-1);
    if (last && x - last.x < apart) last.events.push(event);
    else clusters.push({ x, events: [event] });
  }
  return clusters;
}

/** The moment that shows best what it was: amid a span that is over, else where it began. @param {HostEvent} event @returns {number} Unix ms */
export const momentOf = ({ time, end }) => (end !== null && end > time ? Math.round((time + end) / 2) : time);
