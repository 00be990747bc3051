/** Which window a panel shows: that of the view, as its own samples end it. */

/** Charts that are live end within so much of each other. */
const PAUSE_APART_MS = 15_000;

export class PanelWindow {
  /**
   * @param {{view: import("./view.js").View, stream: import("../client/series_stream.js").SeriesStream,
   *          clock: import("../client/clock.js").ServerClock, past: import("./panel_past.js").PanelPast}} parts
   */
  constructor({ view, stream, clock, past }) {
    this.#view = view;
    this.#stream = stream;
    this.#clock = clock;
    this.#past = past;
  }

  #view;
  #stream;
  #clock;
  #past;
  /** What is drawn of a pause ends so much later than the page's window: where it ended while live, in ms. */ #pauseShift = 0;
  /** Where what is drawn ends while live, Unix ms; NaN while it stands still. */ drawnTo = NaN;

  /** @returns {import("./view.js").Window & {live: boolean}} */
  get now() {
    const { stale, store } = this.#stream;
    // While readings come, the newest stands at the edge; when they do not, time goes on without them.
    const goesOn = stale || !store.ring.length;
    const { from, to, live } = this.#view.window(goesOn ? Math.floor(this.#clock.now() / 1000) * 1000 : store.newest);
    if (live || !this.#view.paused) return this.#past.within({ from, to, live });
    const shift = this.#pauseShift;
    return { ...this.#past.within({ from: from + shift, to: to + shift, live: true }), live };
  }

  /** The view stands still, or goes on. A pause moves nothing: each chart ends with its own newest sample, as it did. */
  turned() {
    const { frozen, paused } = this.#view;
    const shift = frozen && paused ? this.drawnTo - frozen.to : NaN;
    this.#pauseShift = Math.abs(shift) <= PAUSE_APART_MS ? shift : 0;
  }
}
