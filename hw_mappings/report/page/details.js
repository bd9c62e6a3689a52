// The shards, use and partners of one core, beside the mesh.
const [PARTNERS, SWATCHES] = [6, 3];
const targetsOf = (core) => {
  const [from, to] = data.pairs.start.slice(core.index, core.index + 2);
  return data.pairs.target.slice(from, to).map((target, n) => [cores[target], data.pairs.messages[from + n]]);
};
const sourcesOf = new Map(cores.map((core) => [core.index, []]));
for (const core of cores) for (const [target, messages] of targetsOf(core)) sourcesOf.get(target.index).push([core, messages]);

let current = cores[0]; // the core that Tab reaches
let marked = [];

function mark(core) {
  for (const cell of marked) cell.classList.remove("here", "target", "source");
  marked = [];
  if (core === null) return;
  const add = (other, kind) => { other.button.classList.add(kind); marked.push(other.button); };
  add(core, "here");
  for (const [target] of targetsOf(core)) if (target !== core) add(target, "target");
  for (const [source] of sourcesOf.get(core.index)) if (source !== core) add(source, "source");
}

function describe(core) {
  document.getElementById("details").replaceChildren(
    element("h3", {}, `Core ${core.core} of chip ${core.chip}`),
    element("small", {}, `column ${core.at[0]}, row ${core.at[1]} of its mesh`),
    ...block("Shards", element("ul", {}, ...core.shards.map(shardLine))),
    ...block("Use", useList(core)),
    ...block(`Traffic, ${perImage}`, trafficList(core)),
    ...partners("Sends most to", targetsOf(core)), ...partners("Receives most from", sourcesOf.get(core.index)),
    ...leftOut(),
  );
}

function leftOut() {
  const [all, here] = [data.pairs.all, data.pairs.target.length];
  return here < all ? [element("p", {}, `Of ${whole(all)} pairs of cores that communicate, this page has the ${whole(here)} with most messages.`)] : [];
}

const block = (title, content) => [element("h4", {}, title), content];
const span = ([start, stop]) => (stop - start === 1 ? String(start) : `${start}–${stop - 1}`);
const shardLine = (shard) => element("li", {}, swatch(shard.layer), ` ${data.layers[shard.layer]}`,
  element("small", {}, `rows ${span(shard.y)}, columns ${span(shard.x)}, channels ${span(shard.c)}: ${counted(neurons(shard), "neuron")}`));

function useList(core) {
  const most = fullest(core);
  return element("dl", {}, ...data.resources.flatMap((resource, index) => {
    const used = core.usage[index];
    if (resource.limit === null) return used ? [element("dt", {}, resource.words), element("dd", {}, `${amount(resource, used)}, no limit`)] : [];
    return [
      element("dt", {}, resource.words), element("dd", {}, `${amount(resource, used)} of ${amount(resource, resource.limit)}`),
      meter(used / Math.max(resource.limit, 1), resource.name === most.name),
    ];
  }));
}

function trafficList(core) {
  const rows = [["messages sent", data.cores.sent], ["messages received", data.cores.received], ["synops", data.cores.synops], ["energy, µJ", data.cores.energy], ["work in a step, µs", data.cores.step]];
  return element("dl", {}, ...rows.filter(([, values]) => values !== null).flatMap(([words, values]) => [element("dt", {}, words), element("dd", {}, digits(values[core.index]))]));
}

function partners(title, found) {
  if (!found.length) return [];
  const most = [...found].sort((a, b) => b[1] - a[1]).slice(0, PARTNERS);
  const list = element("dl", {}, ...most.flatMap(([other, messages]) => [element("dt", {}, ...layersOf(other).slice(0, SWATCHES).map(swatch), ` core ${other.core} of chip ${other.chip}`), element("dd", {}, digits(messages))]));
  const more = found.length - most.length;
  return [...block(title, list), more ? element("p", {}, `and ${more} ${more === 1 ? "other" : "others"}`) : null].filter((node) => node !== null);
}

function visit(core) {
  current.button.tabIndex = -1;
  current = core;
  current.button.tabIndex = 0;
  describe(core);
}
