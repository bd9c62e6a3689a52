const data = JSON.parse(document.getElementById("data").textContent);
const WIDTH = 560, HEIGHT = 330, LEFT = 52, RIGHT = 14, TOP = 12, BOTTOM = 44;
const SHOWN = 0.15; // range of the accuracy axis below the best; lower points are drawn at the edge unless "whole range" is ticked

/** Colours stand for widths, shapes for everything else that differs. */
const others = [...new Set(data.series.map((series) => series.name))];
function look(point) {
  const series = data.series[point.series];
  return { colour: point.bits === null ? "wm" : `w${point.bits}`, shape: others.indexOf(series.name) % 4 };
}
function body(shape, size) {
  const s = size;
  if (shape === 1) return svg("rect", { class: "body", x: -s, y: -s, width: 2 * s, height: 2 * s });
  if (shape === 2) return svg("path", { class: "body", d: `M0 ${-1.35 * s}L${1.35 * s} 0L0 ${1.35 * s}L${-1.35 * s} 0Z` });
  if (shape === 3) return svg("path", { class: "body", d: `M0 ${-1.3 * s}L${1.3 * s} ${s}H${-1.3 * s}Z` });
  return svg("circle", { class: "body", r: 1.1 * s });
}

/** Return a function from a value to its position, and the values of the ticks. */
function scale(values, log, from, to, few) {
  let low = Math.min(...values), high = Math.max(...values);
  const f = log ? Math.log2 : (v) => v;
  const margin = (f(high) - f(low)) * 0.06 || 0.5;
  const a = f(low) - margin, b = f(high) + margin;
  const at = (v) => from + ((f(v) - a) / (b - a)) * (to - from);
  let ticks = [...new Set(values)].sort((x, y) => x - y);
  if (!few || ticks.length > 8) {
    ticks = [];
    if (log) {
      const step = Math.max(1, Math.round((b - a) / 6));
      for (let e = Math.ceil(a); e <= b; e += step) ticks.push(2 ** e);
      if (ticks.length < 2) ticks = [low, high];
    } else {
      const rough = (b - a) / 5, power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= rough);
      for (let v = Math.ceil(a / step) * step; v <= b + 1e-9; v += step) ticks.push(+v.toPrecision(12));
    }
  }
  return { at, ticks };
}

/** Return the points with more accuracy than every cheaper point, the cheapest first. */
function frontOf(points, x) {
  let best = -Infinity;
  return points.slice().sort((p, q) => p[x] - q[x] || q.score - p.score).filter((p) => p.score > best && ((best = p.score), true));
}

/** Draw the chart of a box: all points that have a number on its axis. */
function draw(box, whole) {
  const x = box.dataset.x, axis = data.axes[x], onFront = "front" in box.dataset;
  const points = data.points.map((point, index) => ({ ...point, index })).filter((point) => point[x] !== null);
  const reference = data.what === "accuracy" ? [data.ann] : [];
  const most = Math.max(...reference, ...points.map((p) => p.score)), inside = points.map((p) => p.score).filter((score) => whole || score >= most - SHOWN);
  const least = Math.min(...reference, ...inside), floor = inside.length < points.length ? least - 0.1 * (most - least || 0.1) : 0;
  const scores = [...points.map((p) => Math.max(p.score, floor)), ...reference];
  const across = scale(points.map((p) => p[x]), axis.log, LEFT, WIDTH - RIGHT, true);
  const up = scale(scores, false, HEIGHT - BOTTOM, TOP, false);
  const y = (p) => up.at(Math.max(p.score, floor));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${data.what} against ${axis.words}`, "aria-describedby": "keys" });
  for (const tick of up.ticks) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up.at(tick), y2: up.at(tick) }),
      svg("text", { x: LEFT - 7, y: up.at(tick) + 4, "text-anchor": "end" }, `${+(100 * tick).toFixed(1)} %`));
  }
  let last = -Infinity;
  for (const tick of across.ticks) {
    picture.append(svg("line", { class: "axis", x1: across.at(tick), x2: across.at(tick), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }));
    if (across.at(tick) - last < 34) continue;
    last = across.at(tick);
    picture.append(svg("text", { x: last, y: HEIGHT - BOTTOM + 19, "text-anchor": "middle" }, short(+tick.toPrecision(x === "timesteps" ? 4 : 2))));
  }
  picture.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, axis.words));
  if (data.what === "accuracy") {
    picture.append(svg("line", { class: "ann", x1: LEFT, x2: WIDTH - RIGHT, y1: up.at(data.ann), y2: up.at(data.ann) }),
      svg("text", { x: LEFT + 4, y: up.at(data.ann) - 5 }, "CNN"));
  }
  const best = frontOf(points, x);
  if (onFront) {
    const steps = best.map((p, i) => `${i ? `H${across.at(p[x])}V` : `M${across.at(p[x])} `}${y(p)}`).join("");
    picture.append(svg("path", { class: "pareto", d: steps }));
  } else {
    data.series.forEach((_, number) => {
      const line = points.filter((p) => p.series === number && p.bits !== null).sort((p, q) => p[x] - q[x]);
      if (x === "average_bits" || line.length < 2) return;
      picture.append(svg("path", { class: `line ${look(line[0]).colour}`, d: line.map((p, i) => `${i ? "L" : "M"}${across.at(p[x])} ${y(p)}`).join("") }));
    });
  }
  const shown = points.slice().sort((p, q) => p[x] - q[x] || p.score - q.score);
  shown.forEach((p, i) => {
    const { colour, shape } = look(p), below = p.score < floor;
    const mark = below ? svg("path", { class: "body", d: "M0 6L6 -4H-6Z" }) : body(shape, 4.6);
    picture.append(svg("g", { class: `point ${colour}${onFront && !best.includes(p) ? " faint" : ""}`, transform: `translate(${across.at(p[x])} ${y(p)})`, "data-point": p.index, tabindex: i ? -1 : 0, role: "img", "aria-label": sentence(p) },
      svg("circle", { class: "hit", r: 11 }), mark, svg("circle", { class: "ring", r: 9 })));
  });
  box.replaceChildren(picture);
}

function facts(p) {
  return [
    [data.what, percent(p.score)],
    p.loss_points === null ? null : ["loss", `${p.loss_points.toFixed(2)} points`],
    data.what === "accuracy" ? ["agreement with the CNN", percent(p.agreement)] : null,
    ["memory of the weights", `${short(p.memory_kib)} KiB`],
    ["events per image", short(p.events)],
    p.energy_uj === null ? null : ["energy per image", `${short(p.energy_uj)} µJ`],
    ["latency", `${p.latency_steps} timesteps`],
    p.cores === null ? null : ["cores", short(p.cores)],
  ].filter((fact) => fact !== null);
}
const sentence = (p) => `${p.name}: ${facts(p).map(([what, value]) => `${what} ${value}`).join(", ")}`;
