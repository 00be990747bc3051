/** Keeps the page's address and the view in step: the address always shows this view again. */

import { View } from "./view.js";
import { readView, searchOf } from "./view_address.js";

/** Typing changes the filter faster than a browser lets its address be changed. */
const SETTLED_MS = 300;

export class Address {
  /** @param {View} view */
  constructor(view) {
    this.#view = view;
  }

  #view;
  /** @type {any} */ #timer;
  #full = /** @type {string|null} */ (null);

  start() {
    this.#full = this.#view.panel;
    this.#view.addEventListener("change", this.#changed);
    globalThis.addEventListener("popstate", this.#went);
    // What was said in words is told as it was understood.
    this.#write();
  }

  stop() {
    clearTimeout(this.#timer);
    globalThis.removeEventListener("popstate", this.#went);
    this.#view.removeEventListener("change", this.#changed);
  }

  /** The address of this view with that panel at full size. @param {string} panel */
  of(panel) {
    return new URL(pathOf(Object.assign(new View(), this.#view, { panel })), location.href).href;
  }

  #changed = ({ detail }) => {
    clearTimeout(this.#timer);
    if (detail.has("panel")) this.#turnPage();
    else if (detail.has("filter")) this.#timer = setTimeout(this.#write, SETTLED_MS);
    else this.#write();
  };

  #write = () => {
    if (pathOf(this.#view) !== pathOf(null)) history.replaceState(history.state, "", pathOf(this.#view));
  };

  /** Full size is a page of its own to the browser's back button; leaving it by other means is going back. */
  #turnPage() {
    const { panel } = this.#view;
    const before = this.#full;
    this.#full = panel;
    if (panel && !before) history.pushState({ full: true }, "", pathOf(this.#view));
    else if (!panel && history.state?.full) history.back();
    else this.#write();
  }

  #went = () => {
    // Only the panel is a matter of pages; all else stays as it is now.
    this.#full = readView(location.search).panel;
    this.#view.set({ panel: this.#full });
    this.#write();
  };
}

/** @param {View|null} view null for the present address */
const pathOf = (view) => location.pathname + (view ? searchOf(view, location.search) : location.search) + location.hash;
