// The live decoder: the trained generators of several methods generate images while sliders move.

import { blended, classCode, contentCode, modelOf } from "./codes.js";
import { generate } from "./generator.js";
import { bytes, halvesOf, inflated } from "./numbers.js";
import { escaped, greysOf, ink } from "./pictures.js";

/** The decoder's controls and canvases as HTML. */
function decoderHtml({ labels, methods, spread, start }, classes, moves) {
  const picture = (name, role = 'role="img"') =>
    `<canvas width="28" height="28" ${role} data-show="${name}"></canvas>`;
  const slider = (name, label, low, high, step, value) =>
    `<label>${label} <input type="range" name="${name}" min="${low}" max="${high}" step="${step}"
      value="${value}" autocomplete="off"><output data-of="${name}" aria-live="off"></output></label>`;
  const choice = (name, label, names) => {
    const options = names.map((each, k) => `<option value="${k}">${each}</option>`).join("");
    return `<label>${label} <select name="${name}" autocomplete="off">${options}</select></label>`;
  };
  const images = labels.map((label, k) =>
    `<label><input type="radio" name="image" value="${k}" aria-label="image ${k + 1}, class ${classes[label]}"
      autocomplete="off">${picture(`image${k}`, 'aria-hidden="true"')}</label>`).join("");
  const directions = moves.map((name, k) => slider(name, `direction ${k + 1}`, -spread, spread, 0.1, 0)).join("");
  const every = classes.map((each, k) => `<div>${picture(`class${k}`)}<span>${each}</span></div>`).join("");
  const most = Math.max(...methods.map(({ levels }) => levels.length)) - 1;
  return `
    <fieldset class="images"><legend>An image, whose content code is used</legend>${images}</fieldset>
    <div class="stage">
      <div class="pictures"><div>${picture("real")}<span>real</span></div>
      <div>${picture("generated")}<span>generated</span></div></div>
      <div class="sliders">
        ${choice("method", "method", methods.map(({ name }) => escaped(name)))}
        ${slider("noise", "noise level in training", 0, most, 1, start)}
        <div class="classes">${choice("from", "from class", classes)} ${choice("to", "to class", classes)}</div>
        ${slider("mix", "between the classes", 0, 1, 0.02, 0)}
        ${directions}
        <div class="buttons"><button type="button" name="random">New random code</button>
        <button type="button" name="reset">Back to the image</button></div>
      </div>
    </div>
    <p class="every">This content code with every class code:</p>
    <div class="row">${every}</div>`;
}

export class Decoder extends HTMLElement {
  async connectedCallback() {
    if (this.held) return; // the element was moved within the page
    const held = (this.held = JSON.parse(this.querySelector("script").textContent));
    const pixels = bytes(held.pixels);
    this.moves = Array.from({ length: held.moved }, (_, k) => `move${k + 1}`);
    this.seed = 0; // the seed of the random code, or 0 for the chosen image's code
    this.halves = halvesOf(await inflated(bytes(held.halves)));
    this.models = new Map();
    this.innerHTML = decoderHtml(held, held.classes.map(escaped), this.moves);
    this.canvas = (name) => this.querySelector(`[data-show=${name}]`);
    this.control = (name) => this.querySelector(`[name=${name}]`);
    this.greys = held.labels.map((_, k) => greysOf(pixels, k));
    this.greys.forEach((greys, k) => ink(this.canvas(`image${k}`), greys));
    this.control("random").addEventListener("click", () => { this.seed += 1; this.update(); });
    this.control("reset").addEventListener("click", () => this.choose(this.chosen));
    this.addEventListener("input", (event) =>
      event.target.name === "image" ? this.choose(+event.target.value) : this.update());
    this.choose(held.image);
  }

  /** Starts again from an image, with its class and its learned content code. */
  choose(image) {
    this.chosen = image;
    this.seed = 0;
    this.querySelectorAll("[name=image]")[image].checked = true;
    this.control("from").value = this.held.labels[image];
    this.control("to").value = this.held.target;
    for (const name of ["mix", ...this.moves]) this.control(name).value = 0;
    this.update();
  }

  /** The chosen model's noise level, in words, and its place. A method of one model has no slider over levels. */
  level() {
    const { levels } = this.held.methods[+this.control("method").value], slider = this.control("noise");
    const several = levels.length > 1;
    slider.style.visibility = several ? "" : "hidden"; // its place stays, and its value
    if (several) slider.max = levels.length - 1;
    return levels[several ? +slider.value : 0];
  }

  /** The weights and codes of a model; each has parts of sizes of its own. */
  model(place) {
    const { models } = this.held;
    if (!this.models.has(place)) {
      const start = models.slice(0, place).flat().reduce((sum, [, size]) => sum + size, 0);
      this.models.set(place, modelOf(models[place], this.halves.subarray(start)));
    }
    return this.models.get(place);
  }

  /** Generates all images anew, at most once for each frame that the screen shows. */
  update() {
    this.wanted ??= requestAnimationFrame(() => { this.wanted = undefined; this.generateAll(); });
  }

  generateAll() {
    const value = (name) => +this.control(name).value, { classes, labels } = this.held, level = this.level();
    const [from, to, mix] = ["from", "to", "mix"].map(value), moves = this.moves.map(value);
    const model = this.model(level.model), content = contentCode(model, this.chosen, this.seed, moves);
    const show = (name, greys, words) => {
      ink(this.canvas(name), greys);
      this.canvas(name).setAttribute("aria-label", words);
    };
    const say = (name, words) => {
      this.querySelector(`[data-of=${name}]`).value = words;
      this.control(name).setAttribute("aria-valuetext", words);
    };
    say("noise", level.noise);
    const way = `${Math.round(100 * mix)} % of the way`;
    say("mix", way);
    moves.forEach((move, k) => say(this.moves[k], `${move.toFixed(1)} standard deviations`));
    const real = this.canvas("real").parentElement;
    real.hidden = this.seed > 0;
    show("real", this.greys[this.chosen], `the real image, class ${classes[labels[this.chosen]]}`);
    this.control("random").textContent = this.seed ? `New random code (this is no. ${this.seed})` : "New random code";
    const classCodes = classes.map((_, k) => classCode(model, k));
    const codes = [blended(classCodes[from], classCodes[to], mix), ...classCodes].map((code) => [...code, ...content]);
    const [generated, ...every] = generate(model, codes);
    this.generated = generated;
    show("generated", generated, `generated ${way} from ${classes[from]} to ${classes[to]}`);
    classes.forEach((each, k) => show(`class${k}`, every[k], `as ${each}`));
    this.dataset.ready = "";
  }
}
