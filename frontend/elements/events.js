/** `<vital-events>`: what happened, as a list to filter; each leads to its moment and to the programs behind it. */

import { KINDS, lengthWords, timeWords } from "../charts/model/event_words.js";
import { isOngoing, namesOf, titleOf } from "../charts/model/events.js";
import { exactly } from "../charts/model/table_filter.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";
import { ROWS_SHOWN, emptyWords, isChosen, listOf, spanOf, spanWords } from "../page/event_list.js";
import { visit } from "../page/visit.js";

/** How long ago a span began changes all the time. */
const DRAWN_EVERY_MS = 10_000;
const SEVERITIES = Object.freeze({ info: "All severities", warning: "Warnings and critical", critical: "Critical" });
const TEXT_MAX = 100;

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent */

/** Set `view`, `events` and `clock` before it is connected. What is put into it stands in its head. */
export class VitalEvents extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../page/event_log.js").EventLog} */ events;
  /** @type {import("../client/clock.js").ServerClock} */ clock;

  /** @type {Record<"span"|"count"|"list"|"empty"|"more", HTMLElement>} */ #parts;
  /** @type {{kind: HTMLSelectElement, severity: HTMLSelectElement, text: HTMLInputElement}} */ #filter;
  /** @type {Map<string, {event: HostEvent, element: HTMLElement}>} by id */ #rows = new Map();
  #limit = ROWS_SHOWN;
  #seen = false;
  #drawnAt = -Infinity;
  /** @type {IntersectionObserver} */ #views;
  /** @type {() => void} */ #stopBeat = () => {};

  connectedCallback() {
    this.#build();
    this.events.addEventListener("change", this.#changed);
    this.view.addEventListener("change", this.#turned);
    this.addEventListener("input", this.#changed);
    this.addEventListener("click", this.#clicked);
    this.#views = new IntersectionObserver((entries) => this.#looked(entries.at(-1)?.isIntersecting ?? false), { rootMargin: "50%" });
    this.#views.observe(this);
    this.#stopBeat = everyBeat(() => this.#beat());
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#views.disconnect();
    this.removeEventListener("click", this.#clicked);
    this.removeEventListener("input", this.#changed);
    this.view.removeEventListener("change", this.#turned);
    this.events.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    this.#rows.clear();
    this.replaceChildren();
  }

  #build() {
    const option = ([value, words]) => h("option", { value }, words);
    const kinds = Object.entries(KINDS).map(([kind, words]) => [kind, sentence(words)]);
    const text = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter events by their text", maxlength: TEXT_MAX, autocomplete: "off", spellcheck: "false" });
    this.#filter = /** @type {any} */ ({
      kind: h("select", { "aria-label": "Kind of events" }, ...[["", "All kinds"], ...kinds].map(option)),
      severity: h("select", { "aria-label": "Least severity" }, ...Object.entries(SEVERITIES).map(option)),
      text,
    });
    this.#parts = {
      span: h("span", { class: "span" }),
      count: h("span", { class: "count", role: "status" }),
      list: h("ol", {}),
      empty: h("p", { class: "empty" }),
      more: h("button", { type: "button", class: "more", hidden: true }),
    };
    const { span, count, list, empty, more } = this.#parts;
    const { kind, severity } = this.#filter;
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", "events-title");
    this.replaceChildren(
      h("header", {}, h("h2", { id: "events-title" }, "Events"), span, count, h("div", { class: "filter" }, kind, severity, text), ...this.childNodes),
      list,
      empty,
      more,
    );
  }

  // --- when it draws -----------------------------------------------------------------------------------------------

  #looked(seen) {
    this.#seen = seen;
    if (seen) this.#changed();
  }

  #beat() {
    if (this.#seen && !document.hidden && performance.now() - this.#drawnAt > DRAWN_EVERY_MS) this.#changed();
  }

  #changed = () => {
    this.hidden = this.events.denied;
    if (this.#seen) nextFrame(this.#draw);
  };

  #turned = ({ detail }) => {
    if (!["range", "frozen", "at"].some((key) => detail.has(key))) return;
    this.#limit = ROWS_SHOWN;
    this.#changed();
  };

  // --- what it draws -----------------------------------------------------------------------------------------------

  #draw = () => {
    this.#drawnAt = performance.now();
    const now = this.clock.now();
    const span = spanOf(this.view, now);
    this.events.want(span.from, span.to);
    const all = this.events.between(span.from, span.to);
    const { kind, severity, text } = this.#filter;
    const wanted = listOf(all, { kind: kind.value, severity: severity.value, text: text.value });
    const shown = wanted.slice(0, this.#limit);
    const { list, empty, more, count } = this.#parts;
    setText(this.#parts.span, spanWords(span, now));
    setText(count, wanted.length === all.length ? String(all.length || "") : `${wanted.length} of ${all.length}`);
    empty.hidden = shown.length > 0;
    setText(empty, empty.hidden ? "" : emptyWords(all.length, span.to <= this.events.floor));
    more.hidden = wanted.length === shown.length;
    setText(more, `Show ${wanted.length - shown.length} more`);
    this.#arrange(list, shown.map((event) => this.#row(event, now)));
  };

  /** Those that stay are not moved, so that what has the focus keeps it. @param {HTMLElement} list @param {HTMLElement[]} rows */
  #arrange(list, rows) {
    const kept = new Set(rows);
    for (const child of [...list.children]) if (!kept.has(/** @type {HTMLElement} */ (child))) child.remove();
    rows.forEach((row, i) => {
      if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
    });
    const ids = new Set(rows.map(({ dataset }) => dataset.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
  }

  /** @param {HostEvent} event @param {number} now */
  #row(event, now) {
    const held = this.#rows.get(event.id);
    const element = held && held.event === event ? held.element : rowOf(event, now);
    if (held && held.element !== element) held.element.replaceWith(element);
    this.#rows.set(event.id, { event, element });
    if (isOngoing(event)) setText(/** @type {Element} */ (element.querySelector(".length")), lengthWords(event, now));
    const chosen = isChosen(event, this.view.at);
    if (chosen !== element.hasAttribute("aria-current")) element.toggleAttribute("aria-current", chosen);
    return element;
  }

  // --- what is asked of it -----------------------------------------------------------------------------------------

  #clicked = ({ target }) => {
    if (target === this.#parts.more) {
      this.#limit += 10 * ROWS_SHOWN;
      this.#changed();
      return;
    }
    const row = target.closest("button") && target.closest("li");
    const event = row && this.#rows.get(row.dataset.id)?.event;
    if (!event) return;
    const cause = target.closest(".cause");
    visit(this.view, event, this.clock.now(), cause ? { filter: exactly(cause.textContent ?? "") } : {});
  };
}

/** @param {HostEvent} event @param {number} now @returns {HTMLElement} */
function rowOf(event, now) {
  const { id, severity, kind } = event;
  const level = severity === "info" ? [] : [h("span", { class: "severity" }, severity)];
  const causes = namesOf(event).map((name) => h("button", { type: "button", class: "cause", title: `Show the processes of ${name} then` }, name));
  const row = h(
    "li",
    { "data-severity": kind === "mark" && severity === "info" ? "mark" : severity },
    h("button", { type: "button", class: "time", title: "Show this moment" }, timeWords(event.time, now)),
    h("span", { class: "what" }, ...level, h("span", { class: "title" }, titleOf(event)), ...causes),
    h("span", { class: "length" }, lengthWords(event, now)),
  );
  row.dataset.id = id;
  return row;
}

const sentence = (words) => words[0].toUpperCase() + words.slice(1);
