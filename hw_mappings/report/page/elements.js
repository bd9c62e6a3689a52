"use strict";
// Elements and numbers. Text always becomes text nodes, never markup.
const data = JSON.parse(document.getElementById("data").textContent);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...children.filter((child) => child !== null));
  return node;
}
const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const drawing = (tag, attributes = {}, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const whole = (value) => Math.round(value).toLocaleString("en-GB");
const digits = (value) => (Math.abs(value) >= 1000 ? whole(value) : value.toLocaleString("en-GB", { maximumSignificantDigits: 3 }));
const counted = (value, noun) => `${digits(value)} ${noun}${value === 1 ? "" : "s"}`;
const brief = (value) => value.toLocaleString("en-GB", { notation: "compact", maximumSignificantDigits: 2 });
const kibibytes = (bits) => `${digits(bits / 8192)} KiB`;
const percent = (value) => `${Math.round(100 * value)} %`;

const meter = (fraction, chosen) => drawing("svg", { class: "meter", "aria-hidden": "true" },
  drawing("rect", { class: chosen ? "chosen" : null, width: `${(100 * fraction).toFixed(2)}%`, height: "100%" }));

// Orange and blue take turns, which everybody tells apart, in four tones; within both, the hue follows the order of the layers.
const TONES = [0.91, 0.73, 0.82, 0.64];
const layerColour = (layer) => {
  const hue = (layer % 2 ? 60 : 200) + (60 * layer) / Math.max(data.layers.length, 8);
  return `oklch(${TONES[(layer >> 1) % TONES.length]} var(--chroma) ${hue.toFixed(1)})`;
};
const swatch = (layer) => {
  const mark = element("span", { class: "swatch" }, String(layer + 1));
  mark.style.background = layerColour(layer);
  return mark;
};
