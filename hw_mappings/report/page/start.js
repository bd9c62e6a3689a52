for (const mark of document.querySelectorAll("[data-layer]")) mark.style.background = layerColour(Number(mark.dataset.layer));
drawBoard();
fitBoard();
paint();
drawHistograms();
drawPlacements();
visit(cores[0]);

const coreOf = (event) => {
  const cell = event.target.closest?.("button.cell");
  return cell ? cores[Number(cell.dataset.index)] : null;
};
board.addEventListener("focusin", (event) => { const core = coreOf(event); if (core) { visit(core); mark(core); } });
board.addEventListener("focusout", () => mark(null));
board.addEventListener("click", (event) => coreOf(event)?.button.focus());
board.addEventListener("mouseover", (event) => { const core = coreOf(event); if (core) { describe(core); mark(core); } });
board.addEventListener("mouseleave", () => { describe(current); mark(document.activeElement === current.button ? current : null); });
board.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (!(event.key in STEPS) && !["Home", "End", "PageUp", "PageDown"].includes(event.key)) return;
  event.preventDefault();
  neighbour(current, event.key)?.button.focus();
});
document.getElementById("colourings").addEventListener("change", paint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
document.getElementById("resource").addEventListener("change", paint);
new ResizeObserver(fitBoard).observe(document.getElementById("scroll"));
