/** The page's colours as numbers, in whatever notation the style sheet and the browser have them, and when they change. */

/** @typedef {readonly [number, number, number, number]} Color red, green, blue 0–255; opacity 0–1 */

/** @type {Color} for what cannot be read: visible on any ground */
const UNKNOWN = Object.freeze([128, 128, 128, 1]);
const HEX = /^#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i;
const FUNCTION = /^(rgba?|color)\(\s*(srgb\s)?(.*)\)$/i;

/**
 * Reads custom properties that hold colours, as they are in force on `element`.
 *
 * @template {string} Name
 * @param {Element} element @param {readonly Name[]} names without the dashes
 * @returns {Record<Name, Color>}
 */
export function colorsOf(element, names) {
  const style = getComputedStyle(element);
  const read = (name) => parse(style.getPropertyValue(`--${name}`).trim()) ?? probed(element, name);
  return /** @type {any} */ (Object.fromEntries(names.map((name) => [name, read(name)])));
}

/** Lets the browser work out a notation that is not ours to know: `light-dark()`, `color-mix()`, `hsl()`, a name. */
function probed(element, name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(--${name}, #808080)`;
  element.append(probe);
  const color = parse(getComputedStyle(probe).color);
  probe.remove();
  return color ?? UNKNOWN;
}

/** Hexadecimal, `rgb()` and `color(srgb …)`, old and new notation. @param {string} text @returns {Color|null} */
export function parse(text) {
  const hex = HEX.exec(text)?.[1];
  if (hex) {
    const full = hex.length < 5 ? [...hex].map((digit) => digit + digit).join("") : hex;
    const part = (at) => Number.parseInt(full.slice(at, at + 2) || "ff", 16);
    return [part(0), part(2), part(4), part(6) / 255];
  }
  const [, name, space, inner] = FUNCTION.exec(text) ?? [];
  if (!name || (name === "color") !== Boolean(space)) return null;
  const [red, green, blue, opacity = "1"] = inner.split(/[\s,/]+/);
  const scaled = (part) => (space ? 255 : part.endsWith("%") ? 2.55 : 1) * Number.parseFloat(part);
  const alpha = Number.parseFloat(opacity) / (opacity.endsWith("%") ? 100 : 1);
  const color = [scaled(red), scaled(green ?? ""), scaled(blue ?? ""), alpha];
  return color.every(Number.isFinite) ? /** @type {any} */ (color) : null;
}

/** @param {Color} color @param {number} [opacity] on top of its own */
export function cssOf([red, green, blue, alpha], opacity = 1) {
  return `rgba(${Math.round(red)},${Math.round(green)},${Math.round(blue)},${Number((alpha * opacity).toFixed(3))})`;
}

/** The colour at `share`, 0–1, of a ramp of equal steps. @param {Color[]} ramp @param {number} share @returns {Color} */
export function mixed(ramp, share) {
  const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const step = Math.min(ramp.length - 2, Math.floor(place));
  const part = place - step;
  const [from, to] = [ramp[step], ramp[step + 1]];
  return /** @type {any} */ (from.map((one, i) => one + (to[i] - one) * part));
}

/** @type {Set<() => void>} */ const watchers = new Set();
const scheme = globalThis.matchMedia("(prefers-color-scheme: dark)");
const tell = () => watchers.forEach((watcher) => watcher());
const chosen = new MutationObserver(tell);

/**
 * Calls `watcher` when the page's colours may have changed, by the system or by choice, until the returned
 * function is called.
 *
 * @param {() => void} watcher
 */
export function onRecolour(watcher) {
  if (watchers.size === 0) {
    scheme.addEventListener("change", tell);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme", "class", "style"] });
  }
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    scheme.removeEventListener("change", tell);
    chosen.disconnect();
  };
}
