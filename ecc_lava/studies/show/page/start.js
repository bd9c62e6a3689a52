const tip = document.getElementById("tip");
const boxes = [...document.querySelectorAll(".chart")];

/** Mark a trial in all charts and in the table, and show its facts beside an element. */
function choose(index, near) {
  for (const element of document.querySelectorAll("[data-point]")) element.classList.toggle("chosen", Number(element.dataset.point) === index);
  if (near === null) { tip.hidden = true; return; }
  const p = data.points[index];
  tip.replaceChildren(html("b", {}, p.name), html("dl", {}, ...facts(p).flatMap(([what, value]) => [html("dt", {}, what), html("dd", {}, value)])));
  if (p.widths) tip.append(html("p", {}, Object.entries(p.widths).map(([layer, width]) => `${layer} ${width}`).join(", ")));
  tip.hidden = false;
  const at = near.getBoundingClientRect(), size = tip.getBoundingClientRect(), gap = 12;
  const left = at.right + gap + size.width < innerWidth ? at.right + gap : Math.max(4, at.left - gap - size.width);
  const top = Math.min(Math.max(4, at.top - size.height / 2), innerHeight - size.height - 4);
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${Math.max(4, top) + scrollY}px`;
}
const pointOf = (event) => event.target.closest?.(".point");

for (const box of boxes) {
  draw(box, false);
  box.addEventListener("pointerover", (event) => { const point = pointOf(event); if (point) choose(Number(point.dataset.point), point); });
  box.addEventListener("pointerleave", () => choose(-1, null));
  box.addEventListener("focusin", (event) => { const point = pointOf(event); if (point) choose(Number(point.dataset.point), point); });
  box.addEventListener("focusout", () => choose(-1, null));
  box.addEventListener("keydown", (event) => {
    const points = [...box.querySelectorAll(".point")], now = points.indexOf(pointOf(event));
    const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: points.length - 1 }[event.key];
    if (event.key === "Escape") { choose(-1, null); return; }
    if (next === undefined || now < 0) return;
    event.preventDefault();
    const to = points[Math.min(Math.max(next, 0), points.length - 1)];
    points[now].setAttribute("tabindex", -1);
    to.setAttribute("tabindex", 0);
    to.focus();
  });
}

const front = document.querySelector("[data-front]"), against = document.getElementById("against"), whole = document.getElementById("whole");
against.addEventListener("change", () => { front.dataset.x = against.value; draw(front, whole.checked); });
for (const change of [whole, narrow]) change.addEventListener("change", () => boxes.forEach((box) => draw(box, whole.checked)));

const legend = document.getElementById("legend"), named = new Set();
for (const p of data.points) {
  const { colour, shape } = look(p), words = p.bits === null ? "mixed widths" : `${p.bits} bit`;
  if (others.length === 1 && !named.has(words)) {
    named.add(words);
    legend.append(html("span", {}, svg("svg", { viewBox: "-13 -7 26 14", class: colour, "aria-hidden": "true" }, body(shape, 4.6)), words));
  } else if (others.length > 1 && !named.has(`${words} ${data.series[p.series].name}`)) {
    named.add(`${words} ${data.series[p.series].name}`);
    legend.append(html("span", {}, svg("svg", { viewBox: "-13 -7 26 14", class: colour, "aria-hidden": "true" }, body(shape, 4.6)), `${words}, ${data.series[p.series].name}`));
  }
}

const table = document.getElementById("trials"), rows = table.tBodies[0];
[...table.tHead.rows[0].cells].forEach((cell, column) => cell.querySelector("button")?.addEventListener("click", () => {
  const down = cell.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  cell.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => (row.cells[column].dataset.sort === "" ? Infinity : Number(row.cells[column].dataset.sort));
  rows.append(...[...rows.rows].sort((a, b) => (down ? value(b) - value(a) : value(a) - value(b))));
}));
rows.addEventListener("pointerover", (event) => { const row = event.target.closest("tr"); if (row) choose(Number(row.dataset.point), null); });
rows.addEventListener("pointerleave", () => choose(-1, null));
