/** `<vitalcast-value>`: one live number with its last minute, in the text of a page of anybody's. */

import { formatAge, formatValue } from "../charts/model/format.js";
import { headlineAt } from "../charts/model/headline.js";
import { layoutOf } from "../charts/model/lines.js";
import { lastingLevel, limitWords, ofAll } from "../charts/model/metric_value.js";
import { requestOf } from "../charts/model/panel.js";
import { errorWords } from "../client/protocol.js";
import { ofColumn, sparkPoints, sparkReach } from "../charts/model/sparkline_model.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { EmbeddedElement } from "./embedded_element.js";
import { h, setText } from "../dom/html.js";
import { dressNumber } from "../page/shadow_styles.js";
import { Sparkline } from "../charts/sparkline.js";

const WINDOW_S = 60;

/**
 * @typedef {{valueOf: import("../charts/model/metric_value.js").ValueOf, unit: string, end: number, rule: string,
 *            level: import("../charts/model/headline.js").Level}} Shown
 */

/**
 * Attributes: `src` and `token` as those of a panel; `metric`, its name, with `where`, the attributes of the series, and
 * `reduce` where there are several (sum, avg, min, max); or `panel`, for the number of that panel; `label`; `interval`;
 * `warning` and `critical`, from where on the number is coloured; `theme`.
 */
export class VitalcastValue extends EmbeddedElement {
  static options = ["metric", "panel", "where", "reduce", "label", "interval", "warning", "critical", "theme"];
  static observedAttributes = [...VitalcastValue.options, "src", "token"];

