// The live decoder: the trained generators of every noise level, drawn while sliders move.

/** Numbers from N(0, 1) that depend on the seed alone (Mulberry32, then Box and Muller). */
function gaussian(seed, count) {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: count }, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

function bytes(base64) {
  const text = atob(base64), found = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) found[k] = text.charCodeAt(k);
  return found;
}

/** Numbers that were packed as all low bytes, then all high bytes, deflated. */
async function unpacked(base64) {
  const stream = new Blob([bytes(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = planes.length / 2, halves = new Uint16Array(count);
  for (let k = 0; k < count; k++) halves[k] = planes[k] | (planes[count + k] << 8);
  return halves;
}

const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

function ink(canvas, greys) {
  const pixels = new ImageData(28, 28);
  greys.forEach((grey, k) => pixels.data.set([255 - 255 * grey, 255 - 255 * grey, 255 - 255 * grey, 255], 4 * k));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

class Decoder extends HTMLElement {
  async connectedCallback() {
    if (this.held) return; // it was only moved
    const held = (this.held = JSON.parse(this.querySelector("script").textContent));
    const { sigmas, labels, spread } = held, pixels = bytes(held.pixels);
    const classes = held.classes.map(escaped);
    this.moves = Array.from({ length: held.moved }, (_, k) => `move${k + 1}`);
    this.seed = 0; // of the random code; 0 while an image is chosen
    this.halves = await unpacked(held.halves);
    this.models = new Map();
    const picture = (name, role = 'role="img"') =>
      `<canvas width="28" height="28" ${role} data-show="${name}"></canvas>`;
    const slider = (name, label, low, high, step, value) =>
      `<label>${label} <input type="range" name="${name}" min="${low}" max="${high}" step="${step}"
        value="${value}" autocomplete="off"><output data-of="${name}" aria-live="off"></output></label>`;
    const choice = (name, label) => `<label>${label} <select name="${name}" autocomplete="off">${
      classes.map((each, k) => `<option value="${k}">${each}</option>`).join("")}</select></label>`;
    this.innerHTML = `
      <fieldset class="images"><legend>An image, whose content code is used</legend>${labels.map((label, k) =>
        `<label><input type="radio" name="image" value="${k}" aria-label="image ${k + 1}, class ${classes[label]}"
          autocomplete="off">${picture(`image${k}`, 'aria-hidden="true"')}</label>`).join("")}</fieldset>
      <div class="stage">
        <div class="pictures"><div>${picture("real")}<span>real</span></div>
        <div>${picture("drawn")}<span>drawn</span></div></div>
        <div class="sliders">
          ${slider("sigma", "noise level in training", 0, sigmas.length - 1, 1, held.start)}
          <div class="classes">${choice("from", "from class")} ${choice("to", "to class")}</div>
          ${slider("mix", "between the classes", 0, 1, 0.02, 0)}
          ${this.moves.map((name, k) => slider(name, `direction ${k + 1}`, -spread, spread, 0.1, 0)).join("")}
          <div class="buttons"><button type="button" name="random">New random code</button>
          <button type="button" name="reset">Back to the image</button></div>
        </div>
      </div>
      <p class="every">This content code with every class code:</p>
      <div class="row">${classes.map((each, k) => `<div>${picture(`class${k}`)}<span>${each}</span></div>`).join("")}</div>`;
    this.canvas = (name) => this.querySelector(`[data-show=${name}]`);
    this.greys = labels.map((_, k) => Float32Array.from(pixels.subarray(784 * k, 784 * (k + 1)), (v) => v / 255));
    this.greys.forEach((greys, k) => ink(this.canvas(`image${k}`), greys));
    this.control = (name) => this.querySelector(`[name=${name}]`);
    this.control("random").addEventListener("click", () => { this.seed += 1; this.redraw(); });
    this.control("reset").addEventListener("click", () => this.choose(this.chosen));
    this.addEventListener("input", (event) =>
      event.target.name === "image" ? this.choose(+event.target.value) : this.redraw());
    this.choose(held.image);
  }

  /** Starts anew from an image: its class, and its content code as it was learned. */
  choose(image) {
    this.chosen = image;
    this.seed = 0;
    this.querySelectorAll("[name=image]")[image].checked = true;
    this.control("from").value = this.held.labels[image];
    this.control("to").value = this.held.target;
    for (const name of ["mix", ...this.moves]) this.control(name).value = 0;
    this.redraw();
  }

  /** One noise level's weights and codes by name; models that came out equal are held once. */
  model(level) {
    const { sigmas, parts } = this.held, place = sigmas[level].model;
    if (!this.models.has(place)) {
      const length = parts.reduce((sum, [, size]) => sum + size, 0);
      const all = floats(this.halves.subarray(place * length, (place + 1) * length));
      let start = 0;
      this.models.set(place, Object.fromEntries(parts.map(([name, size]) => [name, all.subarray(start, (start += size))])));
    }
    return this.models.get(place);
  }

  /** An image's learned content code, or a draw from the Gaussian fitted to all, moved along directions. */
  content(model, image, seed, moves) {
    const mean = model.mean, size = mean.length, axes = model.axes; // axes (size, size): a row each
    const along = seed ? gaussian(seed, size) : new Array(size).fill(0);
    moves.forEach((move, k) => (along[k] += move));
    const start = seed ? mean : model.content.subarray(image * size, (image + 1) * size);
    return start.map((value, n) => value + along.reduce((sum, step, k) => sum + step * axes[k * size + n], 0));
  }

  /** The class code `mix` of the way from one class to another. */
  classCode(model, from, to, mix) {
    const size = model.classes.length / this.held.classes.length;
    const [start, end] = [from, to].map((k) => model.classes.subarray(k * size, (k + 1) * size));
    return start.map((value, n) => (1 - mix) * value + mix * end[n]);
  }

  redraw() {
    this.wanted ??= requestAnimationFrame(() => { this.wanted = undefined; this.drawAll(); });
  }

  drawAll() {
    const value = (name) => +this.control(name).value, { classes, labels, sigmas } = this.held;
    const [from, to, mix] = ["from", "to", "mix"].map(value), moves = this.moves.map(value);
    const model = this.model(value("sigma")), content = this.content(model, this.chosen, this.seed, moves);
    const show = (name, greys, words) => {
      ink(this.canvas(name), greys);
      this.canvas(name).setAttribute("aria-label", words);
    };
    const say = (name, words) => {
      this.querySelector(`[data-of=${name}]`).value = words;
      this.control(name).setAttribute("aria-valuetext", words);
    };
    say("sigma", `σ = ${sigmas[value("sigma")].name}`);
    say("mix", `${Math.round(100 * mix)} % of the way from ${classes[from]} to ${classes[to]}`);
    moves.forEach((move, k) => say(this.moves[k], `${move.toFixed(1)} standard deviations`));
    const real = this.canvas("real").parentElement;
    real.hidden = this.seed > 0;
    show("real", this.greys[this.chosen], `the real image, class ${classes[labels[this.chosen]]}`);
    this.control("random").textContent = this.seed ? `New random code (this is no. ${this.seed})` : "New random code";
    this.drawn = draw(model, this.classCode(model, from, to, mix), content);
    show("drawn", this.drawn, `drawn ${Math.round(100 * mix)} % of the way from ${classes[from]} to ${classes[to]}`);
    classes.forEach((each, k) => show(`class${k}`, draw(model, this.classCode(model, k, k, 0), content), `as ${each}`));
    this.dataset.ready = "";
  }
}
