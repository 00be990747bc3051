/** Hands the reader a file, or a text to paste. */

/** How long the browser may take to begin reading what is saved. */
const KEPT_MS = 60_000;

/** What no file's name should have: paths, controls, what a shell or another system would read as something else. */
const UNFIT = /[^\p{L}\p{N}._-]+|^\.+/gu;

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(UNFIT, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/**
 * @param {string} text @param {HTMLElement} [within] what is in use: the rest of the page is not, below a dialog
 * @returns {Promise<boolean>} whether it is in the clipboard now
 */
export async function copy(text, within = document.body) {
  try {
    // Not there on a page that came over plain HTTP from another machine.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text, within);
  }
}

function copyByHand(text, within) {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.value = text;
  field.className = "unseen";
  within.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
