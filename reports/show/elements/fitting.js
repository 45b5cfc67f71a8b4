// Fits content codes to an image, under several classes at once, as `measures.fitting` does in Python: by gradient
// descent on the mean absolute difference, in the ball where the learned codes lie.

import { classCode } from "./codes.js";
import { backward, forward } from "./generator.js";

// Adam's rate at the first step, from where it falls along a cosine, in standard deviations of the learned codes; its
// decay of both moments; and what keeps it from dividing by 0.
const RATE = 0.3;
const DECAY = [0.8, 0.9];
const LEAST = 1e-8;

export class Fit {
  /** Begins in the middle of the learned codes. `image` are 28·28 greys; each of `labels` gets a code. */
  constructor(model, image, labels, steps) {
    Object.assign(this, { model, image, labels, steps, taken: 0 });
    // In the units of the Gaussian fitted to the learned codes, whose mean is at 0
    this.places = labels.map(() => new Float64Array(model.mean.length));
    this.moments = labels.map(() => DECAY.map(() => new Float64Array(model.mean.length)));
    this.pass();
  }

  get done() { return this.taken >= this.steps; }

  /** Generates the images of the codes: `codes`, `images` and `losses` have one entry for each label. */
  pass() {
    const { model, image, labels } = this, size = image.length, { mean, axes } = model;
    this.codes = this.places.map((place) => mean.map((value, n) =>
      place.reduce((sum, step, k) => sum + step * axes[k * mean.length + n], value)));
    const codes = this.codes.flatMap((content, k) => [...classCode(model, labels[k]), ...content]);
    this.passed = forward(model, Float64Array.from(codes), labels.length);
    this.images = labels.map((_, k) => Float32Array.from(this.passed.images.subarray(k * size, (k + 1) * size)));
    this.losses = this.images.map((generated) =>
      generated.reduce((sum, value, k) => sum + Math.abs(value - image[k]), 0) / size);
  }

  /** The losses' gradient with respect to the places. */
  gradient() {
    const { image, labels, passed, model: { mean, axes } } = this, size = mean.length;
    const back = backward(this.model, passed, passed.images.map((value, k) =>
      Math.sign(value - image[k % image.length]) / image.length));
    const whole = back.length / labels.length;
    return this.places.map((place, k) => {
      const content = back.subarray((k + 1) * whole - size, (k + 1) * whole);
      return place.map((_, axis) => content.reduce((sum, value, n) => sum + value * axes[axis * size + n], 0));
    });
  }

  /** One step of Adam, for every code, back into the ball. */
  step() {
    const rate = RATE * (1 + Math.cos(Math.PI * this.taken / this.steps)) / 2, gradient = this.gradient();
    this.taken += 1;
    const [first, second] = DECAY.map((decay) => 1 - decay ** this.taken);
    this.places.forEach((place, k) => {
      const [mean, square] = this.moments[k];
      gradient[k].forEach((value, n) => {
        mean[n] += (1 - DECAY[0]) * (value - mean[n]);
        square[n] += (1 - DECAY[1]) * (value ** 2 - square[n]);
        place[n] -= rate * (mean[n] / first) / (Math.sqrt(square[n] / second) + LEAST);
      });
      const beyond = Math.hypot(...place) / Math.sqrt(place.length);
      if (beyond > 1) place.forEach((value, n) => (place[n] = value / beyond));
    });
    this.pass();
  }
}
