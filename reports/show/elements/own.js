// An image of the reader's own, drawn or loaded: a model fits content codes to it under every class, while the reader
// watches, and converts it to all classes.

import { classCode, modelOf } from "./codes.js";
import { seen } from "./drawing.js";
import { Fit } from "./fitting.js";
import { generate } from "./generator.js";
import { bytes, halvesOf, inflated } from "./numbers.js";
import { escaped, greysOf, ink } from "./pictures.js";

// Steps of the fit. With twice as many, the mean absolute difference is 3 % smaller, and the guess no better.
const STEPS = 40;
// The side of the pad, in pixels, and the longest side at which a picture is loaded.
const PAD = 280;
const LOADED = 2048;

/** The board's controls and canvases as HTML. */
function boardHtml(noun, classes) {
  const picture = (name, words) => `<canvas width="28" height="28" data-show="${name}" ${words}></canvas>`;
  const named = (name, words) => picture(name, `role="img" aria-label="${words}"`);
  const fits = classes.map((each, k) => `
    <label><input type="radio" name="fitted" value="${k}" autocomplete="off">${picture(`fit${k}`, 'aria-hidden="true"')}
    <span class="name">${each}</span><span class="error"></span><span class="bar"></span></label>`).join("");
  const every = classes.map((each, k) => `<div>${named(`as${k}`, `as ${each}`)}<span>${each}</span></div>`).join("");
  return `
    <div class="stage">
      <div class="draw">
        <p>Draw one ${noun} here, large:</p>
        <canvas class="pad" width="${PAD}" height="${PAD}" role="img" aria-label="drawing pad"></canvas>
        <div class="buttons"><button type="button" name="clear">Clear</button>
        <button type="button" name="undo">Undo</button><button type="button" name="load">Load a picture</button>
        <button type="button" name="unseen">An unseen image</button></div>
        <input type="file" accept="image/*" hidden>
        <p class="problem" role="alert"></p>
      </div>
      <div class="seen">
        <p>What the network sees:</p>
        ${named("seen", "what the network sees")}
        <ul class="said"></ul>
      </div>
    </div>
    <div class="found">
      <p class="guess" role="status"></p>
      <fieldset class="fits"><legend>Reconstructed with each class code, and the mean absolute difference:</legend>
      <div>${fits}</div></fieldset>
      <p class="every"></p>
      <div class="row">${every}</div>
    </div>`;
}

/** Its data are those of `own_board`, in a script within it or as `data`, set before it is connected. */
export class Own extends HTMLElement {
  async connectedCallback() {
    if (this.pad) { // the element was moved within the page
      if (this.fit && !this.fit.done) this.fitAll();
      return;
    }
    this.data ??= JSON.parse(this.querySelector("script").textContent);
    this.innerHTML = boardHtml(this.data.noun, this.data.classes.map(escaped));
    this.pad = this.querySelector(".pad");
    this.canvas = (name) => this.querySelector(`[data-show=${name}]`);
    this.shown = 0; // how many unseen images were asked for
    this.listen();
    this.clear();
    if (this.data.halves) this.setModel(modelOf(this.data.models[0], halvesOf(await inflated(bytes(this.data.halves)))));
    this.showUnseen();
    this.dataset.ready = "";
  }

  disconnectedCallback() { cancelAnimationFrame(this.frame); }

