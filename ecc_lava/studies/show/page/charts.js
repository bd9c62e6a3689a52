const data = JSON.parse(document.getElementById("data").textContent);
const WIDTH = 560, HEIGHT = 330, LEFT = 62, RIGHT = 14, TOP = 12, BOTTOM = 44;
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
  const low = Math.min(...values), high = Math.max(...values);
  const f = log ? Math.log2 : (v) => v;
  const margin = (f(high) - f(low)) * 0.06 || 0.5;
  const a = f(low) - margin, b = f(high) + margin;
  const at = (v) => from + ((f(v) - a) / (b - a)) * (to - from);
  const own = [...new Set(values)].sort((x, y) => x - y);
  if (few && own.length <= 8) return { at, ticks: own };
  const powers = [];
  if (log) for (let e = Math.ceil(a); e <= b; e += Math.max(1, Math.round((b - a) / 6))) powers.push(2 ** e);
  return { at, ticks: powers.length > 2 ? powers : evenTicks(log ? low : a, log ? high : b) };
}
function evenTicks(low, high) {
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= rough);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) ticks.push(+v.toPrecision(12));
  return ticks.length ? ticks : [low];
}

/** Return the labels of sorted ticks, with the fewest digits that are within a hundredth of the way to the next tick. */
function labels(ticks, text) {
  const ends = [ticks[0] - Math.abs(ticks[0]), ...ticks, ticks.at(-1) + Math.abs(ticks.at(-1))];
  const near = ticks.map((tick, i) => Math.min(tick - ends[i], ends[i + 2] - tick) / 100);
  for (let figures = 1; figures < 12; figures++) {
    const rounded = ticks.map((tick) => +tick.toPrecision(figures));
    if (rounded.every((value, i) => Math.abs(value - ticks[i]) <= near[i])) return rounded.map(text);
  }
  return ticks.map(text);
}
const narrow = matchMedia("(max-width: 560px)"); // where the style makes the letters of charts larger
const letter = () => (narrow.matches ? 9.5 : 7); // pixels that a letter of a label takes, at most

/** Return the labels that fit beside one another, each with its position. */
function spaced(at, ticks, words) {
  let end = -Infinity;
  return ticks.map((tick, i) => ({ middle: at(tick), text: words[i], half: (letter() * words[i].length) / 2 })).filter(({ middle, half }) => {
    if (middle - half < end + letter()) return false;
    end = middle + half;
    return true;
  });
}

/** Set points apart that would hide one another: each gets a `place`, side by side around their own. */
const NEAR = 5, APART = 10, SPREAD = 60;
function setApart(points) {
  const groups = [];
  for (const point of points) {
    const group = groups.find(([other]) => Math.hypot(other.own[0] - point.own[0], other.own[1] - point.own[1]) < NEAR);
    if (group) group.push(point); else groups.push([point]);
  }
  for (const group of groups) {
    const step = Math.min(APART, SPREAD / Math.max(group.length - 1, 1)), half = (step * (group.length - 1)) / 2;
    const middle = Math.min(Math.max(group[0].own[0], LEFT + half), WIDTH - RIGHT - half);
    group.forEach((point, i) => { point.place = group.length === 1 ? point.own : [middle + i * step - half, point.own[1]]; });
  }
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
  const inRange = points.filter((p) => data.what === "accuracy" && p.score >= floor);
  const ends = (p) => p.interval.map((end) => Math.max(end, floor));
  const scores = [...points.map((p) => Math.max(p.score, floor)), ...reference, ...inRange.flatMap(ends)];
  const across = scale(points.map((p) => p[x]), axis.log, LEFT, WIDTH - RIGHT, true);
  const up = scale(scores, false, HEIGHT - BOTTOM, TOP, false);
  const y = (p) => up.at(Math.max(p.score, floor));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${data.what} against ${axis.words}`, "aria-describedby": "keys" });
  const rows = up.ticks.filter((tick) => tick <= 1), shares = labels(rows.map((tick) => 100 * tick), (value) => `${value} %`);
  rows.forEach((tick, i) => {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up.at(tick), y2: up.at(tick) }),
      svg("text", { x: LEFT - 7, y: up.at(tick) + 4, "text-anchor": "end" }, shares[i]));
  });
  for (const tick of across.ticks) {
    picture.append(svg("line", { class: "axis", x1: across.at(tick), x2: across.at(tick), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }));
  }
  for (const { middle, text } of spaced(across.at, across.ticks, labels(across.ticks, short))) {
    picture.append(svg("text", { class: "tick", x: middle, y: HEIGHT - BOTTOM + 19, "text-anchor": "middle" }, text));
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
  const faint = (p) => (onFront && !best.includes(p) ? " faint" : "");
  for (const p of shown) p.own = [across.at(p[x]), y(p)];
  setApart(shown);
  for (const p of inRange) {
    const [foot, head] = ends(p).map(up.at), [middle] = p.place;
    picture.append(svg("path", { class: `interval ${look(p).colour}${faint(p)}`, d: `M${middle - 3} ${head}h6m-3 0V${foot}m-3 0h6` }));
  }
  shown.forEach((p, i) => {
    const { colour, shape } = look(p), below = p.score < floor;
    const mark = below ? svg("path", { class: "body", d: "M0 6L6 -4H-6Z" }) : body(shape, 4.6);
    picture.append(svg("g", { class: `point ${colour}${faint(p)}`, transform: `translate(${p.place.join(" ")})`, "data-point": p.index, tabindex: i ? -1 : 0, role: "img", "aria-label": sentence(p) },
      svg("circle", { class: "hit", r: 11 }), mark, svg("circle", { class: "ring", r: 9 })));
  });
  box.replaceChildren(picture);
}

function facts(p) {
  return [
    [data.what, percent(p.score)],
    data.what === "accuracy" ? ["95 % interval", p.interval.map(percent).join(" to ")] : null,
    p.loss_points === null ? null : ["loss", `${p.loss_points.toFixed(2)} points`],
    data.what === "accuracy" ? ["agreement with the CNN", percent(p.agreement)] : null,
    ["memory of the weights", `${short(p.memory_kib)} KiB`],
    ["events per image", short(p.events)],
    p.energy_uj === null ? null : ["energy per image", `${short(p.energy_uj)} µJ`],
    ["latency", `${p.latency_steps} timesteps`],
    p.cores === null ? null : ["cores", short(p.cores)],
    p.output_error === null ? null : ["error of outputs", `${percent(p.output_error)} of their deviation`],
    p.share_of_events === null ? null : ["events of whole frames", percent(p.share_of_events)],
  ].filter((fact) => fact !== null);
}
const sentence = (p) => `${p.name}: ${facts(p).map(([what, value]) => `${what} ${value}`).join(", ")}`;
