/** `<vital-vitals>`: the numbers that matter at a glance, each with its last minute, and a link to its panel. */

import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";
import { lookedAt, VitalCell } from "../page/vital_cell.js";

/** Between two announcements of what is alarming: a number at its threshold crosses it many times. */
const SAID_EVERY_MS = 10_000;

/**
 * Set `panels` and `client` before it is connected, and `view` where one panel may take the place of all.
 * Event `reveal`: the panel with the id in its detail is to be seen. Panels whose `vital` is empty are not in it.
 */
export class VitalVitals extends HTMLElement {
  /** @type {import("../charts/model/panel.js").Panel[]} */ panels = [];
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../page/view.js").View|null} */ view = null;
  /** @type {import("../page/event_log.js").EventLog|null} which know the programs behind a level */ events = null;
  /** @type {import("../page/past.js").Past|null} what is asked about moments that the view looks at; null: numbers are of now */ past = null;

  /** @type {VitalCell[]} */ #cells = [];
  /** @type {HTMLElement} */ #said;
  #saidAt = -Infinity;
  #visible = true;
  /** @type {IntersectionObserver} */ #watch;
  /** @type {() => void} */ #stopBeat = () => {};

  connectedCallback() {
    const { client, past, events, view } = this;
    const vital = this.panels.filter((panel) => panel.vital);
    this.#cells = vital.map((panel) => new VitalCell({ panel, client, past, events, intervalS: view?.interval }));
    this.#said = h("p", { class: "unseen", role: "status" });
    this.setAttribute("role", "navigation");
    this.setAttribute("aria-label", "Vital signs");
    this.replaceChildren(h("ul", {}, ...this.#cells.map(({ element }) => element)), this.#said);
    for (const { stream, past } of this.#cells) {
      stream.addEventListener("change", this.#changed);
      stream.addEventListener("refused", this.#changed);
      past?.addEventListener("change", this.#changed);
    }
    this.view?.addEventListener("change", this.#changed);
    this.addEventListener("click", this.#clicked);
    this.#watch = new IntersectionObserver(this.#scrolled, { rootMargin: "50%" });
    this.#watch.observe(this);
    this.view?.addEventListener("change", this.#turned);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.view?.removeEventListener("change", this.#turned);
    this.#watch.disconnect();
    this.removeEventListener("click", this.#clicked);
    this.view?.removeEventListener("change", this.#changed);
    for (const { stream, past } of this.#cells) {
      past?.removeEventListener("change", this.#changed);
      past?.rest({ hidden: true });
      stream.removeEventListener("refused", this.#changed);
      stream.removeEventListener("change", this.#changed);
      stream.close();
    }
    forgetFrame(this.#draw);
    this.#cells = [];
    this.replaceChildren();
  }

  /** While one panel is at full size, another takes its place: there is nothing to scroll to. */
  #clicked = (event) => {
    const at = this.#cells.findIndex(({ element }) => element.contains(event.target));
    if (at >= 0) this.dispatchEvent(new CustomEvent("reveal", { bubbles: true, detail: this.#cells[at].panel.id }));
    if (at < 0 || !this.view || this.view.panel === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.view.set({ panel: this.#cells[at].panel.id });
  };

  #turned = ({ detail }) => {
    if (detail.has("interval")) for (const cell of this.#cells) cell.tune(/** @type {any} */ (this.view).interval);
  };

  #scrolled = (entries) => {
    this.#visible = entries.at(-1).isIntersecting;
    for (const { stream } of this.#cells) {
      if (this.#visible) stream.release();
      else stream.hold();
    }
    this.#changed();
  };

  #changed = () => {
    if (this.#visible) nextFrame(this.#draw);
  };

  /** Without data the numbers go on getting older. */
  #beat() {
    if (this.#cells.some((cell) => cell.isLate())) this.#changed();
    if (this.#visible) this.#announce();
  }

  #draw = () => {
    const looked = this.view && this.past ? lookedAt(this.view, this.past.now()) : null;
    this.classList.toggle("then", looked !== null);
    for (const cell of this.#cells) cell.draw(looked);
  };

  #announce() {
    // What is announced is of now.
    if (this.classList.contains("then")) return;
    const alarming = this.#cells.filter(({ element, level }) => level && !element.hidden);
    const words = alarming.map(({ panel, level }) => `${panel.vital} ${level}`).join(", ");
    if (words === this.#said.textContent || performance.now() - this.#saidAt < SAID_EVERY_MS) return;
    this.#saidAt = performance.now();
    setText(this.#said, words);
  }
}
