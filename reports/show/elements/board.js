// A board of the lab: refreshes its pictures in the browser while sliders move. Models come from the
// notebook's kernel when they are first shown, and then those of the other levels.

import { modelOf } from "./codes.js";
import { drawCurves } from "./curves.js";
import { generate } from "./generator.js";
import { Grid } from "./grid.js";
import { halvesOf, inflated } from "./numbers.js";
import { greysOf } from "./pictures.js";
import { SCENES } from "./scenes.js";

// The names of the widget's traits that scenes are made from.
const STATE = ["images", "target", "targets", "start", "end", "seed", "epoch", "priors", "notes"];
// Milliseconds without any change after which another level's model is asked for.
const IDLE = 150;
// The colour of the chosen level's curve.
const CHOSEN = "#0072b2";

export class Board extends HTMLElement {
  /** Connects the element to a widget: what anywidget hands to `render` as its model. */
  connect(widget) {
    this.widget = widget;
    this.models = new Map(); // by key; or why the kernel has none, in words
    this.asked = undefined;
    this.grids = [];
    for (const name of ["status", "pictures", "curves", "facts"]) {
      this[name] = this.appendChild(document.createElement("div"));
      this[name].className = name === "curves" ? "glo-curves" : name;
    }
    this.status.setAttribute("role", "status");
    this.changed = () => this.update();
    this.received = (message, buffers) => this.receive(message, buffers);
  }

  /** Follows the widget as long as it is on a page; Jupyter may move it to another place. */
  connectedCallback() {
    this.widget.on("change", this.changed);
    this.widget.on("msg:custom", this.received);
    this.update();
  }

  disconnectedCallback() {
    this.widget.off("change", this.changed);
    this.widget.off("msg:custom", this.received);
    clearTimeout(this.idle);
    cancelAnimationFrame(this.wanted);
    this.wanted = this.asked = undefined; // an answer would not be heard
  }

  /** The key of the chosen level's model. */
  get key() { return this.widget.get("levels")[this.level]; }

  /** The chosen level's place; the last one while a place in a longer list is on its way. */
  get level() { return Math.min(this.widget.get("level"), this.widget.get("levels").length - 1); }

  /** The images that can be shown: their classes, labels and greys. */
  get gallery() { return { ...this.widget.get("gallery"), greys: this.greys("pixels") }; }

  /** The images that a trait holds as bytes: a function from an image's place to its greys. */
  greys(name) {
    const { buffer, byteOffset, byteLength } = this.widget.get(name), bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return byteLength ? (image) => greysOf(bytes, image) : undefined;
  }

  /** Asks the kernel for a model; one at a time, so that it makes none that nobody waits for any more. */
  ask(key) {
    if (this.asked !== undefined) return; // its answer calls `update`, which asks for what is chosen by then
    this.asked = key;
    this.widget.send({ wanted: key });
  }

  async receive({ fresh = [], key, halves, bytes, error }, [packed, plain] = []) {
    for (const each of fresh) if (typeof this.models.get(each) === "string") this.models.delete(each);
    if (this.asked === key) this.asked = undefined;
    if (error) this.models.set(key, error);
    else if (key) {
      const raw = await inflated(plain);
      const model = modelOf(halves, halvesOf(await inflated(packed)));
      let start = 0;
      for (const [name, count] of bytes) model[name] = raw.subarray(start, (start += count));
      this.models.set(key, model);
    }
    this.update();
  }

  /** Refreshes, at most once for each frame that the screen shows. */
  update() {
    if (!this.isConnected) return;
    this.wanted ??= requestAnimationFrame(() => { this.wanted = undefined; this.refresh(); });
  }

  refresh() {
    clearTimeout(this.idle);
    const key = this.key, model = this.models.get(key), known = typeof model === "object";
    this.pictures.classList.toggle("pale", !known);
    this.status.textContent = known || key === undefined ? "" : (model ?? "Waiting for the kernel …");
    if (key !== undefined && model === undefined) this.ask(key);
    if (!known) return;
    this.draw(model);
    this.idle = setTimeout(() => this.prefetch(), IDLE);
  }

  draw(model) {
    const { widget, gallery } = this, state = Object.fromEntries(STATE.map((name) => [name, widget.get(name)]));
    state.moves = [1, 2, 3].map((k) => widget.get(`move${k}`));
    state.nearest = this.greys("nearest");
    const scene = SCENES[widget.get("scene")](state, model, gallery);
    const cells = scene.flatMap((grid) => grid.cells.flat()).filter((cell) => cell.code);
    generate(model, cells.map((cell) => cell.code)).forEach((greys, k) => { cells[k].greys = greys; });
    // What the kernel has found out about other choices is pale until it has caught up
    const chosen = [this.key, state.images, state.targets, state.seed, state.moves];
    this.classList.toggle("stale", JSON.stringify(chosen) !== JSON.stringify(widget.get("noted")));
    while (this.grids.length < scene.length) this.grids.push(new Grid(this.pictures));
    while (this.grids.length > scene.length) this.grids.pop().element.remove();
    scene.forEach((grid, k) => this.grids[k].show(grid));
    this.tell(this.level, widget.get("scene") === "epochs" ? state.epoch : 0);
  }

  /** Draws the curves of all levels' losses, and tells what is known of the chosen one's model. */
  tell(level, marked) {
    const [curves, facts] = ["curves", "facts"].map((name) => this.widget.get(name)), told = [curves, facts, level, marked];
    if (this.told?.every((each, k) => each === told[k])) return;
    this.told = told;
    drawCurves(this.curves, curves, [{ curve: level, color: CHOSEN, marked: marked || undefined }]);
    this.facts.replaceChildren(...Object.entries(facts[level] ?? {}).flat().map((words) => {
      const span = document.createElement("span");
      span.textContent = words;
      return span;
    }));
  }

  /** Asks for the nearest level's model that is not here yet, so that the slider moves at once. */
  prefetch() {
    const levels = this.widget.get("levels"), { level } = this;
    const lacking = levels.map((key, k) => [Math.abs(k - level), key]).filter(([, key]) => !this.models.has(key));
    if (lacking.length) this.ask(lacking.sort(([near], [far]) => near - far)[0][1]);
  }
}

/** A board for an image of the reader's own. What it finds goes to the kernel. */
export class OwnBoard extends Board {
  draw(model) {
    if (!this.own) {
      this.own = document.createElement("glo-own");
      this.own.data = this.widget.get("data");
      this.own.addEventListener("fitted", ({ detail: { label, code, errors, image } }) => {
        this.widget.set("fitted", { label, code: [...code], errors: [...errors], image: [...image] });
        this.widget.save_changes();
      });
      this.pictures.append(this.own);
      // Else JupyterLab takes arrow keys among these radio buttons for its own, and moves to another cell
      this.own.querySelector(".fits").dataset.lmSuppressShortcuts = "";
    }
    if (this.own.model !== model) this.own.setModel(model);
  }
}
