// The curves of the report, drawn by dygraphs. Uses what report.js defines.
"use strict";

const graphs = [];

const redrawCharts = () => graphs.forEach((graph) => graph.updateOptions({}));

// Columns over one axis: series {label, x, y} become dygraphs' rows. A curve goes on across null, where only
// other series have a point, and has a gap at NaN.
function rowsOf(series) {
  const rows = new Map();
  series.forEach(({ x, y }, column) => {
    x.forEach((at, i) => {
      if (!rows.has(at)) rows.set(at, [at, ...series.map(() => null)]);
      rows.get(at)[column + 1] = y[i] ?? NaN;
    });
  });
  return [...rows.values()].sort((a, b) => a[0] - b[0]);
}

// The mean of the numbers among `values`.
function meanOf(values) {
  const numbers = values.filter((value) => Number.isFinite(value));
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

// Each point as the mean of a series' last `points` ones, its own number among them; a gap stays one. Each
// window is summed by itself: a running sum would not get rid of one huge loss.
function smoothed(series, points) {
  if (points <= 1) return series;
  return series.map(({ y, ...rest }) => ({
    ...rest,
    y: y.map((value, i) => {
      const window = y.slice(Math.max(0, i + 1 - points), i + 1);
      if (Array.isArray(value)) return value.map((own, end) => (Number.isFinite(own) ? meanOf(window.map((of) => of[end])) : NaN));
      return Number.isFinite(value) ? meanOf(window) : NaN;
    }),
  }));
}

function drawMarks(canvas, area, graph) {
  const line = (x, color, dash) => {
    const at = graph.toDomXCoord(x);
    if (at < area.x || at > area.x + area.w) return;
    canvas.save();
    canvas.strokeStyle = color;
    canvas.setLineDash(dash);
    canvas.beginPath();
    canvas.moveTo(at, area.y);
    canvas.lineTo(at, area.y + area.h);
    canvas.stroke();
    canvas.restore();
  };
  for (const run of runs) for (const entry of run.diagnosis ?? []) line(entry.x, style("--mark"), [4, 3]);
  line(shownEpoch, style("--faint"), []);
}

// A run has the same colour in every chart, also where another run has no such curve. Curves beyond the
// palette take its colours again, dashed.
function themed(series) {
  const palette = style("--series").split(/\s+/);
  const dashes = [null, [8, 4], [2, 3]];
  const numbers = series.map(({ color }, i) => color ?? i);
  const colors = numbers.map((n) => palette[n % palette.length]);
  const dashOf = (n) => dashes[Math.floor(n / palette.length) % dashes.length];
  const strokes = series.map(({ label }, i) => [label, { strokePattern: dashOf(numbers[i]) }]);
  return { colors, series: Object.fromEntries(strokes), axisLineColor: style("--line"), gridLineColor: style("--line") };
}

function addChart(parent, { title, hint, series, log = false, range = null, bands = false }) {
  const drawn = series.filter(({ x, y }) => x.length > 0 && (!log || y.some((value) => value > 0)));
  if (drawn.length === 0 || typeof Dygraph === "undefined") return;
  const panel = element("div", undefined, { class: "panel" });
  const legend = element("div", undefined, { class: "legend" });
  const chart = element("div", undefined, { class: "chart", tabindex: "0", role: "group", "aria-label": title });
  panel.append(element("h3", title), chart, legend);
  if (hint) panel.append(element("p", hint, { class: "hint" }));
  parent.append(panel);
  const graph = new Dygraph(chart, rowsOf(drawn), {
    ...themed(drawn),
    labels: ["epoch", ...drawn.map(({ label }) => label)],
    labelsDiv: legend,
    legend: "always",
    xlabel: "epoch",
    logscale: log,
    valueRange: range,
    connectSeparatedPoints: true,
    customBars: bands,
    drawPoints: drawn[0].x.length < 60,
    pointSize: 2,
    strokeWidth: 1.5,
    axes: {
      x: { valueFormatter: (x) => "epoch " + number(x), axisLabelFormatter: (x) => number(x) },
      y: { valueFormatter: (y) => number(y), axisLabelFormatter: (y) => number(y) },
    },
    underlayCallback: drawMarks,
  });
  chart.addEventListener("keydown", (event) => steer(event, graph));
  // All charts are read together: only the one that is steered speaks.
  chart.addEventListener("focus", () => legend.setAttribute("role", "status"));
  chart.addEventListener("blur", () => legend.removeAttribute("role"));
  for (const media of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(media).addEventListener("change", () => graph.updateOptions(themed(drawn)));
  }
  graph.smooth = (points) => graph.updateOptions({ file: rowsOf(smoothed(drawn, points)) });
  graphs.push(graph);
}

// Scales the shown part of the time axis about its middle, or about the point that is read.
function zoom(graph, factor) {
  const [from, to] = graph.xAxisRange();
  const [first, end] = graph.xAxisExtremes();
  const row = graph.getSelection();
  const middle = row >= 0 ? graph.getValue(row, 0) : (from + to) / 2;
  const window = [Math.max(first, middle - (middle - from) * factor), Math.min(end, middle + (to - middle) * factor)];
  if (window[0] <= first && window[1] >= end) graph.resetZoom();
  else graph.updateOptions({ dateWindow: window });
}

function steer(event, graph) {
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (move !== undefined) {
    const row = graph.getSelection();
    const next = row < 0 ? (move > 0 ? 0 : graph.numRows() - 1) : row + move;
    graph.setSelection(Math.min(Math.max(next, 0), graph.numRows() - 1), undefined, undefined, true);
  } else if (event.key === "+" || event.key === "=") zoom(graph, 0.5);
  else if (event.key === "-") zoom(graph, 2);
  else if (event.key === "0" || event.key === "Escape") graph.resetZoom();
  else return;
  event.preventDefault();
}

// One curve for each run that has what `curve` takes from it.
const curves = (curve) =>
  runs.map((run, color) => ({ label: run.name, color, ...curve(run) })).filter(({ x }) => x !== undefined);

const metric = (column) => curves(({ metrics }) => metrics && { x: metrics.x, y: metrics[column] });

const shapes = {
  loss:
    "Healthy: both restless, neither leaving for good. D towards 0 with G rising: D has won and G learns nothing. " +
    "D at 1.39 (2 ln 2): D is guessing.",
  probability:
    "What D believes of real pictures and of G's. Near 1 and 0: D has won. Both at 0.5: D cannot tell, or has not begun to.",
  weight: "They grow slowly. A layer that shoots up goes before a divergence.",
  gradient: "Of the last step before each point. Those of G falling to nothing: D is so sure that G gets no direction.",
};

function norms(kind, network) {
  return (runs[0].norms ?? [])
    .filter(({ layer }) => layer.startsWith(network + "."))
    .map((of) => ({ label: of.layer, x: of.x, y: of[kind].map((y) => (y > 0 ? y : NaN)) }));
}

// Over all layers of a network: the root of the sum of their squares.
function totalNorm(kind, network) {
  return curves((run) => {
    const layers = (run.norms ?? []).filter(({ layer }) => layer.startsWith(network + "."));
    const total = (i) => Math.hypot(...layers.map((of) => of[kind][i] ?? NaN)) || NaN; // zero has no place on a log scale
    return layers.length > 0 && { x: layers[0].x, y: layers[0].x.map((_, i) => total(i)) };
  });
}

function chartsOfOneRun() {
  const m = runs[0].metrics;
  if (!m) return [];
  const curve = (label, column) => ({ label, x: m.x, y: m[column] });
  const layers = (kind, what) =>
    ["G", "D"].map((network) => ({
      title: `${what} of ${network}'s layers`,
      hint: shapes[kind],
      series: norms(kind, network),
      log: true,
    }));
  return [
    { title: "Losses", hint: shapes.loss, series: [curve("D", "d_loss"), curve("G", "g_loss")] },
    {
      title: "Probabilities",
      hint: shapes.probability,
      series: [curve("D(x)", "d_real"), curve("D(G(z))", "d_fake")],
      range: [0, 1.02],
    },
    ...layers("gradient", "Gradient norms"),
    ...layers("weight", "Weight norms"),
    { title: "Speed", series: [curve("images a second", "images_per_second")], range: [0, null] },
  ];
}

function chartsOfSeveralRuns() {
  return [
    { title: "Loss of D", hint: shapes.loss, series: metric("d_loss") },
    { title: "Loss of G", series: metric("g_loss") },
    { title: "D(x)", hint: shapes.probability, series: metric("d_real"), range: [0, 1.02] },
    { title: "D(G(z))", series: metric("d_fake"), range: [0, 1.02] },
    { title: "Gradient norm of G", hint: shapes.gradient, series: totalNorm("gradient", "G"), log: true },
    { title: "Gradient norm of D", series: totalNorm("gradient", "D"), log: true },
    { title: "Speed, images a second", series: metric("images_per_second"), range: [0, null] },
  ];
}

// The numbers of quality.csv, each with the ends of its interval and the same number of reals and of noise.
const qualityNames = () => {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.quality ?? {})))];
  return names.filter((name) => name !== "epoch" && name !== "step" && !/_(low|high|reals|noise)$/.test(name));
};

