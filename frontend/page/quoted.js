/** What somebody else has written, in quotation marks and cut. */

const CHARS_MAX = 60;

/** @param {unknown} value */
export function quoted(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  const chars = [...text.slice(0, 2 * CHARS_MAX)];
  return `\u201c${chars.length > CHARS_MAX ? `${chars.slice(0, CHARS_MAX - 1).join("")}\u2026` : text}\u201d`;
}
