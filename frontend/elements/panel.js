/** `<vital-panel>`: one chart with its title, its numbers, its legend, and what went wrong. */

import { CalmRange } from "../charts/model/axis.js";
import { momentBeside } from "../charts/model/values_at.js";
import { chartModelOf } from "../charts/model/chart_model.js";
import { dataTableOf } from "../charts/model/data_table_model.js";
import { formatAge } from "../charts/model/format.js";
import { layoutOf } from "../charts/model/lines.js";
import { DataTable } from "../charts/data_table.js";
import { PanelNumbers } from "../charts/panel_numbers.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setHidden, setText } from "../dom/html.js";
import { FillTrends } from "../page/fill_trends.js";
import { csvFile, fileName } from "../page/panel_files.js";
import { canvasOf } from "../page/panel_canvas.js";
import { itemsOf } from "../page/panel_items.js";
import { PanelNotes } from "../page/panel_notes.js";
import { PanelPast } from "../page/panel_past.js";
import { titleBeside } from "../page/panel_places.js";
import { PanelWindow } from "../page/panel_window.js";
import { fewBars, known, shows } from "../page/panel_words.js";
import { save } from "../page/save.js";
import { SecondNumbers } from "../page/second_numbers.js";

/** This machine has nothing of the kind: no reason to talk about it. */
const UNKNOWN_METRIC = 102;
/** Drawn a little before it is scrolled to. */
const NEARLY_IN_VIEW = Object.freeze({ rootMargin: "50%" });

/** @typedef {{hold: () => void, release: () => void}} Holder */

/**
 * Set `definition`, `stream`, `clock` and `view` before it is connected. It stands alone: what concerns the
 * page (its address, its keys) is left to who put it there. Events: `link`, the reader wants its address; `embed`, or
 * the ways to show it elsewhere.
 */
export class VitalPanel extends HTMLElement {
  /** Without its menu. */ bare = false;
  /** @type {HTMLElement|null} a switch to others that share its place */ variants = null;
  /** There even where it has nothing to show: somebody wants this one. */ stays = false;
  /** @type {import("../charts/model/panel.js").Panel} */ definition;
  /** @type {import("../client/series_stream.js").SeriesStream} */ stream;
  /** @type {Holder|null} who says whether the stream is wanted, where several share it */ holder = null;
  /** @type {import("../client/client.js").Client|null} who is asked for what is not drawn */ client = null;
  /** @type {import("../client/clock.js").ServerClock} */ clock;
  /** @type {import("../page/event_log.js").EventLog|null} whose events it flags */ events = null;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {PanelPast} what is longer ago than the stream knows; asked for by nobody unless set */ past;

  #range = new CalmRange();
  /** Until it is known, its stream need not be asked for. */ #inView = false;
  #seenLast = false;
  #kept = false;
  /** @type {boolean|undefined} whether its stream was asked for */ #wanted;
  #failure = "";
  /** @type {IntersectionObserver|null} */ #views = null;
  /** @type {() => void} */ #stopBeat = () => {};

  /** @type {any} */ #plot;
  /** @type {PanelNumbers} */ #numbers;
  /** @type {SecondNumbers|null} */ #second = null;
  /** @type {FillTrends} */ #trends;
  /** @type {DataTable} */ #dataTable;
  /** @type {PanelNotes} */ #notes;
  /** @type {PanelWindow} */ #window;
  /** @type {import("../charts/culprits.js").Culprits|null} */ #culprits = null;
  /** @type {HTMLElement} */ #age;

