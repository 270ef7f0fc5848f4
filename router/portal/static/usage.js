// Puts a chart in which one can zoom in the place of the server's, which stays where this fails.
"use strict";
(() => {
  const draw = (figure) => {
    const block = document.getElementById(figure.dataset.plot);
    if (!block || typeof uPlot !== "function") return;
    const data = JSON.parse(block.textContent);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => {
      // A canvas knows no light-dark(): an element is asked what it comes to.
      const probe = document.createElement("i");
      probe.style.color = `var(${name})`;
      figure.append(probe);
      const found = getComputedStyle(probe).color;
      probe.remove();
      return found;
    };
    const [muted, line, accent] = [colour("--muted"), colour("--line"), colour("--accent")];
    const axis = { stroke: muted, font: `11px ${style.fontFamily}`, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const place = document.createElement("div");
    place.className = "plot";
    const label = (start) => data.labels[data.starts.indexOf(start)] ?? "";
    // Where days begin, if there are some; else hours. As many as have room.
    const splits = (plot, _, from, to) => {
      const inside = data.starts.filter((one) => one >= from && one <= to);
      const days = inside.filter((one) => !label(one).includes(":"));
      const some = days.length > 2 ? days : inside;
      const every = Math.ceil(some.length / Math.max(2, Math.floor(plot.width / 90)));
      return some.filter((_, number) => number % every === 0);
    };
    const size = () => ({ width: Math.max(200, figure.clientWidth), height: 220 });
    const options = {
      ...size(),
      legend: { show: false },
      cursor: { y: false, points: { show: false } },
      // Half an hour more on either side, or the outer bars would be cut.
      scales: { x: { range: (_, from, to) => (from === data.starts[0] ? [from - 1800, to + 1800] : [from, to]) }, y: { range: (_, __, most) => [0, most * 1.05 || 1] } },
      axes: [
        { ...axis, splits, values: (_, starts) => starts.map(label) },
        { ...axis, size: 64, values: (_, values) => values.map((one) => String(+(one / data.unit).toPrecision(6))) },
      ],
      series: [{}, { stroke: accent, fill: accent, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 60] }) }],
      hooks: {
        setCursor: [
          (plot) => {
            const at = plot.cursor.idx;
            said.textContent = at == null ? "\u00a0" : `${data.moments[at]}: ${data.texts[at]}`;
          },
        ],
      },
    };
    const said = document.createElement("p");
    said.className = "muted small";
    said.textContent = "\u00a0";
    const kept = figure.firstElementChild;
    try {
      const plot = new uPlot(options, [data.starts, data.values], place);
      kept.classList.add("visually-hidden");
      figure.append(place, said);
      plot.setSize(size());
      new ResizeObserver(() => plot.setSize(size())).observe(figure);
    } catch {
      place.remove();
    }
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-plot]").forEach(draw));
})();
