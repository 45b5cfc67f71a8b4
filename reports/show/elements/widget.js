// The lab's board as a widget of Jupyter, in the form that anywidget wants.

import { Board } from "./board.js";

if (!customElements.get("glo-board")) customElements.define("glo-board", Board);

function render({ model, el }) {
  const board = document.createElement("glo-board");
  board.connect(model);
  el.append(board);
  return () => board.remove();
}

export default { render };
