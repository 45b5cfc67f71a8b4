// The lab's boards as widgets of Jupyter, in the form that anywidget wants.

import { Board, OwnBoard } from "./board.js";
import { drawCurves } from "./curves.js";
import { Own } from "./own.js";

for (const [name, kind] of Object.entries({ "glo-board": Board, "glo-own-board": OwnBoard, "glo-own": Own }))
  if (!customElements.get(name)) customElements.define(name, kind);

/** Curves that are made in the kernel, on the same axes. */
function renderCurves({ model, el }) {
  const draw = () => {
    const sent = model.get("curves"), fronts = sent.map(({ name, color }, curve) => ({ curve, color, name }));
    drawCurves(el, sent.map(({ losses }) => losses), fronts, model.get("epochs"));
  };
  el.classList.add("glo-curves");
  model.on("change", draw);
  draw();
  return () => model.off("change", draw);
}

function render({ model, el }) {
  if (model.get("scene") === "curves") return renderCurves({ model, el });
  const board = document.createElement(model.get("scene") === "own" ? "glo-own-board" : "glo-board");
  board.connect(model);
  el.append(board);
  return () => board.remove();
}

export default { render };