  connectedCallback() {
    this.past ??= new PanelPast(this.definition, this.stream);
    this.#window = new PanelWindow(this);
    this.#build();
    // Whether there is anything to show is known before the first reading where the list of panels said so.
    this.hidden = this.definition.series === 0 && !this.stays;
    this.#second = SecondNumbers.of(this, this.#changed);
    this.stream.addEventListener("change", this.#changed);
    this.stream.addEventListener("refused", this.#changed);
    this.past.addEventListener("change", this.#changed);
    this.view.addEventListener("change", this.#turned);
    this.addEventListener("pointerenter", this.#pointed);
    this.addEventListener("pointerleave", this.#pointed);
    this.#plot.addEventListener("resized", this.#changed);
    this.#plot.addEventListener("failed", this.#failed);
    this.#plot.addEventListener("drawn", this.#drawn);
    this.#views = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting ?? true), NEARLY_IN_VIEW);
    this.#views.observe(this);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#views?.disconnect();
    this.#plot.removeEventListener("drawn", this.#drawn);
    this.#plot.removeEventListener("failed", this.#failed);
    this.#plot.removeEventListener("resized", this.#changed);
    this.removeEventListener("pointerleave", this.#pointed);
    this.removeEventListener("pointerenter", this.#pointed);
    this.view.removeEventListener("change", this.#turned);
    this.past.removeEventListener("change", this.#changed);
    this.past.rest({ hidden: true });
    this.#second?.stop();
    this.stream.removeEventListener("refused", this.#changed);
    this.stream.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    forgetFrame(this.#point);
    this.replaceChildren();
  }

  #build() {
    const { id, title } = this.definition;
    const named = this.variants ? titleBeside(this.definition) : title;
    const causeAt = (time) => this.events?.causeOf(this.definition, time) ?? [];
    this.#numbers = new PanelNumbers(this.definition, { picked: () => this.#changed(), causeAt });
    this.#trends = new FillTrends({ panel: this.definition, client: this.client, clock: this.clock, changed: () => this.#changed() });
    this.#dataTable = new DataTable(title);
    this.#age = h("span", { class: "age", hidden: true });
    this.#notes = new PanelNotes();
    const { plot, over, culprits } = canvasOf(this, () => this.#lines());
    this.#plot = plot;
    this.#culprits = culprits;
    const menu = this.bare ? [] : [Object.assign(h("vital-menu"), { label: `More about ${title}`, items: itemsOf(this) })];
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", `title-${id}`);
    this.replaceChildren(
      h("header", {}, h("h2", { id: `title-${id}` }, named), ...(this.variants ? [this.variants] : []), this.#age, this.#numbers.moment, this.#numbers.headline, ...menu),
      h("div", { class: "canvas" }, plot, ...over, this.#notes.step, this.#notes.twice, this.#numbers.difference, this.#notes.problem),
      this.#numbers.summary,
      this.#numbers.legend,
      this.#dataTable.element,
    );
  }

  // --- what can be asked of it -------------------------------------------------------------------------------------

  /** To full size, and back. */
  full() {
    this.view.set({ panel: this.view.panel === this.definition.id ? null : this.definition.id });
  }

  /** Shows all lines, where some were shown alone. @returns {boolean} whether there were such */
  showAll() {
    return this.#numbers.showAll();
  }

  /** Shows how it can be shown elsewhere. */
  embed() {
    this.#ask("embed");
  }

  /** Wants its address to be copied. */
  link() {
    this.#ask("link");
  }

  /** The colours around it are others now. */
  recolour() {
    this.#plot.invalidate();
    this.#changed();
  }

  /** Whether it is drawn wherever it is scrolled to: paper shows all of a page. @param {boolean} kept */
  keep(kept) {
    this.#kept = kept;
    this.#seen(this.#seenLast);
  }

  /** Draws at once, where it is looked at or kept. */
  drawNow() {
    if (this.#inView && !this.hidden) this.#draw();
  }

  /** Shows the readings as a table below the chart, or hides them again. */
  table() {
    this.#dataTable.shown = !this.#dataTable.shown;
    this.#changed();
  }

  async png() {
    try {
      const about = { title: this.definition.title, host: this.client?.host, numbers: this.#numbers.numbers };
      save(await this.#plot.png({ ...about, scale: 2 }), fileName(this.definition, this.#shown().to, "png"));
    } catch (error) {
      this.#tell(`The image could not be created: ${error.message}.`);
    }
  }

  /** Saves every series of the panel. */
  async csv() {
    const { drawn, from, to } = this.#shown();
    const file = await csvFile({ panel: this.definition, client: this.client, drawn, from, to });
    if (file) save(file, fileName(this.definition, to, "csv"));
  }

  /** Moves the moment that is chosen by so many of this panel's readings. @param {number} rows */
  step(rows) {
    const { drawn, from, to } = this.#shown();
    const at = momentBeside(drawn.ring, { from, to, moment: this.view.moment, rows });
    if (at !== null) this.view.set({ at, hover: null });
  }

  #ask(what) {
    this.dispatchEvent(new CustomEvent(what, { bubbles: true, detail: this.definition.id }));
  }

  #tell(words) {
    this.dispatchEvent(new CustomEvent("tell", { bubbles: true, detail: words }));
  }

  // --- when it draws -----------------------------------------------------------------------------------------------

  #changed = () => {
    this.#settle();
    if (this.#inView && !this.hidden) nextFrame(this.#draw, this.past.urgent);
  };

  /** What is pointed at comes first. */
  #pointed = ({ type }) => {
    this.past.urgent = type === "pointerenter";
  };

  #turned = (event) => {
    const { detail } = event;
    if (detail.has("frozen")) this.#window.turned();
    const bars = this.definition.chart === "bar" && detail.has("at");
    if (bars || detail.has("frozen") || detail.has("range") || detail.has("compare")) {
      // While a window is dragged along, its scale stays as it is.
      if (detail.has("range")) this.#range = new CalmRange();
      this.#numbers.expire();
      this.#dataTable.expire();
      this.#changed();
    }
    if (detail.has("theme")) this.recolour();
    if ((detail.has("hover") || detail.has("at")) && this.#inView && !this.hidden) nextFrame(this.#point);
  };

  #seen(inView) {
    this.#seenLast = inView;
    this.#inView = inView || this.#kept;
    if (!this.#inView) this.past.rest({ hidden: true });
    this.#settle();
    if (this.#inView) this.#changed();
  }

  /** Absent where it has nothing to show; its stream waits while nobody can see it, unless to learn that there is something. */
  #settle() {
    const { store, refusal } = this.stream;
    const unknown = refusal?.code === UNKNOWN_METRIC;
    if (this.stays || shows(store) || (refusal && !refusal.temporary && !unknown)) setHidden(this, false);
    else if (known(store) || unknown) setHidden(this, true);
    this.#second?.want({ intervalS: this.view.interval, inView: this.#inView && !this.hidden });
    const wanted = this.#inView || this.hidden;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    const holder = this.holder ?? this.stream;
    if (wanted) holder.release();
    else holder.hold();
  }

  #failed = (event) => {
    this.#failure = `This chart cannot be drawn: ${event.detail.message}. The page keeps trying; the numbers are right.`;
    this.#say();
  };

  #drawn = () => {
    if (!this.#failure) return;
    this.#failure = "";
    this.#say();
  };

  /** Nothing may have arrived: the chart moves on all the same, so that a standstill shows. What nobody looks at is not asked for. */
  #beat() {
    const stale = this.stream.stale && !this.stream.held && !this.view.frozen;
    setHidden(this.#age, !stale);
    this.classList.toggle("stale", stale);
    if (stale) setText(this.#age, formatAge(this.stream.ageS));
    if (stale && this.#inView && !document.hidden && Math.abs(this.clock.now() - this.#window.drawnTo) >= 1000) nextFrame(this.#draw);
  }

  // --- what it draws -----------------------------------------------------------------------------------------------

  /** What is drawn, and the window that it is drawn in. */
  #shown() {
    const { from, to, live } = this.#window.now;
    return { drawn: this.past.store({ from, to, live }), from, to, live };
  }

  #draw = () => {
    const { width, height } = this.#plot.area;
    this.past.width = width;
    const { drawn: store, from, to, live } = this.#shown();
    this.#say(store, from, to);
    const layout = this.#layoutOf(store, live);
    if (!layout) return;
    this.#numbers.arrange(layout);
    this.classList.toggle("few", fewBars(this.definition, layout));
    this.#window.drawnTo = live ? to : NaN;
    const ghost = this.past.ghost({ from, to }, (this.definition.chart ?? "line") === "line" ? this.view.compare : 0);
    this.#plot.draw(chartModelOf({ panel: this.definition, store, layout, range: this.#range, from, to, width, height, ghost, at: this.view.at, only: this.#numbers.picked, trends: this.#trends.now }));
    this.#numbers.compare(ghost, { store, from, to, why: this.past.ghostWhy, view: this.view });
    if (this.#numbers.due(store, this.#second?.store)) this.#write(store);
    const now = performance.now();
    if (this.#dataTable.due(now)) this.#dataTable.write(dataTableOf({ layout, store, from, to }), now);
  };

  /** Null while there is nothing to draw yet: what was drawn before stays. Where nothing will come, nothing is drawn. */
  #layoutOf(store, live) {
    if (store.ring.length) return layoutOf(store);
    const layout = live || this.past.state === "asking" ? null : layoutOf(this.stream.store);
    return layout?.lines.length ? layout : null;
  }

  #write(store) {
    this.#numbers.write(store, this.view, this.#second?.store);
    this.classList.toggle("unknown", this.#numbers.why !== "");
  }

  #point = () => {
    const { drawn, live } = this.#shown();
    if (this.#layoutOf(drawn, live)) this.#write(drawn);
    this.#culprits?.point();
  };

  /** What there is to read of a moment. */
  #lines() {
    const store = this.#shown().drawn;
    return { store, layout: layoutOf(store) };
  }

  #say(store = this.stream.store, from = NaN, to = NaN) {
    const { refusal, store: live } = this.stream;
    const { past } = this;
    this.#notes.write({ refusal, failure: this.#failure, live, store, past, from, to, timeless: this.definition.chart === "bar" });
    this.classList.toggle("coarse", past.state === "coarse");
    this.classList.toggle("asking", past.state === "asking");
  }
}
