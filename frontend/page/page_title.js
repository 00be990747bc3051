/** The title and the icon of the page's tab, which may be all that is seen of it: how it stands with the machine. */

import { isOngoing, worstOf } from "../charts/model/events.js";

/** Of these the page has nothing to say: it is as it should be. */
const USUAL = new Set(["Live", "Connecting"]);
/** While the page shows a moment or nobody looks at it, events are heard all the same. */
const HEARING = new Set([...USUAL, "Paused", "Past"]);
const ICONS = "static/styles/icon";

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent */

/**
 * The worst level that goes on, and whose it is.
 *
 * @param {HostEvent[]} events @param {(id: string) => string} nameOf of a panel
 * @returns {{level: ""|"warning"|"critical", words: string}}
 */
export function levelOf(events, nameOf) {
  const going = events.filter((event) => event.kind === "level" && isOngoing(event));
  const level = worstOf(going)?.severity ?? "info";
  if (level === "info") return { level: "", words: "" };
  const names = [...new Set(going.filter(({ severity }) => severity === level).map(({ attributes }) => nameOf(String(attributes.panel))))];
  return { level, words: `${names.length > 2 ? `${names[0]} and ${names.length - 1} more` : names.join(" and ")} ${level}` };
}

/** What matters comes first: a tab shows only the beginning. @param {{level: string, state: string, host: string}} parts in words */
export function titleOf({ level, state, host }) {
  const first = [level && `\u25cf ${level}`, state].filter(Boolean).join(" \u00b7 ");
  return [first, host, "Vitalcast"].filter(Boolean).join(" \u2013 ");
}

/** Levels are those of the events, one stream that goes on in a hidden tab: it costs nothing while nothing happens. */
export class PageTitle {
  /** @param {{events: import("./event_log.js").EventLog, clock: {now: () => number}}} parts */
  constructor({ events, clock }) {
    this.#events = events;
    this.#clock = clock;
  }

  #events;
  #clock;
  #host = "";
  #state = "";
  /** @type {Map<string, string>} names of panels by their ids */ #names = new Map();

  start() {
    this.#events.addEventListener("change", this.#write);
  }

  stop() {
    this.#events.removeEventListener("change", this.#write);
    icon("");
  }

  /** @param {{host?: string, state?: string, panels?: import("../charts/model/panel.js").Panel[]}} known state: the status in a word */
  tell({ host, state, panels }) {
    this.#host = host ?? this.#host;
    this.#state = state ?? this.#state;
    if (panels) this.#names = new Map(panels.map(({ id, vital, title }) => [id, vital || title]));
    this.#write();
  }

  #write = () => {
    const now = this.#clock.now();
    const heard = HEARING.has(this.#state) ? this.#events.between(now, now) : [];
    const { level, words } = levelOf(heard, (id) => this.#names.get(id) ?? id);
    const title = titleOf({ level: words, state: USUAL.has(this.#state) ? "" : this.#state, host: this.#host });
    if (document.title !== title) document.title = title;
    icon(level);
  };
}

/** @param {""|"warning"|"critical"} level */
function icon(level) {
  const link = document.querySelector('link[rel="icon"]');
  const href = `${ICONS}${level && `-${level}`}.svg`;
  if (link && link.getAttribute("href") !== href) link.setAttribute("href", href);
}
