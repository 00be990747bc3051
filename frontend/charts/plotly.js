/** Loads Plotly once, when the first chart wants it, and not before the page has shown its first numbers. */

const SOURCE = new URL("../vendor/plotly-cartesian-4.1.1.min.js", import.meta.url);
const ISOLATED = new URL("../isolated_plotly.js", import.meta.url);

/** After a failure all charts are told the same for so long, however often they ask; then it is tried anew. */
const RETRY_MS = 2000;

/** @type {Promise<any>|undefined} */ let loading;
/** @type {() => Promise<any>} */ let source = fromScript;
let attempts = 0;
/** The rules that go with it, for those who keep it apart; empty until it is there. */
export const rules = new CSSStyleSheet();

/** Running the library takes the processor for longer than all else together: what is ready is painted first. */
const painted = () => new Promise((resume) => requestAnimationFrame(() => setTimeout(resume)));

/** @returns {Promise<any>} the Plotly object */
export function loadPlotly() {
  loading ??= painted().then(source).catch(failed);
  return loading;
}

/** On a page that is not ours: its own Plotly, if it has one, stays what it is. */
export function isolate() {
  source = fromModule;
}

async function fromModule() {
  attempts += 1;
  // A module that could not be fetched is never fetched again under the same address.
  const { Plotly, sheet } = await import(`${ISOLATED.href}#${attempts}`);
  rules.replaceSync([...sheet.cssRules].map(({ cssText }) => cssText).join("\n"));
  return Plotly;
}

function failed() {
  setTimeout(() => (loading = undefined), RETRY_MS);
  throw new Error("the charting library could not be loaded");
}

function fromScript() {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE.href;
    script.onload = () => resolve(/** @type {any} */ (globalThis).Plotly);
    script.onerror = (event) => {
      script.remove();
      reject(event);
    };
    document.head.append(script);
  });
}
