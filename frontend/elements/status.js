/** `<vital-status>`: says whether the page is live, since when, and how old the data is on the server's clock. */

import { formatAge, formatClock, formatDuration } from "../core/format.js";
import { State, Status } from "../core/status.js";
import { everyBeat, forgetFrame, nextFrame } from "./frames.js";
import { h, setText } from "./html.js";

const WORDS = {
  [State.CONNECTING]: "Connecting",
  [State.LIVE]: "Live",
  [State.STALE]: "Stale",
  [State.RECONNECTING]: "Reconnecting",
  [State.PAUSED]: "Paused",
  [State.STOPPED]: "Stopped",
};

/** Set `socket`, `session` and `clock` before it is connected. Its attribute `state` is one of `State`. */
export class VitalStatus extends HTMLElement {
  /** @type {import("../net/socket.js").Socket} */ socket;
  /** @type {import("../core/session.js").Session} */ session;
  /** @type {import("../core/clock.js").ServerClock} */ clock;

  #status = new Status();
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {HTMLElement} */ #word;
  /** @type {HTMLElement} */ #since;
  /** @type {HTMLElement} */ #age;
  /** @type {HTMLElement} */ #why;

  connectedCallback() {
    // Only the word is announced: an age that is read out every second helps nobody.
    this.#word = h("strong", { role: "status" });
    this.#since = h("span", { class: "since" });
    this.#age = h("span", { class: "data-age" });
    this.#why = h("span", { class: "why" });
    this.replaceChildren(h("i", { class: "dot", "aria-hidden": "true" }), this.#word, this.#age, this.#since, this.#why);
    this.socket.addEventListener("link", this.#refresh);
    this.socket.addEventListener("message", this.#heard);
    this.#stopBeat = everyBeat(this.#refresh);
    this.#refresh();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.socket.removeEventListener("message", this.#heard);
    forgetFrame(this.#refresh);
    this.socket.removeEventListener("link", this.#refresh);
    this.replaceChildren();
  }

  #heard = () => nextFrame(this.#refresh);

  #refresh = () => {
    let newest = NaN;
    for (const stream of this.session.streams) if (!(stream.newest <= newest)) newest = stream.newest;
    const { state, since, ageS } = this.#status.next({
      link: /** @type {any} */ (this.socket.link),
      newest,
      now: this.clock.now(),
      paused: this.session.paused,
    });
    this.setAttribute("state", state);
    setText(this.#word, WORDS[state]);
    setText(this.#since, `since ${formatClock(since, { seconds: true })}`);
    setText(this.#age, Number.isNaN(ageS) ? "no data yet" : `data ${formatAge(ageS)}`);
    setText(this.#why, this.#reason(state));
  };

  #reason(state) {
    if (state === State.STOPPED) return `${this.socket.why}; reload the page to try again`;
    if (state === State.STALE) return "the server is silent";
    if (state !== State.RECONNECTING) return "";
    const waitS = Math.ceil((this.socket.retryAt - Date.now()) / 1000);
    const again = waitS > 0 ? `, trying again in ${formatDuration(waitS)}` : ", trying again";
    return this.socket.why ? this.socket.why + again : "";
  }
}
