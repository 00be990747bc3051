/** Walks through the rows of a table by keyboard. */

/**
 * The row that a key leads to from another.
 *
 * @param {HTMLElement} body @param {Element} row @param {string} key @returns {HTMLElement|undefined}
 */
export function rowAfter(body, row, key) {
  const rows = /** @type {HTMLElement[]} */ ([...body.querySelectorAll("tr:not(.detail)")]);
  const at = rows.indexOf(/** @type {HTMLElement} */ (row));
  return { ArrowDown: rows[at + 1], ArrowUp: rows[at - 1], Home: rows[0], End: rows.at(-1) }[key];
}

/** Moves the focus to a row, which Tab comes to from now on. @param {HTMLElement} body @param {HTMLElement} row */
export function focusRow(body, row) {
  body.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
  row.tabIndex = 0;
  row.focus();
}

/** Whether a key opens what is closed, or closes what is open. @param {string} key @param {boolean} open */
export const turnsBranch = (key, open) => key === (open ? "ArrowLeft" : "ArrowRight");
