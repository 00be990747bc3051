/** `<vital-sections>`: on a phone, the names of the page's sections at its foot: tapped, or swiped from one to the next. */

import { h } from "../dom/html.js";
import { swipeOf } from "../page/swipe.js";

/** As the style sheets have it. */
const PHONE = "(max-width: 46rem)";
/** What has a use of its own for a finger that moves sideways. */
const OTHERS = "vital-plot, vital-crosshair, vital-flags, vital-overview, vital-processes table, input, select, dialog";

/** Set `main` before it is connected: the element whose sections these are. Nothing is built on wider screens. */
export class VitalSections extends HTMLElement {
  /** @type {HTMLElement} */ main;

  /** @type {{name: string, element: HTMLElement, button: HTMLElement}[]} */ #sections = [];
  #phone = matchMedia(PHONE);
  /** @type {MutationObserver|null} */ #changes = null;
  /** What stands above grows as values come. */ #sizes = new ResizeObserver(() => this.#later());
  #frame = 0;
  #current = -1;
  /** @type {{i: number, y: number}|null} the one that was gone to, and where that was: the last cannot come to the top */ #chosen = null;
  /** @type {{x: number, y: number, time: number}|null} */ #pressed = null;

  connectedCallback() {
    this.setAttribute("role", "navigation");
    this.setAttribute("aria-label", "Sections");
    this.#phone.addEventListener("change", this.#turned);
    this.#turned();
  }

  disconnectedCallback() {
    this.#phone.removeEventListener("change", this.#turned);
    this.#rest();
  }

  #turned = () => {
    this.#rest();
    this.hidden = !this.#phone.matches;
    if (this.hidden) return;
    // Sections come once the panels are known, and go with what they show.
    this.#changes = new MutationObserver(this.#later);
    this.#changes.observe(this.main, { childList: true, subtree: true, attributeFilter: ["hidden"], attributes: true });
    this.#sizes.observe(this.main);
    addEventListener("scroll", this.#later, { passive: true });
    addEventListener("resize", this.#later);
    this.main.addEventListener("pointerdown", this.#down);
    this.main.addEventListener("pointerup", this.#up);
    this.#later();
  };

  #rest() {
    this.#changes?.disconnect();
    this.#changes = null;
    this.#sizes.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    removeEventListener("scroll", this.#later);
    removeEventListener("resize", this.#later);
    this.main.removeEventListener("pointerdown", this.#down);
    this.main.removeEventListener("pointerup", this.#up);
    this.#sections = [];
    this.#current = -1;
    this.replaceChildren();
  }

  #later = () => {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#arrange();
      this.#follow();
    });
  };

  #arrange() {
    const found = sectionsIn(this.main);
    if (found.length === this.#sections.length && found.every(({ element }, i) => element === this.#sections[i].element)) return;
    this.#sections = found.map(({ name, element }, i) => {
      const button = h("button", { type: "button" }, name);
      button.addEventListener("click", () => this.#show(i));
      return { name, element, button };
    });
    this.#current = -1;
    this.#chosen = null;
    this.replaceChildren(...this.#sections.map(({ button }) => button));
  }

  /** Marks the section that one reads. */
  #follow() {
    const edge = innerHeight / 3;
    const atEnd = scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const passed = this.#sections.findLastIndex(({ element }) => element.getBoundingClientRect().top < edge);
    const chosen = this.#chosen && Math.abs(scrollY - this.#chosen.y) < 2 ? this.#chosen.i : -1;
    const current = chosen >= 0 ? chosen : atEnd ? this.#sections.length - 1 : Math.max(0, passed);
    if (current === this.#current || !this.#sections.length) return;
    this.#sections[this.#current]?.button.removeAttribute("aria-current");
    this.#current = current;
    const { button } = this.#sections[current];
    button.setAttribute("aria-current", "true");
    // Not scrollIntoView, which would scroll the page as well.
    this.scrollLeft = button.offsetLeft - (this.clientWidth - button.offsetWidth) / 2;
  }

  /** @param {number} i */
  #show(i) {
    const at = Math.max(0, Math.min(this.#sections.length - 1, i));
    this.#sections[at]?.element.scrollIntoView({ block: "start" });
    this.#chosen = { i: at, y: scrollY };
    this.#follow();
  }

  #down = (event) => {
    const others = event.pointerType !== "touch" || !event.isPrimary || event.target.closest(OTHERS);
    this.#pressed = others ? null : { x: event.clientX, y: event.clientY, time: event.timeStamp };
  };

  #up = (event) => {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (!pressed || !event.isPrimary) return;
    const by = swipeOf({ x: event.clientX - pressed.x, y: event.clientY - pressed.y, ms: event.timeStamp - pressed.time });
    if (by) this.#show(this.#current + by);
  };
}

/** @param {HTMLElement} main in the order in which they are seen */
function sectionsIn(main) {
  const named = [
    ["Vitals", main.querySelector("vital-vitals")],
    ["Processes", main.querySelector("vital-processes")],
    ...[...main.querySelectorAll(".section[aria-label]")].map((section) => [section.querySelector(".section-head button")?.textContent ?? "", section]),
    ["Events", main.querySelector("vital-events")],
  ];
  return named.map(([name, element]) => ({ name, element })).filter(({ element }) => element?.checkVisibility());
}
