// Fills the report's page from the JSON in #data: an array of runs, as read_run() in apps/report/run_data.cpp makes them.
"use strict";

const runs = JSON.parse(document.getElementById("data").textContent);
const compared = runs.length > 1;
let shownEpoch = 0;
let playing = null; // the timer of the film

const byId = (id) => document.getElementById(id);

// An element with text, never markup: names and messages come from files.
function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (x, digits = 4) => (Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : "–");
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const last = (values) => values[values.length - 1];
// In JSON a number that is not finite is null.
const known = (values) => values.filter((value) => value !== null);

// The entries of config.json, those of a section under its name: "schedule.epochs".
const isSection = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const settingsOf = ({ config }) =>
  Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      isSection(value) ? Object.entries(value).map(([inner, of]) => [`${key}.${inner}`, of]) : [[key, value]],
    ),
  );

// ---- what the page is about ----

// How far a run is, in what its configuration counts.
function progressOf(run) {
  const settings = settingsOf(run);
  const steps = settings["schedule.steps"] ?? settings.steps;
  const [done, wanted, what] =
    steps > 0
      ? [run.metrics ? last(run.metrics.step) : 0, steps, "step"]
      : [run.epochs_done, settings["schedule.epochs"] ?? settings.epochs, "epoch"];
  return { all: !(done < wanted), text: done < wanted ? `${done} of ${count(wanted, what)}` : count(done, what) };
}

// A run that was killed, or comes from an earlier version, has not written how it ended.
function statusOf(run) {
  const { all, text } = progressOf(run);
  const ended = run.about?.ended;
  if (ended) return `${ended} after ${text}`;
  return all ? text : `${text} so far: reload this page for the newest`;
}

function showStatus() {
  const title = compared ? runs.map((run) => run.name).join(" / ") : runs[0].name;
  document.title = title + " – Duel report";
  byId("title").textContent = title;
  byId("status").textContent = runs
    .map((run) => {
      const parts = [statusOf(run)];
      if (run.about) parts.push(run.about.data, run.about.machine);
      return (compared ? run.name + ": " : "") + parts.join(", ");
    })
    .join("; ");
  for (const run of runs) {
    for (const line of run.left_out) byId("film").append(element("p", "Left out: " + line, { class: "hint" }));
  }
}

function showDiagnosis() {
  const list = byId("diagnosis-lines");
  for (const run of runs) {
    for (const line of run.diagnosis ?? []) {
      const item = element("li");
      const go = element("button", "epoch " + line.epoch, { type: "button" });
      go.addEventListener("click", () => {
        stopFilm();
        showEpoch(line.epoch);
      });
      // Many lines begin with their cause: it is not said twice.
      const rest = line.text.startsWith(line.cause) ? line.text.slice(line.cause.length) : ": " + line.text;
      item.append(go, compared ? run.name + ": " : "", element("strong", line.cause), rest);
      list.append(item);
    }
  }
  byId("diagnosis").hidden = list.children.length === 0;
}

// ---- the film ----

const frameEpochs = [...new Set(runs.flatMap((run) => run.film.frames.map((frame) => frame.epoch)))].sort((a, b) => a - b);

// The picture of an epoch, or of the last one before it that the run has.
function frameOf(run, epoch) {
  const earlier = run.film.frames.filter((frame) => frame.epoch <= epoch);
  return earlier.length > 0 ? last(earlier) : run.film.frames[0];
}

function showEpoch(epoch) {
  shownEpoch = epoch;
  const slider = byId("epoch");
  slider.value = Math.max(0, frameEpochs.filter((at) => at <= epoch).length - 1); // where the picture is from
  slider.setAttribute("aria-valuetext", "epoch " + epoch);
  byId("epoch-shown").textContent = epoch;
  runs.forEach((run, i) => {
    const frame = frameOf(run, epoch);
    if (!frame) return;
    const picture = byId("frame-" + i);
    picture.src = "data:image/png;base64," + frame.png;
    picture.alt = `Pictures that G of ${run.name} made after epoch ${frame.epoch}`;
    byId("caption-" + i).textContent = (compared ? run.name + ", " : "") + `after epoch ${frame.epoch}`;
  });
  redrawCharts(); // with the line at the epoch
}

function addPicture(caption, attributes, captionAttributes = {}) {
  const figure = element("figure");
  figure.append(element("img", undefined, attributes), element("figcaption", caption, captionAttributes));
  byId("frames").append(figure);
}

function stopFilm() {
  clearInterval(playing);
  playing = null;
  byId("play").textContent = "Play";
}

