// Loss curves over epochs as an SVG: some in front, each in its colour, and all others in grey.

const WIDTH = 420, HEIGHT = 190, LEFT = 46, BOTTOM = 34, TOP = 12, RIGHT = 16;

function node(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** Round numbers between two numbers that are far apart: for a logarithmic axis. */
function powers(low, high) {
  const tens = Array.from({ length: 30 }, (_, k) => k - 15);
  return tens.flatMap((ten) => [1, 3].map((factor) => +`${factor}e${ten}`)).filter((each) => low <= each && each <= high);
}

/** About four round numbers between two numbers. */
function ticks(low, high) {
  const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step), count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => +((first + k) * step).toPrecision(6));
}

/**
 * Draws curves into an element, losses on a logarithmic axis. Each is an array with a number for each epoch, null where
 * it was not finite, or null as a whole where none is known. `fronts` are those in front, by their places: `{ curve,
 * color, name, marked }`, with a name where the curve ends, or an epoch (from 1) that is marked on it.
 */
export function drawCurves(parent, curves, fronts, epochs = Math.max(...curves.map((each) => each?.length ?? 0))) {
  const seen = (value) => Number.isFinite(value) && value > 0, values = curves.flatMap((each) => each ?? []).filter(seen);
  if (!values.length) { parent.replaceChildren(); return; }
  const low = Math.min(...values) / 1.1, high = 1.1 * Math.max(...values);
  const x = (epoch) => LEFT + (WIDTH - LEFT - RIGHT) * (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * Math.log(high / value) / Math.log(high / low);
  const path = (curve) => curve.map((value, k) =>
    seen(value) ? `${seen(curve[k - 1]) ? "L" : "M"}${x(k + 1).toFixed(1)} ${y(value).toFixed(1)}` : "").join("");
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "training loss by epoch" });
  for (const value of high > 10 * low ? powers(low, high) : ticks(low, high)) {
    svg.append(node("path", { d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}`, class: "rule" }));
    svg.append(node("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  for (const epoch of epochs > 1 ? ticks(1, epochs).filter(Number.isInteger) : [1])
    svg.append(node("text", { x: x(epoch), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, epoch));
  svg.append(node("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"));
  const others = curves.filter((curve, k) => curve && !fronts.some((front) => front.curve === k));
  svg.append(...others.map((curve) => node("path", { d: path(curve), class: "other" })));
  for (const { curve, color, name = "", marked = curves[curve]?.length } of fronts) {
    if (!curves[curve]) continue;
    svg.append(node("path", { d: path(curves[curve]), class: "front", stroke: color }));
    const value = curves[curve][marked - 1];
    if (!seen(value)) continue;
    svg.append(node("circle", { cx: x(marked), cy: y(value), r: 3.5, fill: color }));
    svg.append(node("text", { x: x(marked) + 6, y: y(value) + 4 }, name));
  }
  parent.replaceChildren(svg);
}
