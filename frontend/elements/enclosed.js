/** Plotly as a module of its own: the page's own one, and its styles, are left as they are. The server puts it in here. */

const STYLES = "plotly.js-style-global";

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
