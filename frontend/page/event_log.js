/** The events of the machine, as the page knows them: those that happen as they do, earlier ones once somebody looks. */

import { causeOf } from "../charts/model/events.js";
import { EVENTS_MAX, loadEvents } from "../http/events.js";
import { EventStore } from "./event_store.js";

/** What comes unasked when the page opens, and after each time without a connection. */
const RECENT_S = 86_400;
/** What was asked for and is yet to come: the latest wish comes first, and earlier ones may be out of date. */
const WISHES_MAX = 4;
/** Statuses that say that there will be none. */
const DENIALS = new Set([401, 403, 404]);

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent */

/**
 * One for a page. Where the server has no events, or does not show them to this reader, there are none.
 *
 * Event: `change`, when other events are known than before.
 */
export class EventLog extends EventTarget {
  /** @param {{client: import("../client/client.js").Client, clock: {now: () => number}, load?: typeof loadEvents}} parts */
  constructor({ client, clock, load = loadEvents }) {
    super();
    this.#client = client;
    this.#clock = clock;
    this.#load = load;
  }

  #client;
  #clock;
  #load;
  #store = new EventStore();
  /** @type {import("../client/event_stream.js").EventStream|null} */ #stream = null;
  /** Since when what happens is heard, Unix ms; NaN while it is not. */ #heardSince = NaN;
  /** What came of the time before. */ #before = { count: 0, first: Infinity };
  /** @type {{from: number, to: number}[]} the latest first */ #wishes = [];
  #loading = false;
  /** Whether the server has said what comes by itself: what is yet to be asked for is known then. */ #answered = false;
  #denied = false;
  #source = "";

  start() {
    this.#client.addEventListener("welcome", this.#welcomed);
    this.#listen();
  }

  stop() {
    this.#client.removeEventListener("welcome", this.#welcomed);
    this.#stream?.close();
    this.#stream = null;
    this.#wishes = [];
  }

  /** Whether this reader may see events at all. */
  get denied() {
    return this.#denied;
  }

  /** Before that time there are too many events to be known, Unix ms; -Infinity where there are not. */
  get floor() {
    return this.#store.floor;
  }

  /** Those of which some was between these moments, oldest first, as far as they are known. @param {number} from @param {number} to Unix ms @returns {HostEvent[]} */
  between(from, to) {
    return this.#store.between(from, to);
  }

  /** Sees to it that the events of that time are known: at once, or soon. @param {number} from @param {number} to Unix ms */
  want(from, to) {
    if (this.#denied || !(to > from) || !this.#missing({ from, to })) return;
    this.#wishes = [{ from, to }, ...this.#wishes].slice(0, WISHES_MAX);
    this.#fulfil();
  }

  /** The programs behind the level of a panel, the one that used most first. @param {string} panel its id @param {number|null} time Unix ms; null for now */
  causeOf(panel, time) {
    const then = time ?? this.#clock.now();
    return causeOf(this.#store.between(then, then), panel, time);
  }

  /** Takes in one that this page made. @param {HostEvent} event */
  add(event) {
    this.#take([event]);
  }

  #listen() {
    // A tab that nobody looks at goes on hearing of levels, for its title; nothing is sent unless something happens.
    const stream = this.#client.events({ backfill: RECENT_S }, { name: "@events", awake: true });
    this.#stream = stream;
    stream.addEventListener("event", ({ detail }) => {
      this.#count(detail);
      this.#take([detail]);
    });
    stream.addEventListener("gap", () => this.#listenAnew());
    stream.addEventListener("state", () => this.#heard(stream.state === "live"));
    stream.addEventListener("refused", () => {
      this.#denied = !stream.refusal?.temporary;
      this.#answered = true;
      this.#fulfil();
      this.dispatchEvent(new Event("change"));
    });
  }

  #listenAnew() {
    this.#heard(false);
    this.#stream?.close();
    this.#listen();
  }

  #heard(on) {
    const now = this.#clock.now();
    if (on) {
      this.#denied = false;
      this.#store.know(now - RECENT_S * 1000, now);
      this.#heardSince = now;
      this.#before = { count: 0, first: Infinity };
      this.#answered = true;
      this.#fulfil();
    } else if (!Number.isNaN(this.#heardSince)) {
      this.#store.know(this.#heardSince, now);
      this.#heardSince = NaN;
    }
  }

  /** Of more than the server tells unasked, the newest came. */
  #count({ time }) {
    if (!(time <= this.#heardSince)) return;
    this.#before.first = Math.min(this.#before.first, time);
    this.#before.count += 1;
    if (this.#before.count === EVENTS_MAX) this.#store.doubt(this.#before.first);
  }

  #welcomed = ({ detail }) => {
    const source = detail.source ?? detail.host ?? "";
    if (this.#source && source !== this.#source) {
      this.#store.forget();
      this.dispatchEvent(new Event("change"));
    }
    this.#source = source;
    this.#fulfil();
  };

  #take(told) {
    if (this.#store.add(told)) this.dispatchEvent(new Event("change"));
  }

  #missing({ from, to }) {
    const until = Number.isNaN(this.#heardSince) ? to : Math.min(to, this.#heardSince);
    return this.#store.missing(from, until);
  }

  /** One question at a time. */
  async #fulfil() {
    if (this.#loading || !this.#answered) return;
    this.#loading = true;
    try {
      while (this.#wishes.length && !this.#denied && this.#stream) {
        const wish = /** @type {{from: number, to: number}} */ (this.#wishes.shift());
        const missing = this.#missing(wish);
        if (missing && !(await this.#ask(missing, wish))) return;
      }
    } finally {
      this.#loading = false;
    }
  }

  /**
   * Of more than the server gives at once the newest come; the rest is asked for when somebody looks there.
   *
   * @returns {Promise<boolean>} whether there was an answer
   */
  async #ask({ from, to }, wish) {
    try {
      const events = await this.#load({ from, to });
      this.#store.know(events.length < EVENTS_MAX ? from : events[0].time, to);
      this.#take(events);
      return true;
    } catch (error) {
      this.#denied = DENIALS.has(error.status);
      // The return of the server is the next chance.
      if (!this.#denied) this.#wishes.push(wish);
      return false;
    }
  }
}
