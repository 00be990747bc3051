/** Panels of one server on a page that may be anybody's, and in words whatever keeps them from being live. */

import { formatAge, formatClock, formatDuration } from "../charts/model/format.js";
import { errorWords } from "../client/protocol.js";
import { State, Status } from "../client/status.js";
import { oneOfEach } from "./panel_places.js";
import { Past } from "./past.js";
import { Subscriptions, youngest } from "./subscriptions.js";
import { everyBeat } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";

const UNKNOWN_PANEL = 107;
/** How many panels are named where one is not found. */
const NAMED_MAX = 30;

/**
 * Shows one panel, or several as a dashboard. Events: `news`, whose detail has a `type`: `ready` once there are
 * readings; `live` and `stale` when that changes, with `age` in seconds and a `message`; `error` with a `code` and a
 * `message`. Give it `start` when its element is on the page and `stop` when it is not.
 */
export class EmbedView extends EventTarget {
  /**
   * @param {{server: import("./server_page.js").ServerPage, view: import("./view.js").View, panels?: string[]|null,
   *          title?: boolean, whole?: boolean, events?: boolean}} parts panels: their ids, null for all; whole: they make
   *   a dashboard; events: whether charts have flags of what happened
   */
  constructor({ server, view, panels = null, title = true, whole = false, events = false }) {
    super();
    this.#server = server;
    this.#view = view;
    this.#ids = panels;
    this.#whole = whole;
    const { client } = server;
    const [clock, mark] = [client.clock, server.mark()];
    this.#subscriptions = new Subscriptions({ client, view, clock, mark, host: false });
    this.#past = new Past({ client, view, clock, mark });
    this.#home = view.frozen;
    this.#flagged = events;
    this.#back = h("button", { type: "button", hidden: true }, this.#home ? "Back" : "Back to live");
    // Only the word is announced: an age that is read out every second helps nobody.
    this.#word = h("strong", { role: "status" });
    this.#words = h("span");
    this.#note = h("p", { class: "note" }, h("span", {}, this.#word, this.#words), this.#back);
    this.#room = h("div", { class: "room" });
    this.element = h("div", { class: whole ? "embed-view whole" : "embed-view one" }, this.#room, this.#note);
    this.title = title;
  }

  #server;
  #view;
  #whole;
  #subscriptions;
  #past;
  /** The window that was asked for; null: the newest. */ #home;
  #flagged;
  #back;
  #word;
  #words;
  #note;
  #room;
  /** @type {string[]|null} */ #ids;
  /** What the room shows: panels, or words. */ #shown = "";
  #status = new Status();
  #ready = false;
  #told = "";
  /** @type {() => void} */ #stopBeat = () => {};

  start() {
    this.#server.addEventListener("change", this.#changed);
    this.#view.addEventListener("change", this.#changed);
    this.#back.addEventListener("click", this.#live);
    this.#stopBeat = everyBeat(this.#changed);
    this.#changed();
  }

  stop() {
    this.#stopBeat();
    this.#back.removeEventListener("click", this.#live);
    this.#view.removeEventListener("change", this.#changed);
    this.#server.removeEventListener("change", this.#changed);
    this.#room.replaceChildren();
    this.#past.stop();
    this.#subscriptions.stop();
  }

  /** Goes to that window, to which the reader comes back. @param {{frozen: import("./view.js").Window|null, at: number|null}} times */
  goTo({ frozen, at }) {
    this.#home = frozen;
    setText(this.#back, frozen ? "Back" : "Back to live");
    this.#view.set({ frozen, at });
  }

  /** @param {boolean} events whether charts have flags of what happened */
  set events(events) {
    if (events === this.#flagged) return;
    this.#flagged = events;
    this.#shown = "";
    this.#changed();
  }

  /** @param {boolean} title whether the panels have their titles */
  set title(title) {
    this.element.classList.toggle("untitled", !title);
  }

  /** The ids of those that may be shown. */
  get known() {
    return (this.#server.panels ?? []).map(({ id }) => id);
  }

  /** Shows others. @param {string[]|null} ids */
  show(ids) {
    this.#ids = ids;
    this.#ready = false;
    this.#told = "";
    this.#changed();
  }

  /** The colours around it are others now. */
  recolour() {
    for (const panel of this.#panels) panel.recolour();
  }

  /** @returns {any[]} */
  get #panels() {
    return [...this.#room.querySelectorAll("vital-panel")];
  }

  #live = () => this.#view.set({ frozen: this.#home, at: null });

  #changed = () => {
    const problem = this.#problem();
    if (problem) this.#giveUp(problem);
    else if (this.#server.panels) this.#layOut(this.#server.panels);
    this.#say(problem);
  };

  // --- what is in the way ------------------------------------------------------------------------------------------

  /** What nothing can be shown for, and what no waiting helps against. @returns {{code: number, message: string}|null} */
  #problem() {
    const { panels, failure, client } = this.#server;
    const { link, why, code } = client;
    if (failure && !panels && failure.final) return { code: failure.code, message: sentence(failure.message) };
    if (link === "stopped") return { code, message: sentence(why) + (ADVICE[code] ?? "") };
    if (!panels) return null;
    const unknown = (this.#ids ?? []).filter((id) => !this.known.includes(id));
    if (unknown.length) return { code: UNKNOWN_PANEL, message: this.#unknown(unknown) };
    return panels.length ? null : { code: UNKNOWN_PANEL, message: "No panels are configured: see [[panels]] in config.toml." };
  }

  #unknown(ids) {
    const named = this.known.slice(0, NAMED_MAX).join(", ");
    const more = this.known.length > NAMED_MAX ? ` and ${this.known.length - NAMED_MAX} more` : "";
    return `There is no panel “${ids.join("”, “")}” here. There ${this.known.length === 1 ? "is" : "are"} ${named || "none"}${more}.`;
  }

  /** Its words take the place of the panels: what may not be seen any more must not stay. */
  #giveUp({ message }) {
    if (this.#shown === message) return;
    this.#shown = message;
    this.#subscriptions.clear();
    this.#room.replaceChildren(h("p", { class: "problem", role: "alert" }, message));
  }

  // --- what is shown -----------------------------------------------------------------------------------------------

  #layOut(all) {
    const panels = this.#ids ? this.#ids.map((id) => all.find((panel) => panel.id === id)) : oneOfEach(all);
    const shown = JSON.stringify(panels, (key, value) => (key === "series" ? undefined : value));
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#subscriptions.clear();
    const { client } = this.#server;
    const view = this.#view;
    const events = this.#flagged ? this.#server.events : null;
    const charts = panels.map((definition) => {
      const made = h("vital-panel", { id: `panel-${definition.id}`, class: definition.wide ? "wide" : null });
      const stream = this.#subscriptions.open(definition);
      const parts = { definition, stream, client, events, view, clock: client.clock, past: this.#past.of(definition, stream) };
      return Object.assign(made, { ...parts, bare: true, stays: this.#ids !== null });
    });
    if (!this.#whole) {
      this.#room.replaceChildren(...charts);
      return;
    }
    const vitals = this.#ids ? [] : [Object.assign(h("vital-vitals"), { panels: all, client, view, past: this.#past })];
    this.#room.replaceChildren(...vitals, h("div", { class: "charts" }, ...charts));
  }

  /** Those that anybody can see now: the others rest. */
  get #awake() {
    return this.#subscriptions.streams.filter(({ held }) => !held);
  }

  // --- what is said ------------------------------------------------------------------------------------------------

  #say(problem) {
    const { client } = this.#server;
    const streams = this.#awake;
    const ageS = youngest(streams);
    const { state } = this.#status.next({
      link: client.link,
      ageS,
      clock: client.clock,
      // What is out of view rests as a hidden page does.
      paused: client.paused || (streams.length === 0 && this.#shown !== ""),
      intervalS: Math.max(0, ...streams.map(({ store }) => store.intervalS)) || this.#view.interval,
    });
    const [word, words] = problem ? ["", ""] : this.#noteOf(state, ageS);
    const { frozen } = this.#view;
    const away = frozen !== this.#home && JSON.stringify(frozen) !== JSON.stringify(this.#home);
    this.element.dataset.state = problem ? "error" : frozen ? "frozen" : state;
    this.#note.hidden = !word;
    this.#back.hidden = !away;
    setText(this.#word, word);
    setText(this.#words, words);
    // On a dashboard each panel speaks for itself.
    this.#tell(problem ?? (this.#whole ? null : refusalOf(streams)), state, ageS);
  }

  /** @returns {[string, string]} a word for it, and more about it */
  #noteOf(state, ageS) {
    const { client } = this.#server;
    const { frozen } = this.#view;
    const age = Number.isNaN(ageS) ? "" : ` · data ${formatAge(ageS)}`;
    if (state === State.RECONNECTING) return ["Reconnecting", `${age}${because(client)}`];
    if (state === State.STALE) return ["Stale", `${age}: the server is silent`];
    if (frozen) return pastWords(frozen, client.clock.now());
    if (state !== State.CONNECTING) return ["", ""];
    const { failure } = this.#server;
    return failure ? ["Not connected", `: ${failure.message}; trying again`] : ["Connecting…", ""];
  }

  #tell(problem, state, ageS) {
    const ids = this.#ids ?? this.known;
    const common = { panel: this.#whole ? null : (ids[0] ?? null) };
    if (problem) {
      if (problem.message !== this.#told) this.#news({ type: "error", ...common, ...problem });
      this.#told = problem.message;
      return;
    }
    const alive = state === State.LIVE;
    if (alive && !this.#ready) {
      this.#ready = true;
      this.#news({ type: "ready", ...common, panels: ids });
    }
    const late = state === State.STALE || state === State.RECONNECTING;
    if (!(alive || late) || state === this.#told) return;
    this.#told = state;
    const age = Number.isNaN(ageS) ? null : Math.round(ageS * 10) / 10;
    this.#news({ type: alive ? "live" : "stale", ...common, age, message: alive ? "" : `${this.#word.textContent}${this.#words.textContent}` });
  }

  #news(detail) {
    this.dispatchEvent(new CustomEvent("news", { detail }));
  }
}

const DAY_MS = 86_400_000;

/**
 * Which time is shown, where it is not the present.
 *
 * @param {import("./view.js").Window} window @param {number} now Unix ms @returns {[string, string]}
 */
function pastWords({ from, to }, now) {
  if (now - to < DAY_MS && to - from < DAY_MS && dayOf(from) === dayOf(now)) return ["Paused", ` at ${formatClock(to, { seconds: true })}`];
  const until = dayOf(from) === dayOf(to) ? formatClock(to) : `${dayOf(to)} ${formatClock(to)}`;
  return ["Past", `: ${dayOf(from)} ${formatClock(from)} to ${until}`];
}

/** @param {number} ms */
function dayOf(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

/** Where a reader can do nothing, somebody else can. */
const ADVICE = Object.freeze({
  101: " Who put this here can make a token for it.",
  109: " Who put this here can make a new one.",
  4509: " Who put this here can ask for a new token.",
});

function because({ retryInMs, why }) {
  const waitS = Math.ceil(retryInMs / 1000);
  return `${why ? `: ${why}` : ""}, trying again${waitS > 0 ? ` in ${formatDuration(waitS)}` : ""}`;
}

/** @returns {{code: number, message: string}|null} */
function refusalOf(streams) {
  const refusal = streams.map((stream) => stream.refusal).find((one) => one && !one.temporary);
  return refusal ? { code: refusal.code, message: `${errorWords(refusal)}.` } : null;
}
