// The cores in use are buttons on the meshes of their chips. Tab reaches one of them; the arrow keys move on from there.
const cores = data.cores.chip.map((chip, index) => ({
  index, chip, core: data.cores.core[index], at: data.cores.at[index], usage: data.cores.usage[index],
  shards: data.cores.shards[index].map(([layer, ...spans]) => ({ layer, y: spans.slice(0, 2), x: spans.slice(2, 4), c: spans.slice(4) })),
}));
const neurons = (shard) => (shard.y[1] - shard.y[0]) * (shard.x[1] - shard.x[0]) * (shard.c[1] - shard.c[0]);
const layersOf = (core) => [...new Set(core.shards.map((shard) => shard.layer))];
const limited = data.resources.map((resource, index) => ({ ...resource, index })).filter((resource) => resource.limit !== null);
const amount = (resource, used) => (resource.name.endsWith("_bits") ? kibibytes(used) : whole(used));
const part = (core, resource) => core.usage[resource.index] / Math.max(resource.limit, 1);
const fullest = (core) => limited.reduce((best, resource) => (part(core, resource) > part(core, best) ? resource : best), limited[0]);
const traffic = (core) => data.cores.sent[core.index] + data.cores.received[core.index];
const perImage = data.cores.synops === null ? "a step in which every neuron fires" : "an image";

const board = document.getElementById("board");
const placeOfChip = new Map(data.chip.used.map(([chip, x, y]) => [chip, { x, y }]));
const byPlace = new Map();
for (const core of cores) {
  const { x, y } = placeOfChip.get(core.chip);
  core.place = [x * data.chip.columns + core.at[0], y * data.chip.rows + core.at[1]];
  byPlace.set(String(core.place), core);
}

function drawBoard() {
  const blocked = new Set(data.chip.blocked.map(([chip, core]) => `${chip},${core}`));
  for (const [chip, x, y] of data.chip.used) {
    const here = new Map(cores.filter((core) => core.chip === chip).map((core) => [core.core, core]));
    const grid = element("div", { class: "grid", role: "grid", "aria-label": `Chip ${chip}, ${counted(here.size, "core")} in use` });
    grid.style.gridTemplateColumns = `repeat(${data.chip.columns}, var(--cell))`;
    for (let row = 0; row < data.chip.rows; row++) {
      const line = element("div", { class: "row", role: "row" });
      for (let number = row * data.chip.columns; number < Math.min((row + 1) * data.chip.columns, data.chip.cores); number++) {
        const core = here.get(number);
        const barred = blocked.has(`null,${number}`) || blocked.has(`${chip},${number}`);
        line.append(core ? button(core) : element("span", { class: `cell ${barred ? "blocked" : "free"}`, role: "gridcell", "aria-label": `core ${number}, ${barred ? "blocked" : "free"}` }));
      }
      grid.append(line);
    }
    const box = element("div", { class: "chip" }, element("p", {}, `chip ${chip} · ${here.size} of ${data.chip.cores} cores`), grid);
    box.style.gridColumn = x + 1;
    box.style.gridRow = y + 1;
    board.append(box);
  }
}

function button(core) {
  const most = fullest(core);
  const names = layersOf(core).map((layer) => data.layers[layer]).join(" and ");
  core.button = element("button", {
    class: "cell", type: "button", role: "gridcell", tabindex: "-1", "data-index": core.index,
    "aria-label": `core ${core.core} of chip ${core.chip}: ${names}; ${most.words} ${percent(part(core, most))}`,
  });
  return core.button;
}

const colourings = {
  use: { value: (core) => part(core, chosenResource() ?? fullest(core)), top: 1, unit: "of a core's limit", text: (v) => String(Math.round(100 * v)), ends: percent },
  traffic: { value: traffic, unit: `messages sent and received, ${perImage}`, text: brief, ends: digits },
  synops: { value: (core) => data.cores.synops[core.index], unit: "spikes through synapses, an image", text: brief, ends: digits },
  energy: { value: (core) => data.cores.energy[core.index], unit: "microjoules an image", text: brief, ends: digits },
};
const chosenResource = () => limited.find((resource) => resource.name === document.getElementById("resource").value);
const chosenColouring = () => document.querySelector("input[name=colouring]:checked").value;

// The layers of a core with their numbers of neurons on it, the largest first.
function sharesOf(core) {
  const shares = new Map();
  for (const shard of core.shards) shares.set(shard.layer, (shares.get(shard.layer) ?? 0) + neurons(shard));
  return [...shares].sort((a, b) => b[1] - a[1]);
}

// A core of several layers shows a stripe for each, as wide as the layer's share of the neurons.
function striped(core) {
  const shares = sharesOf(core);
  const all = shares.reduce((sum, [, share]) => sum + share, 0);
  let from = 0;
  const stops = shares.map(([layer, share]) => {
    const start = from;
    from += (100 * share) / all;
    return `${layerColour(layer)} ${start.toFixed(1)}% ${from.toFixed(1)}%`;
  });
  return stops.length > 1 ? `linear-gradient(90deg, ${stops.join(", ")})` : layerColour(shares[0][0]);
}

