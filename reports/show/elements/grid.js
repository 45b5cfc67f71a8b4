// A grid of pictures with names beside its rows and above its columns, and notes below them.

import { ink } from "./pictures.js";

export class Grid {
  /** Makes an empty grid at the end of an element. */
  constructor(parent) {
    this.element = parent.appendChild(document.createElement("div"));
    this.element.className = "grid";
  }

  /**
   * Shows rows of cells, each `{ greys, alt, note, found }`; without `greys`, the cell stays blank, and
   * `found` ones were found by the kernel. Canvases are made anew only where the grid gets other rows or
   * columns, or other names.
   */
  show({ rows, columns = [], cells }) {
    const shape = JSON.stringify([rows, columns, cells.map((row) => row.length)]);
    if (shape !== this.shape) this.build(rows, columns, cells);
    this.shape = shape;
    cells.flat().forEach(({ greys, alt, note = "", found = false }, k) => {
      const { canvas, words } = this.cells[k];
      canvas.style.visibility = greys ? "" : "hidden";
      if (greys) ink(canvas, greys);
      canvas.classList.toggle("found", found);
      if (canvas.getAttribute("aria-label") !== alt) canvas.setAttribute("aria-label", alt);
      if (words.textContent !== note) words.textContent = note;
    });
  }

  build(rows, columns, cells) {
    const span = (text, kind) => {
      const made = document.createElement("span");
      made.className = kind;
      made.textContent = made.title = text; // where it is cut, pointing at it shows all
      return made;
    };
    const width = Math.max(...cells.map((row) => row.length));
    this.element.style.setProperty("--columns", width);
    this.element.replaceChildren();
    if (columns.length) this.element.append(span("", "name"), ...columns.map((name) => span(name, "column")));
    this.cells = [];
    cells.forEach((row, r) => {
      this.element.append(span(rows[r], "name"));
      for (let k = 0; k < width; k++) {
        const cell = this.element.appendChild(document.createElement("div"));
        if (k >= row.length) continue;
        const canvas = cell.appendChild(document.createElement("canvas"));
        canvas.width = canvas.height = 28;
        canvas.setAttribute("role", "img");
        this.cells.push({ canvas, words: cell.appendChild(span("", "note")) });
      }
    });
  }
}
