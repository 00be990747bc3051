/** `<vital-dashboard>`: one host's page; connects, lays the panels out, and pauses while nobody looks. */

import { INTERVAL_S, PANELS, PROCESSES, WINDOW_S } from "../core/panels.js";
import { errorWords } from "../core/protocol.js";
import { connect } from "../net/connect.js";
import { h, setText } from "./html.js";
import { HOST_VITALS } from "./vitals.js";

const NOTICE_MS = 15_000;
const HOST_METRICS = ["system.uptime", "system.load.average"];

export class VitalDashboard extends HTMLElement {
  /** @type {ReturnType<typeof connect>} */ connection;
  /** @type {HTMLElement} */ #host;
  /** @type {HTMLElement} */ #notice;
  /** @type {any} */ #noticeTimer;

  connectedCallback() {
    this.connection = connect();
    const { socket, session, clock } = this.connection;
    if (document.hidden) session.pause();

    const streams = {};
    for (const panel of PANELS) {
      streams[panel.id] = session.subscribe(
        panel.id,
        { metrics: [...panel.metrics], interval: INTERVAL_S, aggregate: ["avg"], backfill: WINDOW_S },
        { windowS: WINDOW_S },
      );
    }
    streams.host = session.subscribe("host", { metrics: HOST_METRICS, interval: INTERVAL_S }, { windowS: 10 });
    const processes = session.table("processes", { ...PROCESSES, limit: rowsThatFit() });

    this.#host = h("h1", {}, "\u2026");
    this.#notice = h("p", { class: "notice", role: "alert", hidden: true });
    const vitals = Object.assign(h("vital-vitals"), { streams, items: HOST_VITALS });
    const status = Object.assign(h("vital-status"), { socket, session, clock });
    const panels = PANELS.map((definition) =>
      Object.assign(h("vital-panel", { id: `panel-${definition.id}` }), { definition, stream: streams[definition.id], clock }),
    );
    const table = Object.assign(h("vital-processes"), { session, stream: processes, clock });
    this.replaceChildren(
      h("header", { class: "top" }, this.#host, vitals, status),
      this.#notice,
      h("main", {}, h("div", { class: "charts" }, ...panels), table),
    );

    socket.addEventListener("message", this.#heard);
    document.addEventListener("visibilitychange", this.#looked);
    socket.start();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#looked);
    this.connection.socket.removeEventListener("message", this.#heard);
    this.connection.socket.stop();
    clearTimeout(this.#noticeTimer);
    this.replaceChildren();
  }

  #heard = (event) => {
    const message = event.detail;
    if (message.type === "welcome") {
      setText(this.#host, message.host ?? "");
      document.title = `${message.host} \u2013 Vitalcast`;
    } else if (message.type === "error" && message.id === undefined) {
      this.#say(`${errorWords(message)}.`);
    } else if (message.type === "invalid") {
      this.#say(`The server sent something that this page cannot read (${message.why}).`);
    }
  };

  #looked = () => {
    const { session, socket } = this.connection;
    if (document.hidden) session.pause();
    else {
      session.resume();
      socket.hurry();
    }
  };

  #say(words) {
    this.#notice.hidden = false;
    setText(this.#notice, words);
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      this.#notice.hidden = true;
    }, NOTICE_MS);
  }
}

/** As many processes as the window has room for beside the charts; few on a phone, where they come last. */
function rowsThatFit() {
  const { innerWidth, innerHeight } = globalThis;
  if (innerWidth < 740) return 12;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.max(12, Math.min(50, Math.floor((innerHeight - 9 * rem) / (1.58 * rem))));
}
