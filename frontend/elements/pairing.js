/** `<vital-pairing>`: the code that lets a wall screen in, large, until somebody approves it. */

import { formatClock } from "../charts/model/format.js";
import { h, setText } from "../dom/html.js";
import { Pairing } from "../http/pairing.js";
import { storageOf } from "../page/storage.js";

/** Set `page`, the server's address, before it is connected. Event: `approved`, once this screen is let in. */
export class VitalPairing extends HTMLElement {
  /** @type {string} */ page;
  /** Whether somebody at the screen has asked for a code, although it is let in. */ asked = false;

  /** @type {Pairing} */ #pairing;
  #away = h("p", { class: "away" });

  connectedCallback() {
    this.className = "pairing";
    this.hidden = true;
    this.setAttribute("role", "status");
    this.#pairing = new Pairing({ page: this.page, storage: storageOf() });
    this.#pairing.addEventListener("code", this.#coded);
    this.#pairing.addEventListener("refused", this.#refused);
    this.#pairing.addEventListener("lost", this.#lost);
    this.#pairing.addEventListener("approved", this.#approved);
  }

  disconnectedCallback() {
    this.#pairing.stop();
    this.#pairing.removeEventListener("approved", this.#approved);
    this.#pairing.removeEventListener("lost", this.#lost);
    this.#pairing.removeEventListener("refused", this.#refused);
    this.#pairing.removeEventListener("code", this.#coded);
    this.replaceChildren();
  }

  /** Whether a code is shown, or is on its way, because the screen is not let in. */
  get needed() {
    return this.#pairing.running && !this.asked;
  }

  /** The server does not know this screen. */
  start() {
    this.asked = false;
    this.#pairing.start();
  }

  /** Somebody wants to pair a screen that is let in already. */
  ask() {
    if (this.#pairing.running) return;
    this.asked = true;
    this.#pairing.start();
  }

  dismiss() {
    this.asked = false;
    this.#pairing.stop();
    this.hidden = true;
  }

  #coded = ({ detail: { code, approve_at: approveAt, qr } }) => {
    const screens = (approveAt || new URL("screens", this.page).href).replace(/^https?:\/\//, "");
    this.replaceChildren(
      h("p", {}, this.asked ? "To pair this screen, approve this code:" : "This screen is waiting for approval. Approve this code:"),
      h("strong", {}, code),
      ...(qr ? [h("img", { class: "qr", src: qr, alt: `QR code that opens ${screens} with this code` })] : []),
      h("p", {}, qr ? "Scan it, or open " : "Open ", h("span", { class: "where" }, screens)),
      h("p", {}, "Or on the server: ", h("code", {}, `vitalcast screens approve ${code}`)),
      ...(this.asked ? [h("p", { class: "aside" }, "Esc hides it. Once approved, this browser belongs to the screen, and its own log-in ends.")] : []),
      this.#away,
    );
    this.hidden = false;
  };

  #lost = ({ detail }) => setText(this.#away, detail ? `The server has been unreachable since ${formatClock(detail, { seconds: true })}. This screen keeps trying.` : "");

  #refused = ({ detail }) => {
    this.replaceChildren(h("p", {}, "This screen is not let in, and gets no code:"), h("strong", { class: "long" }, sentence(detail)), h("p", {}, "It keeps asking."), this.#away);
    this.hidden = false;
  };

  #approved = () => {
    this.dismiss();
    this.dispatchEvent(new Event("approved"));
  };
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;
