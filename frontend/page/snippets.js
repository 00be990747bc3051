/** The lines that show a panel elsewhere, ready to be copied. */

import { LIVE_S, RANGES } from "./choices.js";

/**
 * @typedef {"frame"|"script"|"image"|"file"|"png"|"program"} Kind what shows it: `script` runs in a page of another site, `image`
 *   is asked for by a browser there, `file` by whoever reads a text, `png` the same if the server draws it, `program` by no browser at all
 * @typedef {{name: string, kind: Kind, words: string, text: string}} Snippet
 */

/**
 * @param {object} wanted
 * @param {string} wanted.base the address of this server, with a slash at its end
 * @param {{id: string, title: string}|null} wanted.panel null for the dashboard
 * @param {string} [wanted.token] @param {string} [wanted.theme] "" for the usual one @param {number} [wanted.range] seconds
 * @param {boolean} [wanted.title] @param {number} wanted.width @param {number} wanted.height pixels
 * @returns {Snippet[]}
 */
export function snippetsOf({ base, panel, token = "", theme = "", range = 300, title = true, width, height }) {
  const words = Object.keys(RANGES).find((key) => RANGES[key] === range) ?? "";
  const look = { theme, range: range === 300 ? "" : words, title: title ? "" : "0", token };
  const frame = address(base, panel ? `embed/panel/${panel.id}` : "embed/dashboard", look);
  const named = panel?.title ?? "Vitalcast";
  /** @type {Snippet[]} */ const list = [
    {
      name: "Frame",
      kind: "frame",
      words: "For any page that accepts HTML.",
      text: tag("iframe", { src: frame, width, height, title: named, loading: "lazy", style: "border: 0; max-width: 100%" }),
    },
  ];
  if (!panel) return list;
  const script = tag("script", { type: "module", src: address(base, "embed.js", {}) });
  const attributes = { theme, range: look.range, heading: look.title, token };
  // What is longer ago than a server surely has in memory is asked of its history.
  const span = range === 300 ? {} : range <= LIVE_S ? { range } : { start: `-${words.replace("1y", "365d")}`, end: "now" };
  const still = { theme, ...span, width, height, token };
  const badge = address(base, `badge/${panel.id}.svg`, { token });
  const picture = address(base, `api/v1/panels/${panel.id}.svg`, still);
  const png = address(base, `api/v1/panels/${panel.id}.png`, { ...still, scale: 2 });
  const figure = address(base, `api/v1/panels/${panel.id}/figure`, { theme, ...span });
  const header = token ? ` -H 'Authorization: Bearer ${token}'` : "";
  return [
    ...list,
    {
      name: "Element",
      kind: "script",
      words: "For your own pages; all elements of a page share one connection.",
      text: `${script}\n${tag("vitalcast-panel", { panel: panel.id, ...attributes, style: `height: ${height}px` })}`,
    },
    {
      name: "Number",
      kind: "script",
      words: "The panel’s value, inside a sentence.",
      text: `${script}\n${tag("vitalcast-value", { panel: panel.id, theme, token })}`,
    },
    { name: "Badge, Markdown", kind: "file", words: "An image for a README; works without scripts.", text: markdown(named, badge) },
    { name: "Badge, HTML", kind: "image", words: "The same, for a web page.", text: tag("img", { src: badge, alt: named }, false) },
    { name: "Image", kind: "file", words: "The chart as an image; works without scripts.", text: markdown(named, picture) },
    { name: "Image, PNG", kind: "png", words: "For chats, mail and notes, which take no SVG.", text: png },
    { name: "API", kind: "program", words: "The chart as data, for Plotly.", text: `curl${header} '${figure}'` },
  ];
}

/**
 * Quotes and brackets may stand in a path, but would end the text in a shell and the address in Markdown.
 * @param {Record<string, string|number>} query without what is empty
 */
function address(base, path, query) {
  const url = new URL(path, base);
  for (const [key, value] of Object.entries(query)) if (value !== "") url.searchParams.set(key, String(value));
  return url.href.replace(/['()]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** @param {Record<string, string|number>} attributes without what is empty */
function tag(name, attributes, closed = true) {
  const given = Object.entries(attributes).filter(([, value]) => value !== "");
  const text = given.map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join("");
  return `<${name}${text}>${closed ? `</${name}>` : ""}`;
}

/** @param {string} text */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");

const markdown = (alt, url) => `![${alt.replace(/[\\[\]]/g, "\\$&")}](${url})`;
