/** What is drawn behind and above the lines of a chart without its library: bands, peaks and ghosts, as paths of their own. */

import { areaPath, linePath, placesOf } from "./model/svg_path.js";

const NO_LINE = "M0,0";

export class Extras {
  /** @param {Element} graph as the charting library has just drawn it */
  constructor(graph) {
    this.#layer = graph.querySelector(".scatterlayer");
    for (const old of graph.querySelectorAll(".extras")) old.remove();
  }

  /** @type {Element|null} */ #layer;
  /** @type {{element: Element, d: string, look: string}[]} */ #paths = [];
  /** @type {Element|null} */ #behind = null;
  /** @type {Element|null} */ #above = null;

  /**
   * @param {import("./model/past_bands.js").Extra[]} extras
   * @param {{places: string[], x: (time: number) => number, y: (value: number) => number}} scale places: of the lines' points
   */
  draw(extras, { places, x, y }) {
    if (!this.#layer || (!extras.length && !this.#paths.length)) return;
    extras.forEach(({ kind, color, top, base, times }, i) => {
      const at = times ? placesOf(times, x) : places;
      this.#write(i, `extra ${kind} c${color}`, kind === "band", base ? areaPath(at, top, base, y) : linePath(at, top, y));
    });
    for (let i = extras.length; i < this.#paths.length; i += 1) this.#write(i, this.#paths[i].look, false, "");
  }

  #write(i, look, behind, d) {
    let path = this.#paths[i];
    if (path && path.look !== look) {
      path.element.remove();
      path = /** @type {any} */ (undefined);
    }
    if (!path) {
      path = this.#paths[i] = { element: this.#node("path", look), d: "", look };
      this.#group(behind).append(path.element);
    }
    if (path.d === d) return;
    path.d = d;
    path.element.setAttribute("d", d || NO_LINE);
  }

  #group(behind) {
    const layer = /** @type {Element} */ (this.#layer);
    if (behind) {
      if (!this.#behind) layer.prepend((this.#behind = this.#node("g", "extras")));
      return this.#behind;
    }
    if (!this.#above) layer.append((this.#above = this.#node("g", "extras")));
    return this.#above;
  }

  #node(name, look) {
    const node = document.createElementNS(/** @type {Element} */ (this.#layer).namespaceURI, name);
    node.setAttribute("class", look);
    return node;
  }
}
