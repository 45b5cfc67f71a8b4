// The player: one frame of an animation, and a slider. A button plays it from the frame shown to the
// last. Where there is a plot instead, pointing at one of its marks shows the mark's frame.

export class Player extends HTMLElement {
  connectedCallback() {
    if (this.names) return; // the element was moved within the page
    this.slider = this.querySelector("input");
    this.image = this.querySelector(".sprite img");
    this.names = JSON.parse(this.dataset.names);
    this.slider.addEventListener("input", () => { this.stop(); this.show(+this.slider.value); });
    this.button = this.querySelector("button");
    this.button?.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    this.plot = this.querySelector(".plot");
    if (this.plot) {
      this.places = JSON.parse(this.dataset.places);
      this.plot.addEventListener("pointermove", (event) => this.show(this.nearest(event)));
      this.plot.addEventListener("pointerdown", (event) => this.show(this.nearest(event)));
    }
    this.show(+this.slider.value);
  }

  disconnectedCallback() { this.stop(); }

  show(k) {
    const sprite = this.image.parentElement, columns = +sprite.dataset.columns, name = this.names[k];
    sprite.style.setProperty("--column", k % columns);
    sprite.style.setProperty("--row", Math.floor(k / columns));
    this.image.alt = `${this.dataset.alt} ${name}`;
    this.slider.value = k;
    this.slider.setAttribute("aria-valuetext", name);
    this.querySelector("output").value = name;
    if (!this.plot) return;
    for (const old of this.plot.querySelectorAll(".ring")) old.remove();
    for (const [x, y] of this.places[k]) {
      const ring = this.plot.appendChild(document.createElement("span"));
      ring.className = "ring";
      ring.style.left = `${100 * x}%`;
      ring.style.top = `${100 * y}%`;
    }
  }

  /** The number of the frame whose mark is nearest to the pointer. */
  nearest(event) {
    const box = this.plot.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const away = ([left, top]) => Math.hypot(left * box.width - x, top * box.height - y);
    const distances = this.places.map((places) => Math.min(...places.map(away)));
    return distances.indexOf(Math.min(...distances));
  }

  play() {
    const last = this.names.length - 1, milliseconds = Math.max(120, Math.min(500, 8000 / last));
    if (+this.slider.value === last) this.show(0);
    this.button.textContent = "Pause";
    this.timer = setInterval(() => {
      this.show(+this.slider.value + 1);
      if (+this.slider.value === last) this.stop();
    }, milliseconds);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.button) this.button.textContent = "Play";
  }
}
