/** Which lines a legend lists, in what order, and which of them are picked to be shown alone. Pure. */

/** @typedef {{key: string, value: number, zero: boolean}} Entry value: how much there is of it, NaN for none */

/**
 * The keys by value, the highest first. Those at zero are folded away, where that makes room for two or more.
 *
 * @param {Entry[]} entries in the order that holds among equals
 * @returns {{order: string[], folded: Set<string>}}
 */
export function listingOf(entries) {
  const size = ({ value }) => (Number.isNaN(value) ? -Infinity : Math.abs(value));
  const order = [...entries].sort((a, b) => Number(a.zero) - Number(b.zero) || size(b) - size(a) || 0);
  const zeros = order.filter(({ zero }) => zero);
  // A list that says nothing but how many it leaves out would be none.
  const folded = zeros.length === order.length ? zeros.slice(1) : zeros;
  return { order: order.map(({ key }) => key), folded: new Set(folded.length > 1 ? folded.map(({ key }) => key) : []) };
}

/**
 * What the button says behind which the rest is. Where nothing is known, nothing is at zero.
 *
 * @param {{hidden: number, known: boolean, unfolded: boolean}} state
 */
export function foldWords({ hidden, known, unfolded }) {
  if (unfolded) return known ? "Hide those at 0" : "Show fewer";
  return `${hidden} more ${known ? "at 0" : "without values"}`;
}

/**
 * What is picked after a click on a line: that line alone; with `add` it as well, or no longer. What was picked alone, or
 * all lines, are as good as none: then all are shown.
 *
 * @param {ReadonlySet<string>} picked @param {string} key @param {{add: boolean, all: string[]}} options
 * @returns {Set<string>}
 */
export function pickedAfter(picked, key, { add, all }) {
  if (!add) return picked.size === 1 && picked.has(key) ? new Set() : new Set([key]);
  const next = new Set(picked);
  if (!next.delete(key)) next.add(key);
  return all.every((one) => next.has(one)) ? new Set() : next;
}
