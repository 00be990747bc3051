/** Runs in a page before its own script: times how long the charts take to follow what a hand does. */
{
  const Socket = globalThis.WebSocket;
  /** What charts have asked of the past and not been told, by its id: the stream that it is for. @type {Map<string, string>} */
  const open = new Map();
  let answeredAt = 0;
  const idIn = (text) => /"id":\s*(\d+)/.exec(text.slice(0, 200) + text.slice(-200))?.[1];

  /** A question takes the place of the one before it of the same stream, which is answered no more. */
  const asked = (text) => {
    const { id, stream, panel } = JSON.parse(text);
    if (!panel) return;
    for (const [other, of] of open) if (of === stream) open.delete(other);
    open.set(String(id), stream);
  };

  globalThis.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string" && open.size && /^\{"type":\s*"(result|error)"/.test(data) && open.delete(idIn(data)))
          answeredAt = performance.now();
      });
      this.addEventListener("close", () => open.clear());
    }

    send(data) {
      if (typeof data === "string" && /"type":\s*"query"/.test(data)) asked(data);
      super.send(data);
    }
  };

  /** A window that is so much longer, shorter or elsewhere is another, and not the same a tick later. */
  const OTHER = 0.04;
  /** No more comes after that, in milliseconds. */
  const QUIET = 400;
  const isOther = (before, now) => {
    const span = before.to - before.from;
    return Math.abs(now.to - now.from - span) > OTHER * span || Math.abs(now.from - before.from) > OTHER * span;
  };
  const isInView = (plot) => {
    const { top, bottom, height } = plot.getBoundingClientRect();
    return plot.window && plot.checkVisibility() && height > 0 && bottom > 0 && top < innerHeight;
  };
  const inView = () => [...document.querySelectorAll("vital-plot")].filter(isInView);
  /** What the last gesture took, null until all of it is drawn. */
  let taken = null;
  let waiting = () => "nothing";

  globalThis.gestures = {
    get taken() {
      return taken;
    },
    /** What is still waited for, to be told where it does not come. */
    get missing() {
      return waiting();
    },
    /** Begins with the next event of a type. */
    arm(type) {
      taken = null;
      const before = new Map(inView().map((plot) => [plot, { ...plot.window }]));
      const [pointed] = before.keys();
      // What is folded away meanwhile follows nobody.
      const followed = (plot) => !isInView(plot) || isOther(before.get(plot), plot.window);
      let start = 0, first = 0, all = 0;
      waiting = () => `answers for ${[...open.values()]}; ${[...before.keys()].filter((plot) => !followed(plot)).map((plot) => plot.ariaLabel)}`;
      const look = () => {
        const now = performance.now();
          if (!first && followed(pointed)) first = now;
        if (!all && [...before.keys()].every(followed)) all = now;
        // What was answered is drawn in the next frame.
        if (all && !open.size && now - Math.max(all, answeredAt) > QUIET)
          taken = { pointed: first - start, all: all - start, sharp: Math.max(all, answeredAt) - start, charts: before.size };
        else requestAnimationFrame(look);
      };
      const mark = ({ timeStamp }) => {
        removeEventListener(type, mark, true);
        start = timeStamp;
        requestAnimationFrame(look);
      };
      addEventListener(type, mark, true);
    },
  };
}
