/** The short cut of charts of lines: rewrites the paths of a figure that was drawn in full once. */

import { Extras } from "./extras.js";
import { bothPaths, placesOf } from "./model/svg_path.js";

const NO_LINE = "M0,0";

export class LiveLines {
  /** @type {{line: Path|null, area: Path|null}[]} */ #shapes;
  /** @type {Path|null} */ #reference;
  /** @type {Extras} */ #extras;
  /** Whether the figure has all the paths that its model needs. */
  complete = true;

  /** @param {Element} graph as the charting library has just drawn it @param {any} model what it shows */
  constructor(graph, { shapes, reference }) {
    const find = (wanted, uid, kind) => {
      const path = wanted ? Path.find(graph, uid, kind) : null;
      if (wanted && !path) this.complete = false;
      return path;
    };
    this.#shapes = shapes.map(({ width, fill }, i) => ({
      area: find(fill > 0, `area${i}`, "js-fill"),
      line: find(width > 0, `line${i}`, "js-line"),
    }));
    this.#reference = find(Number.isFinite(reference), "reference", "js-line");
    this.#extras = new Extras(graph);
  }

  /** What the library does not know of: to be drawn after it. */
  drawExtras(model, area) {
    if (model.extras?.length) this.draw(model, area);
  }

  /** @param {any} model of the same shapes @param {{width: number, height: number}} area */
  draw({ times, shapes, from, to, low, high, reference, extras = [] }, { width, height }) {
    const perMs = width / (to - from);
    const perUnit = height / (high - low || 1);
    const places = placesOf(times, (time) => (time - from) * perMs);
    const y = (value) => (high - value) * perUnit;
    shapes.forEach(({ top, base }, i) => {
      const paths = bothPaths(places, top, base, y);
      const { area, line } = this.#shapes[i];
      area?.write(paths.area);
      line?.write(paths.line);
    });
    this.#extras.draw(extras, { places, y, x: (time) => (time - from) * perMs });
    this.#reference?.write(`M0,${y(reference).toFixed(1)}h${width}`);
  }
}

/** One path element; what it shows already is not set again. */
class Path {
  /** @type {string|null} null: what the library drew */ #d = null;

  /** @param {Element} element */
  constructor(element) {
    this.element = element;
  }

  /** The library draws a path for each stretch between gaps; here the first shows them all. */
  static find(graph, uid, kind) {
    const [first, ...more] = graph.querySelectorAll(`.trace${uid} path.${kind}`);
    if (!first) return null;
    if (more.length) first.setAttribute("d", [first, ...more].map((path) => path.getAttribute("d")).join(""));
    for (const path of more) path.setAttribute("d", NO_LINE);
    return new Path(first);
  }

  /** @param {string} d */
  write(d) {
    if (d === this.#d) return;
    this.#d = d;
    this.element.setAttribute("d", d || NO_LINE);
  }
}
