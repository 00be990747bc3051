/** Turns keys into actions, by the table in page/keys.js, and leaves alone what is somebody else's key. */

import { bindingOf } from "./keys.js";

const FIELDS = 'input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable]';
/** What has a use of its own for the space bar, and for the arrows. */
const PRESSED = "button, a, summary, input, dialog";
const WALKED = 'input, select, [tabindex="0"], [role="menu"], dialog';

/**
 * @param {HTMLElement} scope where keys are heard: the whole page's where the page is one dashboard
 * @param {(binding: import("./keys.js").Binding) => void} act
 * @returns {() => void} stops listening
 */
export function listen(scope, act) {
  const pressed = (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const binding = bindingOf(event);
    if (!binding || isOthers(event)) return;
    event.preventDefault();
    act(binding);
  };
  scope.addEventListener("keydown", pressed);
  return () => scope.removeEventListener("keydown", pressed);
}

function isOthers({ key, target }) {
  if (!(target instanceof Element)) return false;
  if (target.closest(FIELDS)) return true;
  // Below a dialog nothing else is in use, wherever the focus was lost to.
  if (target.closest("dialog") || document.querySelector("dialog:modal")) return key !== "?";
  if (key === " ") return target.closest(PRESSED) !== null;
  // Up and down scroll the page, unless the reader is going through the panels.
  if (key === "ArrowUp" || key === "ArrowDown") return !target.matches("vital-panel");
  return key.startsWith("Arrow") && target.closest(WALKED) !== null;
}
