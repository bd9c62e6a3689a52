"use strict";
/** Make an element of a namespace with attributes and children; a text child is never parsed as markup. */
function made(space, tag, attributes = {}, ...children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}
const html = (tag, attributes, ...children) => made(null, tag, attributes, ...children);
const svg = (tag, attributes, ...children) => made("http://www.w3.org/2000/svg", tag, attributes, ...children);

/** Return a number with few digits. */
function short(value) {
  if (value === null || value === undefined) return "n/a";
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(4)} M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toPrecision(4)} k`;
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}
const percent = (value) => `${(100 * value).toFixed(2)} %`;
