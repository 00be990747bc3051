/** Keeps the screen from going dark, as far as the browser lets the page. */

export class Wake {
  /** @type {any} */ #lock = null;
  #asking = false;
  #running = false;
  /** Why it may go dark, in plain words; empty while it is kept awake. */
  why = "it has not been asked to stay on yet";

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
      this.why = isSecureContext ? "this browser cannot keep it on" : "over plain HTTP no browser lets a page keep it on; serve HTTPS, or set the screen so that it stays on";
      return;
    }
    this.#asking = true;
    try {
      this.#hold(await navigator.wakeLock.request("screen"));
    } catch (error) {
      this.why = `the browser refuses to keep it on (${error.message})`;
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
      this.why = "the browser has let go of it";
      if (this.#running) this.#ask();
    });
  }
}
