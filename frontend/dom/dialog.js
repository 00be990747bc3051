/** What all dialogs do alike. */

/**
 * A click beside it closes it. The backdrop counts as the dialog's own; so does a click that began in a field and ended
 * beside, when its text was selected: that means nothing.
 *
 * @param {HTMLDialogElement} dialog
 */
export function closeBeside(dialog) {
  let beside = false;
  dialog.addEventListener("pointerdown", ({ target }) => (beside = target === dialog));
  dialog.addEventListener("click", ({ target }) => beside && target === dialog && dialog.close());
}
