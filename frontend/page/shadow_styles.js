/** Our styles for trees of their own, on pages that have colours, sizes and styles of theirs. */

import bars from "../styles/bars.css" with { type: "css" };
import base from "../styles/base.css" with { type: "css" };
import events from "../styles/events.css" with { type: "css" };
import embeddedElement from "../styles/embedded_element.css" with { type: "css" };
import legend from "../styles/legend.css" with { type: "css" };
import number from "../styles/number.css" with { type: "css" };
import panel from "../styles/panel.css" with { type: "css" };
import panelFull from "../styles/panel_full.css" with { type: "css" };
import plot from "../styles/plot.css" with { type: "css" };
import embedView from "../styles/embed_view.css" with { type: "css" };
import { h } from "../dom/html.js";
import { rules } from "../charts/plotly.js";

/** The page's own size of type is nothing to go by. */
const SIZE = "--vitalcast-rem";
const REM = /(\d*\.?\d+)rem\b/g;
/** Of the page as a whole: a frame in it stands for that. */
const ROOT = /^:root/;
const OF_PAGES = /^(html|body)\b/;

const textOf = (sheet) => [...sheet.cssRules].map(({ cssText }) => cssText).join("\n");

/** @param {string} text */
function sheetOf(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text.replace(REM, `calc($1 * var(${SIZE}))`));
  return sheet;
}

/** @type {CSSStyleRule[]} */
const ruled = [...base.cssRules].filter((rule) => rule instanceof CSSStyleRule);
const own = /** @type {CSSStyleRule} */ (ruled.find(({ selectorText }) => selectorText === ":root")).style;
const NAMES = [...own].filter((name) => name.startsWith("--"));
const COLORS = NAMES.filter((name) => name !== "--font");

/** Each of our properties is what the page says of it under our name, or else what it is anywhere. */
const properties = NAMES.map((name) => `${name}: var(${name.replace("--", "--vitalcast-")}, ${own.getPropertyValue(name).trim()});`);

const frame = `.frame { ${properties.join(" ")} }
${ruled.filter(({ selectorText }) => /^:root\[/.test(selectorText)).map(({ cssText }) => cssText.replace(ROOT, ".frame")).join("\n")}
.watch { box-shadow: ${COLORS.map((name) => `0 0 var(${name})`).join(", ")}; }`;
const common = ruled
  .filter(({ selectorText }) => !ROOT.test(selectorText) && !OF_PAGES.test(selectorText))
  .map(({ cssText }) => cssText)
  .join("\n");

const PANEL = Object.freeze([sheetOf([common, textOf(embeddedElement), frame, ...[panel, legend, panelFull, plot, bars, events, embedView].map(textOf)].join("\n")), rules]);
const NUMBER = Object.freeze([sheetOf([common, frame, textOf(number)].join("\n"))]);

/** The names under which a page may give our colours and our type others. */
export const THEMED = Object.freeze(NAMES.map((name) => name.replace("--", "--vitalcast-")));

/** For a panel's tree. @param {ShadowRoot} root */
export function dressPanel(root) {
  // A length that is worked out where it is set, and not where it is used.
  if (!getComputedStyle(document.documentElement).getPropertyValue(SIZE)) {
    CSS.registerProperty({ name: SIZE, syntax: "<length>", inherits: true, initialValue: "16px" });
  }
  root.adoptedStyleSheets = [...PANEL];
}

/** For a number's tree. @param {ShadowRoot} root */
export function dressNumber(root) {
  root.adoptedStyleSheets = [...NUMBER];
}

/** An element that tells when the colours around it change, for whatever reason. @param {() => void} changed */
export function watchColors(changed) {
  const watch = h("i", { class: "watch", "aria-hidden": "true" });
  watch.addEventListener("transitionrun", changed);
  return watch;
}
