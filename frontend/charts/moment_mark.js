/** A moment as a line over a chart, with its time beside it. */

import { h, setText } from "../dom/html.js";

/** @typedef {{left: number, top: number, width: number, height: number}} Area pixels */

export class MomentMark {
  /** @param {string} kind its class */
  constructor(kind) {
    this.#line = h("div", { class: `line ${kind}`, hidden: true });
    this.#words = h("div", { class: `moment ${kind}`, hidden: true });
    this.elements = [this.#line, this.#words];
  }

  #line;
  #words;

  hide() {
    this.#line.hidden = this.#words.hidden = true;
  }

  /** @param {number} x pixels @param {Area} area where the chart is drawn @param {string} words none: the line alone */
  show(x, { left, top, width, height }, words) {
    if (!(x >= left - 0.5 && x <= left + width + 0.5)) {
      this.hide();
      return;
    }
    this.#line.hidden = false;
    this.#words.hidden = words === "";
    const { style } = this.#line;
    style.top = `${top}px`;
    style.height = `${height}px`;
    style.transform = `translateX(${(x - 0.5).toFixed(1)}px)`;
    this.#words.style.top = `${top}px`;
    // Beside the line, on the side that has room.
    const onLeft = x > left + width / 2;
    this.#words.style.transform = `translateX(calc(${x.toFixed(1)}px ${onLeft ? "- 100% - 4px" : "+ 4px"}))`;
    setText(this.#words, words);
  }
}
