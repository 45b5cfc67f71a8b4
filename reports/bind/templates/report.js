// The report's page: contents that follow the reading, code to copy, and film strips for paper.

// Contents are folded above the text on narrow screens, and always open beside it on wide ones.
const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 1100px)");
const fold = () => { contents.open = wide.matches; };
fold();
wide.addEventListener("change", fold);

// The section that is read is the last one whose heading has come near the window's upper edge.
const NEAR = 120;
const sections = [...document.querySelectorAll("main section[id]")];
const entries = new Map(sections.map((section) =>
  [section, contents.querySelector(`a[href="#${CSS.escape(section.id)}"]`)]));
const follow = () => {
  const passed = sections.filter((each) => entries.get(each) && each.getBoundingClientRect().top < NEAR);
  for (const entry of contents.querySelectorAll("[aria-current]")) entry.removeAttribute("aria-current");
  const entry = entries.get(passed.at(-1));
  if (!entry) return;
  entry.setAttribute("aria-current", "true");
  const box = entry.getBoundingClientRect(), nav = contents.parentElement;
  if (wide.matches && (box.top < 0 || box.bottom > innerHeight)) nav.scrollTop += box.top - innerHeight / 2;
};
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; follow(); });
}, { passive: true });
follow();

for (const code of document.querySelectorAll("details pre code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(code); // if copying is not allowed, it is at least selected
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  code.parentElement.before(button);
}

// What scrolls in a box of its own can be reached by the keyboard, and nothing else has to be.
const reach = () => {
  for (const box of document.querySelectorAll(".scroll, .frames, .formula, pre, dd")) {
    const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("resize", reach);
addEventListener("load", reach);
document.addEventListener("toggle", reach, true); // details that were opened

// Paper cannot move: it gets frames of a player at equal steps, the first and the last among them.
const STRIP = 6;
addEventListener("beforeprint", () => {
  for (const player of document.querySelectorAll("figure.animation glo-player")) {
    const last = player.names.length - 1, count = Math.min(STRIP, last + 1);
    const strip = document.createElement("div");
    strip.className = "strip";
    strip.style.setProperty("--w", player.querySelector(".sprite").style.getPropertyValue("--w"));
    for (let n = 0; n < count; n++) {
      const k = Math.round((last * n) / Math.max(count - 1, 1));
      const frame = player.querySelector(".sprite").cloneNode(true), columns = +frame.dataset.columns;
      frame.style.setProperty("--column", k % columns);
      frame.style.setProperty("--row", Math.floor(k / columns));
      const shown = document.createElement("div");
      shown.append(frame, player.names[k]);
      strip.append(shown);
    }
    player.after(strip);
  }
});
addEventListener("afterprint", () => {
  for (const strip of document.querySelectorAll(".strip")) strip.remove();
});
