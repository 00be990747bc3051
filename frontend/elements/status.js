/** `<vital-status>`: says whether the page is live, since when, how old the data is, and what was missed. */

import { formatAge, formatClock, formatDuration } from "../charts/model/format.js";
import { momentWords, windowWords } from "../charts/model/time_words.js";
import { State, Status } from "../client/status.js";
import { youngest } from "../page/subscriptions.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setHidden, setText } from "../dom/html.js";
import { lagWords, missedBy } from "../page/gap_report.js";

/** The reader has frozen the charts: the line may be well, but what is shown is not now. */
export const FROZEN = "frozen";

const WORDS = {
  [State.CONNECTING]: "Connecting",
  [State.LIVE]: "Live",
  [State.STALE]: "Stale",
  [State.RECONNECTING]: "Reconnecting",
  [State.PAUSED]: "Paused",
  [State.STOPPED]: "Stopped",
  [FROZEN]: "Paused",
};

/**
 * Set `client`, `view` and `subscriptions` before it is connected. Its attribute `state` is one of `State`,
 * or `frozen`. Event `turned`, when that changes; its detail is the word for it.
 */
export class VitalStatus extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../page/subscriptions.js").Subscriptions} */ subscriptions;

  #status = new Status();
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {HTMLElement} */ #word;
  /** @type {HTMLElement} */ #since;
  /** @type {HTMLElement} */ #age;
  /** @type {HTMLElement} */ #why;
  /** @type {HTMLElement} */ #lag;
  /** @type {HTMLDetailsElement} */ #missed;

  connectedCallback() {
    // Only the word is announced: an age that is read out every second helps nobody.
    this.#word = h("strong", { role: "status" });
    this.#since = h("span", { class: "since" });
    this.#age = h("span", { class: "data-age" });
    this.#why = h("span", { class: "why" });
    this.#lag = h("span", { class: "lag" });
    this.#missed = /** @type {HTMLDetailsElement} */ (h("details", { class: "missed", hidden: true }, h("summary"), h("ul")));
    this.#missed.addEventListener("focusout", () => {
      this.#missed.open = false;
    });
    const dot = h("i", { class: "dot", "aria-hidden": "true" });
    this.replaceChildren(dot, this.#word, this.#since, this.#age, this.#why, this.#lag, this.#missed);
    this.client.addEventListener("link", this.#refresh);
    this.client.addEventListener("message", this.#heard);
    this.view.addEventListener("change", this.#refresh);
    this.#stopBeat = everyBeat(this.#refresh);
    this.#refresh();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.view.removeEventListener("change", this.#refresh);
    this.client.removeEventListener("message", this.#heard);
    forgetFrame(this.#refresh);
    this.client.removeEventListener("link", this.#refresh);
    this.replaceChildren();
  }

  #heard = () => nextFrame(this.#refresh);

  #refresh = () => {
    const ageS = youngest(this.subscriptions.streams);
    const { state, since } = this.#status.next({
      link: this.client.link,
      ageS,
      clock: this.client.clock,
      paused: this.client.paused,
      // One stream comes whatever the rate, each second where the server grants that; panels out of view send nothing.
      intervalS: this.subscriptions.host.store.intervalS,
    });
    const { frozen } = this.view;
    const shown = frozen && state === State.LIVE ? FROZEN : state;
    setText(this.#word, shown === FROZEN && !this.view.paused ? "Past" : WORDS[shown]);
    setText(this.#since, frozen ? shownWords(this.view, this.client.clock.now()) : `since ${formatClock(since, { seconds: true })}`);
    setText(this.#age, this.#ageWords(shown, ageS));
    setText(this.#why, this.#reason(state));
    setText(this.#lag, state === State.LIVE ? lagWords(this.subscriptions.host.store, this.view.interval) : "");
    this.#sayMissed();
    if (shown === this.getAttribute("state")) return;
    this.setAttribute("state", shown);
    this.dispatchEvent(new CustomEvent("turned", { detail: WORDS[shown] }));
  };

  #ageWords(state, ageS) {
    if (Number.isNaN(ageS)) return "no data yet";
    return state === FROZEN ? "still recording" : `data ${formatAge(ageS)}`;
  }

  #reason(state) {
    if (state === State.STOPPED) return `${this.client.why}; reload the page to try again`;
    if (state === State.STALE) return "the server is silent";
    if (state !== State.RECONNECTING) return "";
    const waitS = Math.ceil(this.client.retryInMs / 1000);
    const again = waitS > 0 ? `, trying again in ${formatDuration(waitS)}` : ", trying again";
    return this.client.why ? this.client.why + again : "";
  }

  #sayMissed() {
    const { ticks, reasons } = missedBy(this.subscriptions.streams);
    setHidden(this.#missed, ticks === 0);
    if (!ticks) return;
    const [summary, list] = this.#missed.children;
    setText(summary, `${ticks} ${ticks === 1 ? "tick" : "ticks"} missed`);
    if (list.textContent !== reasons.join("")) list.replaceChildren(...reasons.map((text) => h("li", {}, text)));
  }
}

/** The moment or the span that a frozen view shows, in words. @param {import("../page/view.js").View} view @param {number} now Unix ms */
function shownWords({ frozen, paused }, now) {
  const shown = /** @type {import("../page/view.js").Window} */ (frozen);
  return paused ? `at ${momentWords(shown.to, now, { seconds: true })}` : windowWords(shown, now);
}