  constructor() {
    super();
    dressNumber(this.root);
    this.#spark = new Sparkline();
    this.#frame = h("span", { class: "frame", part: "frame" }, this.#label, h("b", {}, this.#number, this.#unit), this.#spark.element, this.#words);
    this.root.append(this.#frame);
  }

  #spark;
  #frame;
  #label = h("span", { class: "label" });
  #number = h("span");
  #unit = h("small");
  #words = h("span", { class: "words" });
  /** @type {any} */ #options;
  /** @type {import("../charts/model/panel.js").Panel|null} the panel whose number is shown */ #panel = null;
  /** @type {import("../client/series_stream.js").SeriesStream|null} */ #stream = null;
  #ready = false;
  #told = "";
  /** @type {IntersectionObserver|null} */ #views = null;
  /** @type {() => void} */ #stopBeat = () => {};

  lacks({ metric, panel }) {
    if (metric && panel) return ["metric and panel are given; give one of the two."];
    return metric || panel ? [] : ["metric is missing; give the name of a metric, such as system.cpu.utilization."];
  }

  open(server, options) {
    this.#options = options;
    this.#ready = false;
    this.#told = "";
    server.addEventListener("change", this.#changed);
    this.#stopBeat = everyBeat(this.#changed);
    this.#views = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting ?? true));
    this.#views.observe(this);
    this.#changed();
  }

  change(options) {
    const server = /** @type {import("../page/server_page.js").ServerPage} */ (this.server);
    this.close();
    this.open(server, options);
  }

  close() {
    this.#views?.disconnect();
    this.#stopBeat();
    this.server?.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    this.#forget();
  }

  refuse(message) {
    this.#write({ words: message, state: "failed" });
  }

  // --- what it asks for --------------------------------------------------------------------------------------------

  #forget() {
    if (!this.#stream) return;
    this.#stream.removeEventListener("change", this.#drawSoon);
    this.#stream.close();
    this.#stream = this.#panel = null;
  }

  /** A panel has to be known before its number can be asked for; a metric need not. */
  #ask() {
    const { server } = this;
    const { metric, panel: id } = this.#options;
    if (this.#stream || !server) return;
    this.#panel = server.panels?.find((one) => one.id === id) ?? null;
    if (id && !this.#panel) return;
    const { interval = 1, where } = this.#options;
    const request = this.#panel
      ? requestOf(this.#panel, { intervalS: interval, windowS: WINDOW_S })
      : { metrics: [metric], where, interval, aggregate: ["avg"], backfill: WINDOW_S };
    this.#stream = server.client.subscribe(request, { name: `@${metric ?? id}${server.mark()}`, windowS: WINDOW_S, held: !this.#inView });
    this.#stream.addEventListener("change", this.#drawSoon);
  }

  #inView = false;

  #seen(inView) {
    this.#inView = inView;
    const stream = this.#stream;
    if (!stream || !this.server) return;
    if (inView) stream.release();
    else stream.hold();
  }

  // --- what it shows -----------------------------------------------------------------------------------------------

  #changed = () => {
    this.#ask();
    this.#drawSoon();
    const problem = this.#problem();
    if (!problem) return;
    if (problem.message !== this.#told) this.tell({ type: "error", ...problem });
    this.#told = problem.message;
  };

  #drawSoon = () => nextFrame(this.#draw);

  /** @returns {{code: number, message: string}|null} */
  #problem() {
    const { panels, failure, client } = /** @type {import("../page/server_page.js").ServerPage} */ (this.server);
    const { link, why, code } = client;
    if (failure?.final && !panels) return { code: failure.code, message: failure.message };
    if (link === "stopped") return { code, message: why };
    const { panel: id } = this.#options;
    if (id && panels && !panels.some((panel) => panel.id === id)) {
      const known = panels.map((panel) => panel.id).join(", ") || "none";
      return { code: 107, message: `there is no panel “${id}” here; there are ${known}` };
    }
    const refusal = this.#stream?.refusal;
    if (refusal && !refusal.temporary) return { code: refusal.code, message: errorWords(refusal) };
    return this.#several();
  }

  /** Of several series there is no one number, unless one says which. */
  #several() {
    const series = this.#stream?.store.series ?? [];
    if (!this.#options.metric || this.#options.reduce || series.length < 2) return null;
    const keys = [...new Set(series.flatMap(({ attributes }) => Object.keys(attributes)))];
    const [key] = keys.filter((one) => new Set(series.map(({ attributes }) => attributes[one])).size > 1);
    const example = `${key}=${series[0].attributes[key]}`;
    return { code: 107, message: `there are ${series.length} series of ${this.#options.metric}; give where="${example}", or reduce="sum", avg, min or max` };
  }

  #draw = () => {
    if (!this.server) return;
    const { theme, label } = this.#options;
    if (theme) this.#frame.dataset.theme = theme;
    else delete this.#frame.dataset.theme;
    setText(this.#label, label ?? this.#panel?.vital ?? "");
    const problem = this.#problem();
    if (problem) {
      this.#write({ words: problem.message, state: "failed" });
      return;
    }
    const stream = this.#stream;
    const number = stream && stream.store.position !== null ? this.#numberOf(stream.store) : null;
    if (!stream || !number) {
      this.#write({ words: this.#waiting() });
      const { link, why } = this.server.client;
      if (link === "waiting") this.#say(true, NaN, why);
      return;
    }
    this.#drawValue(stream, number);
  };

  /** What is shown, and how it is judged: by this page's own limits, or else by the panel's. @returns {Shown|null} */
  #numberOf(store) {
    const { reduce, warning, critical = undefined } = this.#options;
    const limits = { warning: warning ?? critical, critical };
    const own = warning !== undefined || critical !== undefined;
    const layout = layoutOf(store);
    if (this.#panel && !layout) return null;
    const valueOf = layout ? ofColumn(layout.headline.column) : ofAll(reduce);
    const unit = layout ? layout.headline.unit : (store.series[0]?.unit ?? "");
    if (layout && !own) return { valueOf, unit, end: layout.headline.end, level: headlineAt(layout, store.ring).level, rule: layout.headline.rule };
    const level = own ? lastingLevel(store.ring, valueOf, limits) : "";
    return { valueOf, unit, end: layout?.headline.end ?? (unit === "1" ? 0 : (critical ?? 0)), level, rule: limitWords(limits, unit) };
  }

  /** @param {import("../client/series_stream.js").SeriesStream} stream @param {Shown} shown */
  #drawValue({ store, newest, held, stale, ageS }, { valueOf, unit, end, level, rule }) {
    const { client } = /** @type {import("../page/server_page.js").ServerPage} */ (this.server);
    const value = valueOf(store.ring, store.ring.length - 1);
    const late = stale && !held && !client.paused;
    const words = Number.isNaN(value) ? "no data" : late ? formatAge(ageS) : level;
    this.#frame.title = rule;
    this.#write({ text: formatValue(value, unit), words: late ? this.#waiting(words) : words, state: late ? "late" : level });
    const to = late ? client.clock.now() : newest;
    const points = sparkPoints(store.ring, valueOf);
    this.#spark.draw(points, { from: to - WINDOW_S * 1000, to, ...sparkReach(end, points.values) });
    this.#say(late, ageS, client.why);
  }

  #waiting(age = "") {
    const { client } = /** @type {import("../page/server_page.js").ServerPage} */ (this.server);
    if (client.link === "waiting") return [age, `reconnecting: ${client.why}`].filter(Boolean).join(", ");
    return age || "connecting…";
  }

  #write({ text = "–", words = "", state = "" }) {
    const [number, unit = ""] = text.split("\u00a0");
    setText(this.#number, number);
    setText(this.#unit, unit && `\u00a0${unit}`);
    setText(this.#words, words);
    this.#frame.className = `frame ${state}`.trim();
  }

  #say(late, ageS, message) {
    const common = { metric: this.#options.metric ?? null, panel: this.#options.panel ?? null };
    const alive = !late && Number.isFinite(ageS);
    if (alive && !this.#ready) {
      this.#ready = true;
      this.tell({ type: "ready", ...common });
    }
    const type = alive ? "live" : late ? "stale" : "";
    if (!type || type === this.#told) return;
    this.#told = type;
    const age = Number.isNaN(ageS) ? null : Math.round(ageS * 10) / 10;
    this.tell({ type, ...common, age, message: alive ? "" : message });
  }
}