// One chart for each number, with its interval as a band; of one run also the reals' number, which does not change.
function chartsOfQuality() {
  const column = (quality, name) => quality[name]?.map(parsed);
  return qualityNames().map((name) => {
    const series = curves(({ quality }) => {
      if (!quality?.[name]) return {};
      const [y, low, high] = ["", "_low", "_high"].map((end) => column(quality, name + end));
      return { x: quality.epoch.map(Number), y: y.map((value, i) => [low?.[i] ?? value, value, high?.[i] ?? value]) };
    });
    const quality = runs[0].quality;
    if (!compared) series[0].label = "samples";
    const reals = !compared && column(quality, name + "_reals");
    if (reals) series.push({ label: "reals", color: 7, x: series[0].x, y: reals.map((value) => [value, value, value]) });
    const noise = !compared && quality[name + "_noise"];
    const hint = "With its 95 % interval" + (noise ? `. Of noise: ${number(parsed(last(noise)), 3)}` : "");
    return { title: "Quality: " + name.replaceAll("_", " "), hint, series, bands: true };
  });
}

function showCurves() {
  if (typeof Dygraph === "undefined") {
    byId("zoom").hidden = true;
    byId("charts").append(element("p", "This program was built without dygraphs, which draws the charts; the numbers are in metrics.csv."));
    return;
  }
  for (const chart of compared ? chartsOfSeveralRuns() : chartsOfOneRun()) addChart(byId("charts"), chart);
  for (const chart of chartsOfQuality()) addChart(byId("charts"), chart);
  if (graphs.length === 0) {
    byId("charts").append(element("p", "Nothing has been logged yet."));
    byId("zoom").hidden = true;
    return;
  }
  if (graphs.length > 1) Dygraph.synchronize(graphs, { range: false });
  byId("zoom").addEventListener("click", (event) => {
    const how = event.target.dataset.zoom;
    if (how === "all") graphs[0].resetZoom();
    else if (how) zoom(graphs[0], how === "in" ? 0.5 : 2);
  });
  byId("smooth").addEventListener("input", (event) => {
    const points = Math.max(1, Math.round(Number(event.target.value)) || 1);
    for (const graph of graphs) graph.smooth(points);
  });
}
