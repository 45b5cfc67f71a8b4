// The lab's boards as widgets of Jupyter, in the form that anywidget wants.

import { Board, OwnBoard } from "./board.js";
import { Own } from "./own.js";

for (const [name, kind] of Object.entries({ "glo-board": Board, "glo-own-board": OwnBoard, "glo-own": Own }))
  if (!customElements.get(name)) customElements.define(name, kind);

function render({ model, el }) {
  const board = document.createElement(model.get("scene") === "own" ? "glo-own-board" : "glo-board");
  board.connect(model);
  el.append(board);
  return () => board.remove();
}

export default { render };