function playFilm() {
  const slider = byId("epoch");
  const step = () => {
    if (Number(slider.value) >= frameEpochs.length - 1) return stopFilm();
    showEpoch(frameEpochs[Number(slider.value) + 1]);
  };
  byId("play").addEventListener("click", () => {
    if (playing !== null) return stopFilm();
    if (Number(slider.value) >= frameEpochs.length - 1) showEpoch(frameEpochs[0]);
    playing = setInterval(step, 400);
    byId("play").textContent = "Pause";
  });
  slider.addEventListener("input", () => {
    stopFilm();
    showEpoch(frameEpochs[Number(slider.value)]);
  });
}

function showFilm() {
  if (frameEpochs.length === 0) {
    byId("film").querySelector(".controls").hidden = true;
    byId("frames").append(element("p", "No epoch has ended yet."));
    return;
  }
  runs.forEach((run, i) => {
    if (run.film.frames.length > 0) addPicture("", { id: "frame-" + i }, { id: "caption-" + i });
    const { of, frames } = run.film;
    if (frames.length < of) {
      const left = `${run.name}: ${frames.length} of ${count(of, "epoch")} are shown, to keep this page small; all are in samples/.`;
      byId("film").append(element("p", left, { class: "hint" }));
    }
  });
  if (!compared && runs[0].reals) {
    addPicture("from the data", { src: "data:image/png;base64," + runs[0].reals, alt: "Pictures of the data" });
  }
  byId("epoch").max = frameEpochs.length - 1;
  playFilm();
  showEpoch(last(frameEpochs));
}

// ---- tables ----

function addRow(table, head, fields, attributes = {}, numeric = false) {
  const row = element("tr", undefined, attributes);
  row.append(element("th", head, { scope: "row" }));
  for (const field of fields) row.append(element("td", field, numeric ? { class: "number" } : {}));
  table.append(row);
}

function headRow(table) {
  const row = element("tr");
  row.append(element("td"), ...runs.map((run) => element("th", run.name, { scope: "col" })));
  table.append(row);
}

function meanOfLastEpoch(run, column) {
  if (!run.metrics) return null;
  const epoch = last(run.metrics.epoch);
  return meanOf(run.metrics[column].filter((_, i) => run.metrics.epoch[i] === epoch));
}

function medianSpeed(run) {
  if (!run.metrics) return null;
  const speeds = known(run.metrics.images_per_second).sort((a, b) => a - b);
  return speeds.length > 0 ? speeds[Math.floor(speeds.length / 2)] : null;
}

function showNumbers() {
  const table = byId("last");
  headRow(table);
  addRow(table, "epochs done", runs.map((run) => String(run.epochs_done)), {}, true);
  const names = { d_loss: "loss of D", g_loss: "loss of G", d_real: "D(x)", d_fake: "D(G(z))" };
  for (const [column, name] of Object.entries(names)) {
    addRow(table, name + ", mean of the last epoch's lines", runs.map((run) => number(meanOfLastEpoch(run, column))), {}, true);
  }
  addRow(table, "images a second, median", runs.map((run) => number(medianSpeed(run), 3)), {}, true);
  showQuality(table);
}

// A field of quality.csv.
const parsed = (text) => (text === "" ? NaN : Number(text));

// The last row of quality.csv: each number with its interval, and what reals and noise have.
function showQuality(table) {
  if (qualityNames().length === 0) return;
  const text = (run, name) => (run.quality?.[name] ? number(parsed(last(run.quality[name])), 3) : undefined);
  const field = (run, name) => {
    if (text(run, name) === undefined) return "–";
    const others = ["reals", "noise"].map((of) => [of, text(run, `${name}_${of}`)]).filter(([, value]) => value !== undefined);
    const beside = others.map(([of, value]) => `${of} ${value}`).join(", ");
    return `${text(run, name)} [${text(run, name + "_low")}, ${text(run, name + "_high")}]` + (beside && ` (${beside})`);
  };
  addRow(table, "quality numbers after epoch", runs.map((run) => text(run, "epoch") ?? "–"), {}, true);
  for (const name of qualityNames()) addRow(table, name.replaceAll("_", " "), runs.map((run) => field(run, name)), {}, true);
}

function showNetworks() {
  for (const run of runs) {
    if (compared) byId("networks").append(element("h3", run.name));
    const text = run.about ? run.about.networks + run.about.work : "Not recorded: about.json is not in the run's folder.";
    byId("networks").append(element("pre", text, { tabindex: "0" }));
  }
}

// Layers are objects in lists.
const shown = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function showConfiguration() {
  const table = byId("config");
  headRow(table);
  const settings = runs.map(settingsOf);
  for (const key of [...new Set(settings.flatMap((of) => Object.keys(of)))]) {
    const values = settings.map((of) => (of[key] === undefined ? "–" : shown(of[key])));
    addRow(table, key, values, new Set(values).size > 1 ? { class: "differs" } : {});
  }
}

showStatus();
showDiagnosis();
showCurves();
showFilm();
showNumbers();
showNetworks();
showConfiguration();
