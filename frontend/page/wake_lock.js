/** Keeps the screen from going dark, as far as the browser lets the page. */

export class Wake {
  /** @type {any} */ #lock = null;
  #asking = false;
  #running = false;
  /** Why it may go dark, in plain words; empty while it is kept awake. */
  why = "not requested yet";

  start() {
    this.#running = true;
    document.addEventListener("visibilitychange", this.#ask);
    this.#ask();
  }

  stop() {
    this.#running = false;
    document.removeEventListener("visibilitychange", this.#ask);
    this.#lock?.release();
  }

  /** The browser takes the lock away whenever the page is hidden. */
  #ask = async () => {
    if (document.hidden || this.#lock || this.#asking) return;
    if (!navigator.wakeLock) {
      this.why = isSecureContext ? "this browser cannot keep the screen on" : "browsers do not allow it over plain HTTP; serve HTTPS, or turn the screen's sleep off";
      return;
    }
    this.#asking = true;
    try {
      this.#hold(await navigator.wakeLock.request("screen"));
    } catch (error) {
      this.why = `the browser refuses to keep the screen on (${error.message})`;
    }
    this.#asking = false;
  };

  #hold(lock) {
    if (!this.#running) {
      lock.release();
      return;
    }
    this.why = "";
    this.#lock = lock;
    lock.addEventListener("release", () => {
      this.#lock = null;
      this.why = "the browser stopped keeping the screen on";
      if (this.#running) this.#ask();
    });
  }
}
