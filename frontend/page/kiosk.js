/** The dashboard with nothing but its readings, for a screen that is only looked at, and the way out of it. */

import { hideIdleCursor } from "./cursor.js";
import { h } from "../dom/html.js";

const TOLD_MS = 6000;
const LONG_PRESS_MS = 800;
/** A finger that rests trembles; one that goes further than these pixels scrolls. */
const TREMBLE = 10;

export class Kiosk {
  /** @param {import("./view.js").View} view */
  constructor(view) {
    this.#view = view;
    const leave = h("button", { type: "button" }, "Leave");
    leave.addEventListener("click", () => view.set({ kiosk: false }));
    this.element = h("p", { class: "notice way-out", role: "status", hidden: true }, "Press ", h("kbd", {}, "Esc"), " again to leave the kiosk view. ", leave);
  }

  #view;
  #stopHiding = () => {};
  /** @type {any} */ #told;
  /** @type {any} */ #pressing;
  #pressed = { x: 0, y: 0 };

  start() {
    this.#view.addEventListener("change", this.#turned);
    this.#show();
  }

  stop() {
    this.#view.removeEventListener("change", this.#turned);
    this.#leave();
  }

  /** Says how to leave; asked again meanwhile, leaves. */
  escape() {
    if (this.element.hidden) this.#tell();
    else this.#view.set({ kiosk: false });
  }

  #turned = ({ detail }) => {
    if (detail.has("kiosk")) this.#show();
  };

  #show() {
    this.#leave();
    if (!this.#view.kiosk) return;
    document.documentElement.classList.add("kiosk");
    this.#stopHiding = hideIdleCursor();
    addEventListener("pointerdown", this.#down);
    addEventListener("pointermove", this.#moved);
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, this.#up);
  }

  #leave() {
    for (const type of ["pointerup", "pointercancel"]) removeEventListener(type, this.#up);
    removeEventListener("pointermove", this.#moved);
    removeEventListener("pointerdown", this.#down);
    this.#stopHiding();
    this.#stopHiding = () => {};
    document.documentElement.classList.remove("kiosk");
    clearTimeout(this.#told);
    this.#up();
    this.element.hidden = true;
  }

  #tell() {
    this.element.hidden = false;
    clearTimeout(this.#told);
    this.#told = setTimeout(() => {
      this.element.hidden = true;
    }, TOLD_MS);
  }

  #down = ({ clientX: x, clientY: y }) => {
    this.#pressed = { x, y };
    clearTimeout(this.#pressing);
    this.#pressing = setTimeout(() => this.#tell(), LONG_PRESS_MS);
  };

  #moved = ({ clientX, clientY }) => {
    if (Math.hypot(clientX - this.#pressed.x, clientY - this.#pressed.y) > TREMBLE) this.#up();
  };

  #up = () => clearTimeout(this.#pressing);
}
