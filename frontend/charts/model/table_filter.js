/** Which rows of a table a filter is about, as the server says it: `tests/golden/filters.json` holds both to the same. */

/** A text that finds what is called so and nothing else: `python3`, but not `python3.11`. @param {string} name */
export const exactly = (name) => `"${name}"`;

/** @param {string} wanted @returns {(field: string) => boolean} whether a field is what is wanted */
export function fieldTest(wanted) {
  const text = wanted.trim().toLowerCase();
  if (text.length > 2 && text.startsWith('"') && text.endsWith('"')) {
    const whole = text.slice(1, -1);
    return (field) => [whole, `${whole}/`, `${whole}:`].some((one, i) => (i ? field.toLowerCase().startsWith(one) : field.toLowerCase() === one));
  }
  return (field) => field.toLowerCase().includes(text);
}