// Steps of the colour ramp that need white text, in the light or the dark scheme.
const SHADES = 24;
const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
function dark(colour) {
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue] = [...pixel.getImageData(0, 0, 1, 1).data].map((part) => (part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179; // white and black have equal contrast with this luminance
}

function shadesNow() {
  const probe = board.appendChild(element("span", { class: "cell value", hidden: true }));
  const shades = Array.from({ length: SHADES + 1 }, (_, shade) => {
    probe.style.setProperty("--value", (shade / SHADES).toFixed(4));
    return dark(getComputedStyle(probe).backgroundColor);
  });
  probe.remove();
  return shades;
}

function paint() {
  const name = chosenColouring();
  const colouring = colourings[name];
  const top = colouring && (colouring.top ?? Math.max(...cores.map(colouring.value), Number.MIN_VALUE));
  board.dataset.colouring = name;
  document.getElementById("resource-choice").hidden = name !== "use";
  const shades = colouring && shadesNow();
  for (const core of cores) {
    const cell = core.button;
    const value = colouring ? colouring.value(core) : null;
    const shade = value === null ? 0 : Math.round((SHADES * value) / top);
    cell.classList.toggle("value", value !== null);
    cell.classList.toggle("dark", value !== null && shades[shade]);
    cell.style.background = value === null ? striped(core) : "";
    cell.style.setProperty("--value", (shade / SHADES).toFixed(4));
    cell.textContent = value === null ? String(sharesOf(core)[0][0] + 1) : colouring.text(value);
  }
  drawLegend(name, colouring, top);
}

let kept = null; // the chosen layer; all others are dimmed
function drawLegend(name, colouring, top) {
  const legend = document.getElementById("legend");
  legend.dataset.colouring = name;
  legend.replaceChildren();
  if (colouring) {
    const resource = chosenResource();
    const unit = name === "use" ? `${colouring.unit} on ${resource ? resource.words : "its fullest resource"}` : colouring.unit;
    legend.append(element("span", {}, colouring.ends(0)), element("span", { class: "ramp", "aria-hidden": "true" }), element("span", {}, `${colouring.ends(top)} ${unit}`));
    keepLayer(null);
    return;
  }
  data.layers.forEach((layer, index) => {
    const choice = element("button", { type: "button", "aria-pressed": String(kept === index), "data-layer-choice": index }, swatch(index), layer);
    choice.addEventListener("click", () => keepLayer(kept === index ? null : index));
    legend.append(choice);
  });
}

function keepLayer(layer) {
  kept = layer;
  for (const core of cores) core.button.classList.toggle("dim", kept !== null && !layersOf(core).includes(kept));
  for (const choice of document.querySelectorAll("[data-layer-choice]")) choice.setAttribute("aria-pressed", String(Number(choice.dataset.layerChoice) === kept));
}

const PAPER = 680; // pixels across a page of A4, less its margins
// As wide as the window allows; where cells would be too small to hit, the board scrolls.
function fitBoard() {
  const across = Math.max(...data.chip.used.map(([, x]) => x)) + 1;
  const room = document.getElementById("scroll").clientWidth - 10 - 14 * (across - 1) - across * (18 + 2 * (data.chip.columns - 1));
  const cell = Math.max(14, Math.min(40, Math.floor(room / (across * data.chip.columns))));
  board.style.setProperty("--cell", `${cell}px`);
  board.style.setProperty("--cell-on-paper", `${Math.min(26, (PAPER - 40 * across) / (across * data.chip.columns) - 2)}px`);
  board.classList.toggle("small", cell < 20);
  board.classList.toggle("tight", cell < 29);
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function neighbour(core, key) {
  if (key in STEPS) {
    const [across, down] = STEPS[key];
    const ahead = cores.filter((other) => {
      const [dx, dy] = [other.place[0] - core.place[0], other.place[1] - core.place[1]];
      return across ? Math.sign(dx) === across && dy === 0 : Math.sign(dy) === down && dx === 0;
    });
    const away = (other) => Math.abs(other.place[0] - core.place[0]) + Math.abs(other.place[1] - core.place[1]);
    return ahead.reduce((best, other) => (best === null || away(other) < away(best) ? other : best), null);
  }
  const ordered = [...cores].sort((a, b) => a.chip - b.chip || a.core - b.core);
  if (key === "Home") return ordered[0];
  if (key === "End") return ordered[ordered.length - 1];
  const chips = data.chip.used.map(([chip]) => chip);
  const next = chips[chips.indexOf(core.chip) + (key === "PageDown" ? 1 : -1)];
  return next === undefined ? null : ordered.find((other) => other.chip === next);
}
