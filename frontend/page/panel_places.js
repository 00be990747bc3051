/** Panels that share a place on a page, such as CPU by program and CPU by mode: one is shown, a switch shows the others. */

import { h } from "../dom/html.js";

/** @typedef {import("../charts/model/panel.js").Panel} Panel */

/** The panels that share each place, where there are several. @param {Panel[]} panels @returns {Map<string, Panel[]>} */
function sharedPlaces(panels) {
  /** @type {Map<string, Panel[]>} */ const places = new Map();
  for (const panel of panels) if (panel.place) places.set(panel.place, [...(places.get(panel.place) ?? []), panel]);
  for (const [place, sharing] of places) if (sharing.length < 2) places.delete(place);
  return places;
}

/** One panel of each place, for a page without switches: the first that has anything to show. @template {Panel} P @param {P[]} panels */
export function oneOfEach(panels) {
  const places = sharedPlaces(panels);
  const shown = new Set([...places.values()].map((sharing) => sharing.find(({ series }) => series !== 0) ?? sharing[0]));
  return panels.filter((panel) => !places.has(panel.place ?? "") || shown.has(panel));
}

/**
 * Which of those that share a place is shown: the one that was chosen, else the first that has anything to show.
 *
 * @param {Panel[]} sharing @param {{show: string, absent: (panel: Panel) => boolean}} state show: ids, divided by commas
 */
export function shownOf(sharing, { show, absent }) {
  const chosen = show.split(",");
  const there = sharing.filter((panel) => !absent(panel));
  return there.find(({ id }) => chosen.includes(id)) ?? there[0] ?? sharing[0];
}

/** What the address says once this one is chosen; the first of a place is the usual one. @param {Panel[]} sharing @param {string} id @param {string} show */
export function choosing(sharing, id, show) {
  const others = show.split(",").filter((one) => one && !sharing.some((panel) => panel.id === one));
  return [...others, ...(sharing[0].id === id ? [] : [id])].join(",");
}

/** The name of a panel beside a switch, which says the rest of it. @param {Panel} panel */
export const titleBeside = ({ title, variant }) => (variant && title.endsWith(` ${variant}`) ? title.slice(0, -variant.length - 1) : title);

/** Keeps one panel of each place in sight. */
export class PanelPlaces {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.#view = view;
    view.addEventListener("change", ({ detail }) => detail.has("show") && this.#settle());
    this.#watch = new MutationObserver(() => this.#settle());
  }

  #view;
  #watch;
  /** @type {Map<string, HTMLElement>} by the panel's id */ #elements = new Map();
  /** @type {Panel[][]} */ #places = [];

  /** The switch for a panel, which `arrange` fills; null for one that shares no place with any. @param {Panel} panel */
  switchFor(panel) {
    if (!panel.place) return null;
    const element = h("div", { class: "variants", role: "group", hidden: true, "aria-label": `${titleBeside(panel)}: what is shown` });
    element.addEventListener("click", (event) => {
      const id = /** @type {HTMLElement} */ (event.target).closest("button")?.dataset.show;
      if (id) this.#choose(this.#sharingWith(id), id, element.contains(document.activeElement));
    });
    return element;
  }

  /** @param {Panel[]} panels @param {(panel: Panel) => any} elementOf */
  arrange(panels, elementOf) {
    this.#watch.disconnect();
    for (const panel of panels) {
      const element = elementOf(panel);
      element.classList.remove("aside");
      if (element.variants) element.variants.hidden = true;
    }
    this.#places = [...sharedPlaces(panels).values()];
    this.#elements = new Map(this.#places.flat().map((panel) => [panel.id, elementOf(panel)]));
    for (const sharing of this.#places) {
      const button = (shown) => (one) => h("button", { type: "button", "aria-pressed": String(one === shown), "data-show": one.id }, one.variant || one.title);
      for (const panel of sharing) elementOf(panel).variants.replaceChildren(...sharing.map(button(panel)));
    }
    for (const element of this.#elements.values()) this.#watch.observe(element, { attributeFilter: ["hidden"] });
    this.#settle();
  }

  /** The id of the panel that is to be seen where this one is. @param {string} id */
  inSight(id) {
    const sharing = this.#sharingWith(id);
    return sharing.length ? this.#shown(sharing).id : id;
  }

  /** @returns {Panel[]} */
  #sharingWith(id) {
    return this.#places.find((panels) => panels.some((panel) => panel.id === id)) ?? [];
  }

  #choose(sharing, id, focused) {
    const at = this.#elements.get(id);
    const view = this.#view;
    const full = sharing.some((panel) => panel.id === view.panel);
    view.set({ show: choosing(sharing, id, view.show), ...(full && { panel: id }) });
    if (focused) at?.querySelector(/** @type {any} */ (`[data-show="${id}"]`))?.focus();
  }

  #shown(sharing) {
    return shownOf(sharing, { show: this.#view.show, absent: ({ id }) => this.#elements.get(id)?.hidden ?? true });
  }

  #settle() {
    for (const sharing of this.#places) {
      const shown = this.#shown(sharing);
      // With fewer than two that have anything to show there is nothing to choose.
      const alone = sharing.filter(({ id }) => !this.#elements.get(id)?.hidden).length < 2;
      for (const panel of sharing) {
        const element = /** @type {any} */ (this.#elements.get(panel.id));
        element.classList.toggle("aside", panel !== shown);
        element.variants.hidden = alone;
      }
    }
  }
}