  listen() {
    const { pad } = this, on = (name, act) => this.querySelector(`[name=${name}]`).addEventListener("click", act);
    const file = this.querySelector("[type=file]");
    on("clear", () => this.clear());
    on("undo", () => this.draw(this.strokes.slice(0, -1)));
    on("load", () => file.click());
    on("unseen", () => this.showUnseen());
    file.addEventListener("change", () => { this.load(file.files[0]); file.value = ""; });
    this.addEventListener("paste", (event) => this.load(event.clipboardData.files[0]));
    pad.addEventListener("dragover", (event) => event.preventDefault());
    pad.addEventListener("drop", (event) => { event.preventDefault(); this.load(event.dataTransfer.files[0]); });
    this.addEventListener("change", ({ target }) => {
      if (target.name !== "fitted") return;
      this.chosen = +target.value;
      this.show();
    });
    const place = ({ offsetX, offsetY }) => [offsetX, offsetY].map((at) => (PAD * at) / pad.clientWidth);
    pad.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pad.setPointerCapture(event.pointerId);
      this.paint([...this.strokes, [place(event)]]);
    });
    pad.addEventListener("pointermove", (event) => {
      if (!pad.hasPointerCapture(event.pointerId)) return;
      this.strokes.at(-1).push(place(event));
      this.paint(this.strokes);
    });
    pad.addEventListener("lostpointercapture", () => this.draw(this.strokes));
  }

  /** Takes away what was drawn or loaded, and what was found. */
  clear() {
    cancelAnimationFrame(this.frame);
    this.greys = this.fit = undefined;
    this.paint([]);
    this.tell(new Float32Array(784), []);
    this.querySelector(".found").style.visibility = "hidden"; // its place stays
  }

  /** Shows strokes on the pad, and nothing else. */
  paint(strokes) {
    this.strokes = strokes;
    paintStrokes(this.pad, strokes, (this.data.pen * PAD) / 28, ["#fff", "#000"]);
  }

  /** Shows what the network sees, and how it came about. */
  tell(greys, said) {
    ink(this.canvas("seen"), greys);
    this.querySelector(".said").innerHTML = said.map((each) => `<li>${escaped(each)}</li>`).join("");
    this.complain("");
  }

  complain(problem) { this.querySelector(".problem").textContent = problem; }

  /** Looks at strokes that are drawn anew, with a pen as thick as training images' strokes once all is scaled. */
  draw(strokes) {
    if (!strokes.length) return this.clear();
    this.paint(strokes);
    const { pen, framing } = this.data, canvas = document.createElement("canvas");
    const lengths = [0, 1].map((axis) => strokes.flat().map((point) => point[axis]))
      .map((places) => Math.max(...places) - Math.min(...places));
    canvas.width = canvas.height = 2 * PAD; // so that no stroke is cut at the pad's border
    const thick = (Math.max(...lengths) * pen) / Math.max(framing.side - pen, 1);
    paintStrokes(canvas, strokes, Math.max(thick, 4), ["#000", "#fff"]); // a dot has no length
    const how = `drawn with a pen of ${pen.toFixed(1)} pixels, as thick as in the training images`;
    this.look(canvas, (said) => [how, said.at(-1)]);
  }

  /** Shows a picture on the pad, in place of strokes. */
  place(picture) {
    this.paint([]);
    const scale = PAD / Math.max(picture.width, picture.height), context = this.pad.getContext("2d");
    const [wide, high] = [picture.width * scale, picture.height * scale];
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(picture, (PAD - wide) / 2, (PAD - high) / 2, wide, high);
  }

  /** Looks at a picture from a file. */
  async load(file) {
    if (!file) return;
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (!bitmap) return this.complain(`${file.name} is not a picture that can be opened here; a PNG or JPEG is.`);
    const scale = Math.min(1, LOADED / Math.max(bitmap.width, bitmap.height)), canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((length) => Math.ceil(length * scale));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    this.clear();
    this.place(canvas);
    this.look(canvas, (said) => said);
  }

  /** Frames what is on a canvas as the training images are, and fits codes to it. */
  look(canvas, words) {
    const picture = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const { greys, said } = seen(picture, this.data.framing);
    if (greys) this.refit(greys, words(said));
    else this.complain(`There is no ${this.data.noun} to see here: no ink stands out from its ground.`);
  }

  /** The next of the images that the model was not trained on, as it is. */
  showUnseen() {
    const { labels, classes, pixels } = this.data, at = this.shown++ % labels.length;
    this.refit(greysOf(bytes(pixels), at), [`an image of class ${classes[labels[at]]} that the model was not trained on, as it is`]);
    this.place(this.canvas("seen"));
  }

  /** Another model, which fits codes to the same picture. It has the form of `modelOf`. */
  setModel(model) {
    this.model = model;
    if (this.greys) this.fitAll();
  }

  refit(greys, said) {
    this.tell(greys, said);
    this.greys = greys;
    if (this.model) this.fitAll();
  }

  /** Fits a code under every class, one step in each frame that the screen shows. The latest call wins. */
  fitAll() {
    const found = this.querySelector(".found"), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    cancelAnimationFrame(this.frame);
    this.chosen = undefined; // what the reader has chosen, instead of the guess
    this.fit = new Fit(this.model, this.greys, this.data.classes.map((_, k) => k), STEPS);
    found.setAttribute("aria-busy", true);
    this.querySelector(".guess").textContent = "Fitting a content code with each class code …";
    found.style.visibility = "";
    const step = () => {
      this.fit.step();
      if (this.fit.done || !calm) this.show();
      if (this.fit.done) this.finish();
      else this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** Shows every reconstruction, and the conversions of the one that the reader has chosen, or else of the best. */
  show() {
    const { images, losses, codes } = this.fit, { classes, noun } = this.data, most = Math.max(...losses);
    this.guess = losses.indexOf(Math.min(...losses));
    const chosen = this.chosen ?? this.guess;
    this.querySelectorAll(".fits label").forEach((label, k) => {
      ink(this.canvas(`fit${k}`), images[k]);
      label.classList.toggle("best", k === this.guess);
      label.querySelector("input").checked = k === chosen;
      label.querySelector(".error").textContent = losses[k].toFixed(3);
      label.querySelector(".bar").style.width = `${(100 * losses[k]) / most}%`;
    });
    this.querySelector(".every").textContent =
      `This ${noun} as every class: the content code fitted with class ${classes[chosen]}, with each class code.`;
    const conversions = classes.map((_, k) => [...classCode(this.model, k), ...codes[chosen]]);
    generate(this.model, conversions).forEach((image, k) => ink(this.canvas(`as${k}`), image));
  }

  finish() {
    const { fit: { losses, codes }, guess, greys } = this;
    this.querySelector(".found").setAttribute("aria-busy", false);
    this.querySelector(".guess").textContent = `GLO's guess: ${this.data.classes[guess]}`;
    const detail = { label: guess, code: codes[guess], errors: losses, image: greys };
    this.dispatchEvent(new CustomEvent("fitted", { bubbles: true, detail }));
  }
}

/** Strokes in the middle of a canvas, whose size may differ from the pad's; the colours are those of paper and pen. */
function paintStrokes(canvas, strokes, pen, [paper, colour]) {
  const context = canvas.getContext("2d"), margin = (canvas.width - PAD) / 2;
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(context, { lineWidth: pen, lineCap: "round", lineJoin: "round", strokeStyle: colour });
  for (const stroke of strokes) {
    context.beginPath();
    for (const [x, y] of [stroke[0], ...stroke]) context.lineTo(x + margin, y + margin);
    context.stroke();
  }
}
