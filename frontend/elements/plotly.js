/** Loads Plotly once, when the first chart wants it, and not before the page has shown its first numbers. */

const SOURCE = new URL("../vendor/plotly-cartesian-4.1.1.min.js", import.meta.url);

/** After a failure all charts are told the same for so long, however often they ask; then it is tried anew. */
const RETRY_MS = 2000;

/** @type {Promise<any>|undefined} */ let loading;
/** @type {() => Promise<any>} */ let source = fromScript;

/** Running the library takes the processor for longer than all else together: what is ready is painted first. */
const painted = () => new Promise((resume) => requestAnimationFrame(() => setTimeout(resume)));

/** @returns {Promise<any>} the Plotly object */
export function loadPlotly() {
  loading ??= painted().then(source).catch(failed);
  return loading;
}

/** Takes it from elsewhere, on pages that are not our own. @param {() => Promise<any>} load */
export function loadPlotlyBy(load) {
  source = load;
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
