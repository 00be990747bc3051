/** The manual's search while it is being typed. Without this script the form still works. */

const WAIT_MS = 150;

const form = /** @type {HTMLFormElement} */ (document.querySelector("form[role=search]"));
const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("q"));
const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const page = [...main.childNodes];

let timer = 0;
let asking = new AbortController();

addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, altKey, metaKey } = event;
  if (ctrlKey || altKey || metaKey || event.isComposing) return;
  if (key === "/" && target !== input) {
    event.preventDefault();
    input.focus();
    input.select();
  } else if (key === "Escape" && target === input) {
    event.preventDefault();
    input.value = "";
    search();
    main.focus();
  } else if ((key === "ArrowDown" || key === "ArrowUp") && step(target, key === "ArrowDown" ? 1 : -1)) {
    event.preventDefault();
  }
});

/** Moves the focus from the search through its results and back; says whether it did. */
function step(from, by) {
  const stops = [input, ...main.querySelectorAll(".hits a")];
  const at = stops.indexOf(from);
  const next = at < 0 ? undefined : stops[at + by];
  next?.focus();
  return next !== undefined;
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, WAIT_MS);
});

/** Shows what the server finds in place of the page; with nothing to look for, the page again. */
async function search() {
  clearTimeout(timer);
  asking.abort();
  asking = new AbortController();
  const query = input.value.trim();
  if (!query) {
    main.replaceChildren(...page);
    return;
  }
  const url = new URL(form.action);
  url.search = new URLSearchParams({ q: query }).toString();
  try {
    const answer = await fetch(url, { signal: asking.signal });
    if (!answer.ok) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#results");
    if (found) main.replaceChildren(rebased(found, url));
  } catch (error) {
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error; // Enter still asks the server
  }
}

/** Its links are relative to the address of the search, which need not be this page's. */
function rebased(results, url) {
  for (const link of results.querySelectorAll("a")) link.href = new URL(link.getAttribute("href"), url).href;
  return document.adoptNode(results);
}
