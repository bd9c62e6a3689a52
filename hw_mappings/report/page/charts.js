// Histograms of the cores' usage.
const BINS = 20;

function histogram(resource) {
  const parts = cores.map((core) => part(core, resource)).sort((a, b) => a - b);
  const bins = Math.min(BINS, Math.max(resource.limit, 1));
  const counts = new Array(bins).fill(0);
  for (const value of parts) counts[Math.min(bins - 1, Math.max(0, Math.ceil(value * bins - 1e-9) - 1))] += 1;
  const [width, height, floor] = [240, 104, 84];
  const most = Math.max(...counts);
  const step = width / bins;
  const median = parts[Math.floor(parts.length / 2)];
  const bars = counts.map((count, bin) => {
    const tall = count && Math.max(2, ((floor - 14) * count) / most);
    return drawing("rect", { class: "bar", x: bin * step + 0.75, y: floor - tall, width: step - 1.5, height: tall, rx: 1.5 },
      drawing("title", {}, `${counted(count, "core")} at ${percent(bin / bins)} to ${percent((bin + 1) / bins)} of the limit`));
  });
  const words = `median ${percent(median)}, most ${percent(parts[parts.length - 1])} of ${amount(resource, resource.limit)}; the tallest bar is ${counted(most, "core")}`;
  const text = (x, anchor, label) => drawing("text", { x, y: height - 6, "text-anchor": anchor }, label);
  const picture = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${resource.words}: ${words}` },
    drawing("path", { class: "axis", d: `M0 ${floor + 0.5}H${width}` }), ...bars,
    drawing("path", { class: "median", d: `M${median * width} 8V${floor}` }),
    text(0, "start", "0"), text(width / 2, "middle", "50 %"), text(width, "end", "100 %"));
  return element("figure", {}, element("figcaption", {}, element("b", {}, resource.words), element("small", {}, words)), picture);
}

function drawHistograms() {
  document.getElementById("histograms").append(...limited.map(histogram));
}
