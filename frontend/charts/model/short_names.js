/** Which end of a name must stay where there is no room for all of it, so that names beside each other are told apart. */

/** Names that are not alike for so long are told apart by how they begin. */
const ALIKE = 12;
/** So many letters of an end stay at most. */
const END = 7;

/**
 * @param {string[]} names
 * @returns {Map<string, string>} the end that stays of each name that is told apart from another by its end alone
 */
export function telltaleEnds(names) {
  /** @type {Map<string, string>} */ const ends = new Map();
  // Whatever a name is most like stands beside it.
  const sorted = [...new Set(names)].sort().map((name) => [...name]);
  sorted.forEach((letters, i) => {
    const alike = Math.max(...[sorted[i - 1], sorted[i + 1]].map((other) => (other ? commonStart(letters, other) : 0)));
    if (alike >= ALIKE) ends.set(letters.join(""), letters.slice(-lengthOfEnd(letters, alike)).join(""));
  });
  return ends;
}

function commonStart(letters, other) {
  let at = 0;
  while (at < letters.length && letters[at] === other[at]) at += 1;
  return at;
}

/** From the word on in which it is another than the one it is most like. */
function lengthOfEnd(letters, alike) {
  const word = letters.lastIndexOf(" ", Math.min(alike, letters.length - 1) - 1) + 1;
  return Math.min(END, letters.length - word);
}
