/** A small line chart without axes: two paths of an SVG, stretched over the room that it is given. */

import { sparkPaths } from "./model/sparkline_model.js";

const SVG = document.createElement("template");
SVG.innerHTML = '<svg class="spark" preserveAspectRatio="none" aria-hidden="true"><path class="area"/><path class="line"/></svg>';
const WIDTH = 120;
const HEIGHT = 32;

export class Sparkline {
  constructor() {
    this.element = /** @type {SVGSVGElement} */ (SVG.content.firstElementChild.cloneNode(true));
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    [this.#area, this.#line] = this.element.children;
  }

  #area;
  #line;
  #drawn = "";

  /**
   * @param {import("./model/sparkline_model.js").Points} points
   * @param {{from: number, to: number, low: number, high: number}} frame
   */
  draw(points, frame) {
    const { line, area } = sparkPaths(points, { ...frame, width: WIDTH, height: HEIGHT });
    if (line === this.#drawn) return;
    this.#drawn = line;
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", area);
  }
}
