// A model's codes: those it has learned, and those that lie between or beside them.

import { floats, gaussian } from "./numbers.js";

/** A model's weights and codes by their names, from its numbers in half precision; parts are [name, count]. */
export function modelOf(parts, halves) {
  let start = 0;
  return Object.fromEntries(parts.map(([name, count]) =>
    [name, floats(halves.subarray(start, (start += count)))]));
}

/** A content code moved along the directions: an image's, or for a seed a draw from the fitted Gaussian. */
export function contentCode(model, image, seed, moves) {
  const { mean, axes } = model, size = mean.length; // (size, size), a direction in each row
  const along = seed ? gaussian(seed, size) : new Array(size).fill(0);
  moves.forEach((move, k) => (along[k] += move));
  const start = seed ? mean : model.content.subarray(image * size, (image + 1) * size);
  return start.map((value, n) => value + along.reduce((sum, step, k) => sum + step * axes[k * size + n], 0));
}

/** The code of a class. */
export function classCode(model, label) {
  const size = model["0.weight"].length / model["0.bias"].length - model.mean.length;
  return model.classes.subarray(label * size, (label + 1) * size);
}

/** A code at the proportion `mix` of the way from one code to another. */
export function blended(start, end, mix) {
  return start.map((value, n) => (1 - mix) * value + mix * end[n]);
}
