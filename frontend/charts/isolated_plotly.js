/** Plotly as a module of its own: the page's own one, and its styles, are left as they are. The server puts it in here. */

const STYLES = "plotly.js-style-global";
/** Where Plotly measures words: in the page itself, whose styles must not reach it. */
const RULER = "js-plotly-tester";
const RULED = "all: initial; display: block; position: absolute; left: -10000px; top: -10000px; width: 9000px; height: 9000px";

if (!document.getElementById(RULER)) {
  const { body } = new DOMParser().parseFromString("<svg/>", "text/html");
  const ruler = /** @type {SVGElement} */ (document.adoptNode(body.firstElementChild));
  ruler.id = RULER;
  ruler.setAttribute("aria-hidden", "true");
  for (const [name, value] of RULED.split("; ").map((rule) => rule.split(": "))) ruler.style.setProperty(name, value, "important");
  document.body.append(ruler);
}

const theirs = document.getElementById(STYLES);
theirs?.removeAttribute("id");
/** The rules that go with it, for whoever draws in a tree of their own. */
export const sheet = new CSSStyleSheet();
const catcher = Object.defineProperty(document.createElement("meta"), "sheet", { value: sheet });
catcher.id = STYLES;
document.head.append(catcher);
const before = Object.getOwnPropertyDescriptor(globalThis, "Plotly");
const module = { exports: /** @type {any} */ ({}) };

/* include ../vendor/plotly-cartesian-4.1.1.min.js */

if (before) Object.defineProperty(globalThis, "Plotly", before);
else delete (/** @type {any} */ (globalThis).Plotly);
catcher.remove();
if (theirs) theirs.id = STYLES;

export const Plotly = module.exports;
