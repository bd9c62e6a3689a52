// Messages on the links of the mesh, with the cores in row-major order and as mapped.
const LEVELS = 7;
const NAMES = ["row-major", "as mapped"];

function drawPlacements() {
  const links = data.placements.flatMap(({ across, down }) => [...across, ...down]);
  const top = links.reduce((most, [, , messages]) => Math.max(most, messages), 0) || 1;
  document.getElementById("placements").append(...data.placements.map((placement, index) => meshOfLinks(placement, NAMES[index], top)));
  document.getElementById("hops").append(hopsChart());
}

// Links of about equal load are one path; the square root makes lightly loaded links visible.
function meshOfLinks({ size, cores: used, across, down }, name, top) {
  const [columns, rows] = size;
  const paths = Array.from({ length: LEVELS }, () => []);
  const level = (messages) => Math.min(LEVELS - 1, Math.floor(LEVELS * Math.sqrt(messages / top)));
  const middle = (n) => 10 * n + 5;
  for (const [x, y, messages] of across) paths[level(messages)].push(`M${middle(x)} ${middle(y)}h10`);
  for (const [x, y, messages] of down) paths[level(messages)].push(`M${middle(x)} ${middle(y)}v10`);
  const seams = [];
  for (let x = data.chip.columns; x < columns; x += data.chip.columns) seams.push(`M${10 * x} 0V${10 * rows}`);
  for (let y = data.chip.rows; y < rows; y += data.chip.rows) seams.push(`M0 ${10 * y}H${10 * columns}`);
  const here = new Set(used.map(String));
  const free = [];
  for (let x = 0; x < columns; x++) for (let y = 0; y < rows; y++) if (!here.has(`${x},${y}`)) free.push([x, y]);
  const dots = (places, half) => places.map(([x, y]) => `M${middle(x) - half} ${middle(y) - half}h${2 * half}v${2 * half}h${-2 * half}z`).join("");
  const busiest = Math.max(0, ...across.map((link) => link[2]), ...down.map((link) => link[2]));
  const picture = drawing("svg", { viewBox: `0 0 ${10 * columns} ${10 * rows}`, role: "img", "aria-label": `Links of the mesh, ${name}: the busiest carries ${counted(busiest, "message")}` },
    drawing("path", { class: "seam", d: seams.join("") }),
    ...paths.map((parts, index) => {
      const path = drawing("path", { class: "link", d: parts.join(""), "stroke-width": (0.7 + (5.3 * index) / (LEVELS - 1)).toFixed(2) });
      path.style.setProperty("--value", (0.12 + (0.88 * index) / (LEVELS - 1)).toFixed(3));
      return path;
    }),
    drawing("path", { class: "router", d: dots(free, 0.8) }), drawing("path", { class: "router used", d: dots(used, 1.3) }));
  return element("figure", {}, element("figcaption", {}, element("b", {}, name), element("small", {}, `busiest link: ${counted(busiest, "message")}`)), picture);
}

function hopsChart() {
  const { width: wide, shares } = data.hops;
  const [width, height, left, floor] = [420, 170, 34, 138];
  const most = Math.max(...shares.flat(), 0.01);
  const step = (width - left) / shares[0].length;
  const bars = shares.flatMap((values, which) => values.map((share, bin) => {
    const tall = ((floor - 12) * share) / most;
    const label = wide === 1 ? counted(bin, "hop") : `${bin * wide} to ${bin * wide + wide - 1} hops`;
    return drawing("rect", { class: which ? "bar" : "bar before", x: left + bin * step + 1 + (which * (step - 2)) / 2, y: floor - tall, width: (step - 2) / 2, height: tall },
      drawing("title", {}, `${NAMES[which]}: ${(100 * share).toFixed(1)} % of messages travel ${label}`));
  }));
  const every = Math.ceil(shares[0].length / 8);
  const ticks = shares[0].map((_, bin) => (bin % every ? null : drawing("text", { x: left + (bin + 0.5) * step, y: floor + 15, "text-anchor": "middle" }, String(bin * wide))));
  const far = shares.map((values) => values.reduce((sum, share, bin) => sum + share * bin * wide, 0));
  const picture = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Hops of a message: about ${digits(far[0])} row-major, ${digits(far[1])} as mapped` },
    drawing("path", { class: "axis", d: `M${left} ${floor + 0.5}H${width}` }), ...bars, ...ticks,
    drawing("text", { x: left - 6, y: 20, "text-anchor": "end" }, percent(most)), drawing("text", { x: width, y: height - 4, "text-anchor": "end" }, "hops of a message"),
    drawing("rect", { class: "key before", x: width - 190, y: 2, width: 10, height: 10 }), drawing("text", { x: width - 175, y: 11 }, NAMES[0]),
    drawing("rect", { class: "bar", x: width - 100, y: 2, width: 10, height: 10 }), drawing("text", { x: width - 85, y: 11 }, NAMES[1]));
  return element("figure", {}, element("figcaption", {}, element("b", {}, "how far messages travel"), element("small", {}, "share of all messages")), picture);
}
