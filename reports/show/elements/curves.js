// Curves over epochs as an SVG: those of all levels in grey, the chosen one in front.

const WIDTH = 420, HEIGHT = 190, LEFT = 46, BOTTOM = 34, TOP = 12, RIGHT = 8;

function node(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** About four round numbers between two numbers. */
function ticks(low, high) {
  const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step), count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => +((first + k) * step).toPrecision(6));
}

/**
 * Draws curves into an element. Each is an array with a number for each epoch, null where it was not finite, or null
 * as a whole where none is known; `chosen` is the place of the one in front, `marked` an epoch (from 1) to mark on it,
 * or 0.
 */
export function drawCurves(parent, curves, chosen, marked, label) {
  const known = curves.filter(Boolean);
  if (!known.length) { parent.replaceChildren(); return; }
  const epochs = Math.max(...known.map((each) => each.length)), values = known.flat().filter(Number.isFinite);
  const low = Math.min(...values), high = Math.max(...values);
  const x = (epoch) => LEFT + (WIDTH - LEFT - RIGHT) * (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (high > low ? (high - value) / (high - low) : 0.5);
  const path = (curve) => curve.map((value, k) => {
    const command = Number.isFinite(curve[k - 1]) ? "L" : "M";
    return Number.isFinite(value) ? `${command}${x(k + 1).toFixed(1)} ${y(value).toFixed(1)}` : "";
  }).join("");
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const value of ticks(low, high)) {
    svg.append(node("path", { d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}`, class: "rule" }));
    svg.append(node("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  for (const epoch of ticks(1, epochs).filter(Number.isInteger))
    svg.append(node("text", { x: x(epoch), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle" }, epoch));
  svg.append(node("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "epoch"));
  curves.forEach((curve, k) => curve && k !== chosen && svg.append(node("path", { d: path(curve), class: "other" })));
  const front = curves[chosen];
  if (front) {
    svg.append(node("path", { d: path(front), class: "chosen" }));
    const value = front[marked - 1];
    if (Number.isFinite(value)) svg.append(node("circle", { cx: x(marked), cy: y(value), r: 4, class: "mark" }));
  }
  parent.replaceChildren(svg);
}
