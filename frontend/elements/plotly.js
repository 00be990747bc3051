/** Loads Plotly once, when the first chart wants it. */

const SOURCE = new URL("../vendor/plotly-cartesian-4.1.1.min.js", import.meta.url);

/** @type {Promise<any>|undefined} */ let loading;

/** @returns {Promise<any>} the Plotly object */
export function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE.href;
    script.onload = () => resolve(/** @type {any} */ (globalThis).Plotly);
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error("the charting library could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}
