/** Small helpers to build elements without markup strings. */

/**
 * @param {string} tag
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes] true sets it empty, false and null leave it out
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Sets text only where it differs: an unchanged text node costs no layout. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Hides or shows only where that changes something: an attribute that is written again tells its observers, too. @param {HTMLElement} element @param {boolean} hidden */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** Likewise its title. @param {HTMLElement} element @param {string} title */
export function setTitle(element, title) {
  if (element.title !== title) element.title = title;
}
