/** `<vital-processes>`: the processes of the machine as a live table to sort, to filter and to hold still. */

import { formatAge } from "../charts/model/format.js";
import { errorWords } from "../client/protocol.js";
import { ShownRows, arranged, clicked, countWords, labelOf, orderOf, tableRequestOf } from "../page/process_table.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";
import { Rows } from "../page/live_rows.js";

/** What helps where the order is none. */
const USUAL = "cpu";
const TYPING_MS = 150;
const FILTER_MAX = 100;
const UNKNOWN_TABLE = 102;
const MEMORY = { metrics: ["system.memory.limit"], interval: 60 };

/** Set `client`, `stream` and `view` before it is connected. The view's `sort` and `filter` are shown and set. */
export class VitalProcesses extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../client/table_stream.js").TableStream} */ stream;
  /** @type {import("../page/view.js").View} */ view;

  #shown = new ShownRows();
  /** @type {import("../client/series_stream.js").SeriesStream} */ #memory;
  /** @type {import("../client/table_stream.js").TableStream|null} asks after held rows that are among the first no more */ #held = null;
  #pointed = false;
  #visible = true;
  /** @type {any} */ #typing;
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {IntersectionObserver} */ #watch;
  /** @type {Rows} */ #rows;
  /** @type {HTMLInputElement} */ #filter;
  /** @type {Record<"count"|"note"|"age"|"said"|"empty"|"problem"|"again", HTMLElement>} */ #parts;

  connectedCallback() {
    this.#build();
    this.#memory = this.client.subscribe(MEMORY, { name: "@processes-memory", windowS: 120 });
    this.stream.addEventListener("change", this.#changed);
    this.stream.addEventListener("refused", this.#changed);
    this.#memory.addEventListener("change", this.#changed);
    this.view.addEventListener("change", this.#viewed);
    this.addEventListener("click", this.#clicked);
    this.addEventListener("keydown", this.#pressed);
    this.addEventListener("focusin", this.#changed);
    this.addEventListener("focusout", this.#changed);
    this.#filter.addEventListener("input", this.#typed);
    this.#rows.body.addEventListener("pointerenter", this.#entered);
    this.#rows.body.addEventListener("pointerleave", this.#left);
    this.#watch = new IntersectionObserver(this.#scrolled, { rootMargin: "50%" });
    this.#watch.observe(this);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#ask();
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#watch.disconnect();
    clearTimeout(this.#typing);
    this.removeEventListener("focusout", this.#changed);
    this.removeEventListener("focusin", this.#changed);
    this.removeEventListener("keydown", this.#pressed);
    this.removeEventListener("click", this.#clicked);
    this.view.removeEventListener("change", this.#viewed);
    this.#memory.removeEventListener("change", this.#changed);
    this.stream.removeEventListener("refused", this.#changed);
    this.stream.removeEventListener("change", this.#changed);
    this.#memory.close();
    this.#letGo();
    forgetFrame(this.#draw);
    this.#pointed = false;
    this.replaceChildren();
  }

  /** Puts the cursor into the filter. */
  focusFilter() {
    this.#filter.focus();
    this.#filter.select();
  }

  #build() {
    this.#filter = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "search",
        placeholder: "Filter",
        "aria-label": "Filter processes by name, user or PID",
        maxlength: FILTER_MAX,
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: "false",
      })
    );
    this.#filter.value = this.view.filter;
    this.#rows = new Rows("Processes, live");
    this.#parts = {
      count: h("span", { class: "count" }),
      note: h("span", { class: "note" }),
      age: h("span", { class: "age", hidden: true }),
      // What the filter found is announced once for each filter, not whenever a process comes or goes.
      said: h("p", { class: "unseen", role: "status" }),
      empty: h("p", { class: "empty" }),
      problem: h("p", { class: "problem", role: "status" }),
      again: h("button", { type: "button", class: "again", hidden: true }),
    };
    const { count, note, age, said, empty, problem, again } = this.#parts;
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", "processes-title");
    this.replaceChildren(
      h("header", {}, h("h2", { id: "processes-title" }, "Processes"), count, note, age, this.#filter),
      h("div", { class: "scroll" }, this.#rows.element),
      empty,
      problem,
      again,
      said,
    );
  }

  // --- what is asked for -----------------------------------------------------------------------------------------

  /** Which processes are the first ones, and which match, only the server can know. */
  #ask() {
    const wanted = tableRequestOf(this.view);
    const { request } = this.stream;
    if (["sort", "order", "filter"].every((key) => (request[key] ?? "") === wanted[key])) return;
    this.stream.update(wanted);
  }

  #viewed = (event) => {
    const changed = event.detail;
    if (changed.has("filter") && this.#filter.value.trim() !== this.view.filter) this.#filter.value = this.view.filter;
    if (changed.has("sort") || changed.has("filter")) {
      this.#letGo();
      this.#ask();
    }
    if (["sort", "filter", "frozen"].some((key) => changed.has(key))) this.#changed();
  };

  #typed = () => {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.view.set({ filter: this.#filter.value.trim() }), TYPING_MS);
  };

  #clicked = (event) => {
    const button = event.target.closest("button");
    if (button === this.#parts.again) {
      this.view.set({ sort: this.stream.refusal ? USUAL : this.view.sort, filter: "" });
      this.#filter.value = "";
      this.#filter.focus();
    } else if (button?.dataset.column) {
      this.view.set({ sort: clicked(this.view.sort, button.dataset.column) });
    }
  };

  // --- holding still ---------------------------------------------------------------------------------------------

  /** Rows do not run away from who points at one or has come to one by keyboard. */
  get #holding() {
    return this.#pointed || this.#rows.body.contains(document.activeElement);
  }

  #entered = (event) => {
    // A finger leaves nothing behind that a row could run away from; a tap focuses its row.
    this.#pointed = event.pointerType !== "touch";
    this.#changed();
  };

  #left = () => {
    this.#pointed = false;
    this.#changed();
  };

  #letGo() {
    this.#shown.release();
    if (!this.#held) return;
    this.#held.removeEventListener("change", this.#changed);
    this.#held.close();
    this.#held = null;
  }

  /** A held row that is among the first no more: asks after it by its key, to know whether it has ended. */
  #askAfterHeld() {
    const keys = this.#shown.held;
    if (this.#held || !keys?.length) return;
    const { table, interval } = this.stream.request;
    this.#held = this.client.table({ table, keys, limit: keys.length, interval }, { name: "@processes-held" });
    this.#held.addEventListener("change", this.#changed);
  }

  #pressed = (event) => {
    const { target, key } = event;
    if (target === this.#filter) {
      if (key === "ArrowDown") this.#focusRow(this.#rows.body.firstElementChild, event);
      if (key === "Escape") {
        event.stopPropagation();
        if (!this.#filter.value) this.#filter.blur(); // else it empties the filter, and no more
      }
      return;
    }
    const row = target.closest("tbody tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape") {
      event.stopPropagation();
      row.blur();
    }
    const { firstElementChild: first, lastElementChild: last } = this.#rows.body;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: first, End: last }[key];
    this.#focusRow(to, event);
  };

  #focusRow(row, event) {
    if (!row) return;
    event.preventDefault();
    this.#rows.body.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    row.tabIndex = 0;
    row.focus();
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  #scrolled = (entries) => {
    this.#visible = entries.at(-1).isIntersecting;
    if (this.#visible) {
      this.stream.release();
      this.#changed();
    } else {
      this.stream.hold();
    }
  };

  #changed = () => {
    if (this.#visible) nextFrame(this.#draw);
  };

  #beat() {
    if (!this.#visible) return;
    const { stale, ageS } = this.stream;
    if (this.#parts.age.hidden === stale) {
      this.#parts.age.hidden = !stale;
      this.classList.toggle("stale", stale);
    }
    if (stale) setText(this.#parts.age, formatAge(ageS));
  }

  #draw = () => {
    const { columns, refusal } = this.stream;
    this.hidden = refusal?.code === UNKNOWN_TABLE;
    if (columns.length && columns.join() !== this.#rows.columns.join()) this.#rows.build(columns, this.view.sort);
    this.#rows.mark(this.view.sort);
    const shown = this.#choose();
    this.#rows.draw(shown, { cpu: 1, memory: this.#memoryBytes() });
    this.#say(shown.length);
  };

  /** @returns {import("../page/process_table.js").Shown[]} */
  #choose() {
    const { columns, rows, current } = this.stream;
    if (!current) return this.#shown.follow(arranged(columns, rows, this.view));
    if (!this.#holding) {
      this.#letGo();
      return this.#shown.follow(rows);
    }
    const shown = this.#shown.hold(rows, this.#held?.current ? this.#held.rows : null, columns.indexOf("age"));
    if (this.#shown.missing) this.#askAfterHeld();
    return shown;
  }

  #memoryBytes() {
    const { ring } = this.#memory.store;
    return ring.length ? ring.value(0, ring.length - 1) : NaN;
  }

  #say(rows) {
    const { stream, view } = this;
    const { refusal, current, matches, total } = stream;
    const { count, note, said, empty, problem, again } = this.#parts;
    const words = current ? countWords({ rows, matches, total, filter: view.filter }) : "";
    // Until the answer is there the old words would be wrong, and none would make the header jump.
    if (words || !Number.isFinite(total)) setText(count, words);
    count.classList.toggle("waiting", !current && Number.isFinite(total));
    if (current && said.dataset.filter !== view.filter) {
      said.dataset.filter = view.filter;
      setText(said, view.filter ? words : "");
    }
    setText(note, noteOf(this.#shown.held !== null, view.frozen !== null));
    setText(problem, refusal ? `${errorWords(refusal)}.` : "");
    const nothing = current && !refusal && matches === 0;
    if (nothing) setText(empty, `No process matches \u201c${view.filter}\u201d.`);
    else setText(empty, Number.isFinite(stream.newest) || refusal ? "" : "Waiting for processes\u2026");
    const usual = !refusal || (view.sort === USUAL && view.filter === "");
    again.hidden = !nothing && usual;
    setText(again, refusal ? `Show all by ${labelOf(orderOf(USUAL).column)}` : "Clear the filter");
    this.classList.toggle("refused", refusal !== null);
  }
}

function noteOf(held, frozen) {
  if (held) return "order held";
  return frozen ? "live values" : "";
}
