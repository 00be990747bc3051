/** Keeps the page's address and the view in step: the address always shows this view again. */

import { View } from "./view.js";
import { readView, searchOf } from "./view_address.js";

/** Typing changes the filter faster than a browser lets its address be changed. */
const SETTLED_MS = 300;
/** What comes sooner after the last change of the window is part of the same gesture. */
const GESTURE_MS = 600;

export class Address {
  /** @param {View} view */
  constructor(view) {
    this.#view = view;
  }

  #view;
  /** @type {any} */ #timer;
  #full = /** @type {string|null} */ (null);
  /** Whether the charts stood still as they were when the reader paused, or were live. */ #usual = true;
  /** @type {any} runs while a gesture may go on */ #gesture = 0;
  /** The browser has gone to another entry of its history, whose view this now is. */ #arriving = false;
  /** The page itself goes back, to leave what is at full size. */ #leaving = false;

  start() {
    this.#full = this.#view.panel;
    this.#usual = isUsual(this.#view);
    this.#view.addEventListener("change", this.#changed);
    globalThis.addEventListener("popstate", this.#went);
    // What was said in words is told as it was understood.
    this.#write();
  }

  stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#gesture);
    globalThis.removeEventListener("popstate", this.#went);
    this.#view.removeEventListener("change", this.#changed);
  }

  /** The address of this view with that panel at full size. @param {string} panel */
  of(panel) {
    return new URL(pathOf(Object.assign(new View(), this.#view, { panel })), location.href).href;
  }

  #changed = ({ detail }) => {
    // What is pointed at is in no address, and changes with each frame.
    if (detail.size === 1 && detail.has("hover")) return;
    const usual = this.#usual;
    this.#usual = isUsual(this.#view);
    clearTimeout(this.#timer);
    if (this.#arriving) return;
    if (detail.has("panel")) this.#turnPage();
    // To pause, and to go on, is to stay where one is.
    else if (detail.has("range") || (detail.has("frozen") && !(usual && this.#usual))) this.#moveWindow();
    else if (detail.has("filter") || detail.has("at")) this.#timer = setTimeout(this.#write, SETTLED_MS);
    else this.#write();
  };

  /** Windows are pages too, one for a gesture; what it led to is written when it is over. */
  #moveWindow() {
    if (!this.#gesture) history.pushState(null, "", pathOf(this.#view));
    clearTimeout(this.#gesture);
    this.#gesture = setTimeout(() => {
      this.#gesture = 0;
      this.#write();
    }, GESTURE_MS);
  }

  #write = () => {
    if (pathOf(this.#view) !== pathOf(null)) history.replaceState(history.state, "", pathOf(this.#view));
  };

  /** Full size is a page of its own to the browser's back button; leaving it by other means is going back. */
  #turnPage() {
    const { panel } = this.#view;
    const before = this.#full;
    this.#full = panel;
    if (panel && !before) history.pushState({ full: true }, "", pathOf(this.#view));
    else if (!panel && history.state?.full) {
      this.#leaving = true;
      history.back();
    } else this.#write();
  }

  /** Panel, window and moment are a matter of pages; all else stays as it is now. */
  #went = () => {
    const { panel, range, frozen, at } = readView(location.search);
    this.#full = panel;
    this.#arriving = true;
    this.#view.set(this.#leaving ? { panel } : { panel, range, frozen, at });
    this.#arriving = this.#leaving = false;
    clearTimeout(this.#gesture);
    this.#gesture = 0;
    this.#write();
  };
}

/** Live, or paused where it was. @param {View} view */
const isUsual = (view) => view.frozen === null || view.paused;

/** @param {View|null} view null for the present address */
const pathOf = (view) => location.pathname + (view ? searchOf(view, location.search) : location.search) + location.hash;
