// The page: what there is, what is asked for, and where it is on the screen. `paint.js` draws it.
"use strict";

const data = JSON.parse(document.getElementById("trace").textContent);
const KINDS = ["hello", "request", "reply"];
const LISTED_MAX = 300; // entries of a list beside the diagram

const messages = data.messages.map(([number, from, to, kind, label, attempt, sent, delivered, lost, why]) => {
  const end = Math.max(sent, lost ?? 0, ...delivered);
  const isLost = lost !== null && delivered.length === 0;
  const group = isLost ? "lost" : attempt > 0 ? "retries" : "messages";
  return { number, from, to, kind: KINDS[kind], label: data.texts[label], attempt, sent, delivered, lost, end, isLost, group,
    why: why === null ? "" : data.texts[why] };
});
const marks = data.marks.map(([at, node, sign, text, label]) => ({ at, node, sign, text, label: data.texts[label] }));
const spans = data.spans.map(([node, state, from, to]) => ({ node, state, from, to }));
const cuts = data.cuts.map(([from, to, words, pairs]) => ({ from, to, words, pairs }));

const shown = new Set(data.nodes.map((_, node) => node));
if (data.shown) data.nodes.forEach((name, node) => data.shown.includes(name) || shown.delete(node));
const groups = new Set(["messages", "retries", "lost", "faults", "notes"]);
const state = { search: "", folds: true, chosen: new Set(data.focus), top: 0, scale: 1, left: 0, focused: null };

// --- Time: `depth` is time with quiet stretches folded; a pixel is a depth times `state.scale`. ---

const times = [...new Set([0, data.end, ...messages.flatMap((m) => [m.sent, m.end, ...m.delivered]), ...marks.map((m) => m.at),
  ...spans.flatMap((s) => [s.from, s.to]), ...cuts.flatMap((c) => [c.from, c.to])])].sort((a, b) => a - b);
const latencies = messages.filter((m) => m.delivered.length).map((m) => m.delivered[0] - m.sent).sort((a, b) => a - b);
const latency = Math.max(1, latencies[latencies.length >> 1] || data.end / 100 || 1);
let depths = [];

function fold() {
  let depth = 0;
  depths = times.map((at, index) => {
    const step = index === 0 ? 0 : at - times[index - 1];
    const long = 2 * latency;
    if (!state.folds) depth += step;
    else depth += step > long ? long * (1 + 0.12 * Math.log2(step / long)) : Math.max(step, latency * 0.2);
    if (index === 0) depth = 0;
    return depth;
  });
}

// The index of the first of `sorted` that is not below `value`.
function find(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function between(from, to, value) {
  const after = Math.min(Math.max(find(from, value), 1), from.length - 1);
  if (from.length < 2) return to[0] ?? 0;
  const share = (value - from[after - 1]) / (from[after] - from[after - 1] || 1);
  return to[after - 1] + (to[after] - to[after - 1]) * Math.min(Math.max(share, 0), 1);
}

const depthOf = (at) => between(times, depths, at);
const timeOf = (depth) => between(depths, times, depth);
const yOf = (at) => (depthOf(at) - state.top) * state.scale + TOP;
const total = () => depths[depths.length - 1] || latency;

function clock(at, places = 3) {
  const seconds = Math.floor(at / 1e9);
  const rest = String(Math.floor(at % 1e9)).padStart(9, "0");
  return `${seconds}.${rest.slice(0, places)} s`;
}

function span(ns) {
  const [unit, name] = ns >= 1e9 ? [1e9, "s"] : ns >= 1e6 ? [1e6, "ms"] : ns >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  return `${+(ns / unit).toFixed(3)} ${name}`;
}

// --- What passes the filters ---

const finds = (...texts) => state.search === "" || texts.some((text) => text.toLowerCase().includes(state.search));
const passes = (m) => shown.has(m.from) && shown.has(m.to) && groups.has(m.group) && finds(m.label, m.why);
function passesMark(mark) {
  if (mark.sign === "violated") return true;
  if (mark.node !== null && !shown.has(mark.node)) return false;
  return groups.has(mark.sign === "note" ? "notes" : "faults") && finds(mark.text, mark.label);
}

// --- Where to look ---

function look(from, to) {
  const [top, bottom] = [depthOf(from), depthOf(to)];
  const room = Math.max(60, stage.clientHeight - TOP - 40);
  state.scale = Math.min(room / Math.max(bottom - top, latency * 0.5), 120 / latency);
  state.top = (top + bottom) / 2 - room / 2 / state.scale - 10 / state.scale;
  limit();
}

// Moves a moment to the upper third, near enough to read.
function jump(at) {
  state.scale = Math.max(state.scale, 26 / latency);
  state.top = depthOf(at) - (stage.clientHeight - TOP) * 0.4 / state.scale;
  limit();
}

function start() {
  const chosen = messages.filter((m) => state.chosen.has(m.label));
  if (chosen.length === 0) return look(data.view[0], data.view[1]);
  look(Math.min(...chosen.map((m) => m.sent)), Math.max(...chosen.map((m) => m.end)));
  const middle = state.top + (stage.clientHeight - TOP) / 2 / state.scale;
  zoomAt(0.78, TOP + (middle - state.top) * state.scale);
}

function zoomAt(factor, y) {
  const depth = state.top + (y - TOP) / state.scale;
  state.scale *= factor;
  limit();
  state.top = depth - (y - TOP) / state.scale;
  limit();
}

function limit() {
  const room = Math.max(60, stage.clientHeight - TOP);
  const least = (room * 0.9) / total();
  state.scale = Math.min(Math.max(state.scale, least), Math.max(least, 4000 / latency));
  const margin = (room * 0.5) / state.scale;
  state.top = Math.min(Math.max(state.top, -margin), total() + margin - room / state.scale);
  state.top = Math.max(state.top, -margin);
  const hidden = Math.max(0, columnsWidth() - stage.clientWidth);
  state.left = Math.min(Math.max(state.left, 0), hidden);
  tip.hidden = true;
  soon();
}

function choose(label) {
  state.chosen = label === null || (state.chosen.size === 1 && state.chosen.has(label)) ? new Set() : new Set([label]);
  listChosen();
  soon();
}

// --- Elements: text is only ever set as text ---

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function chip(text, isOn, change) {
  const box = element("input", { type: "checkbox", checked: isOn, onchange: () => { change(box.checked); list(); soon(); } });
  return element("label", { className: "chip", title: text }, box, text);
}

const toggle = (set, key) => (isOn) => (isOn ? set.add(key) : set.delete(key));
const stage = element("div", { className: "stage" });
const tip = element("div", { className: "tip", hidden: true, role: "tooltip" });
const chosenList = element("section", { className: "chosen" });
const lists = element("section");
const status = element("span", { role: "status" });

function build() {
  const verdict = data.verdict ? [element("span", { className: `verdict ${data.verdict === "holds" ? "holds" : ""}` }, data.verdict)] : [];
  const search = element("input", { type: "search", placeholder: "Filter by text", "aria-label": "Filter by text in labels and notes",
    oninput: () => { state.search = search.value.trim().toLowerCase(); list(); soon(); } });
  const middle = () => (stage.clientHeight + TOP) / 2;
  const zoom = element("div", { className: "group", role: "group", "aria-label": "Zoom" },
    element("button", { type: "button", title: "Zoom in (+)", "aria-label": "Zoom in", onclick: () => zoomAt(1.5, middle()) }, "+"),
    element("button", { type: "button", title: "Zoom out (−)", "aria-label": "Zoom out", onclick: () => zoomAt(1 / 1.5, middle()) }, "−"),
    element("button", { type: "button", title: "Back to where the page opened (0)", onclick: begin }, "Start"),
    element("button", { type: "button", title: "The whole run (a)", onclick: () => look(0, data.end) }, "Whole run"),
    chip("Fold quiet time", true, (isOn) => {
      const at = timeOf(state.top + (stage.clientHeight - TOP) / 2 / state.scale);
      state.folds = isOn;
      fold();
      jump(at);
    }));
  const kinds = [["messages", "Messages"], ["retries", "Retries"], ["lost", "Lost"], ["faults", "Faults"], ["notes", "Notes"]];
  document.getElementById("app").append(
    element("header", {}, element("h1", {}, data.title || "Space-time diagram"), ...verdict,
      element("span", { className: "facts" }, `${span(data.end)} simulated · trace ${data.hash}`)),
    element("div", { className: "tools" }, zoom, search,
      element("div", { className: "group", role: "group", "aria-label": "Kinds" }, element("b", {}, "Show"),
        ...kinds.map(([key, text]) => chip(text, true, toggle(groups, key)))),
      element("div", { className: "group nodes", role: "group", "aria-label": "Nodes" }, element("b", {}, "Nodes"),
        ...data.nodes.map((name, node) => chip(name, shown.has(node), toggle(shown, node))))),
    stage,
    element("aside", { "aria-label": "Moments" }, chosenList, lists, legend()),
    element("footer", {}, status, element("span", {}, leftOut()),
      element("span", { className: "keys" }, "Keys: arrows move, + − zoom, 0 start, n p next and previous fault, Tab from arrow to arrow, Enter chooses, Esc lets go")),
    tip);
}

function leftOut() {
  const { messages, marks, nodes, events } = data.leftOut;
  const parts = [[messages, "messages"], [marks, "faults and notes"], [nodes, "nodes"], [events, "events past the trace's end"]];
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count.toLocaleString("en")} ${what}`);
  return said.length ? `Not in this page: ${said.join(", ")}.` : "";
}

function entry(at, text, className, go) {
  return element("li", { className }, element("button", { type: "button", onclick: go ?? (() => jump(at)) },
    element("time", {}, clock(at)), element("span", {}, text)));
}

function section(title, entries) {
  if (entries.length === 0) return [];
  const more = entries.length > LISTED_MAX ? [element("li", { className: "facts" }, `and ${entries.length - LISTED_MAX} more`)] : [];
  return [element("h2", {}, `${title} (${entries.length})`),
    element("ul", {}, ...entries.slice(0, LISTED_MAX).map((make) => make()), ...more)];
}

const nodeName = (node) => (node === null ? "world" : data.nodes[node]);

// The moments that the lists and the keys n and p go through.
function moments() {
  const faults = marks.filter((m) => m.sign !== "violated" && m.sign !== "note" && passesMark(m)).map((m) => ({ at: m.at,
    text: `${nodeName(m.node)}: ${m.sign === "reset" ? `reset ${m.label}: ${m.text}` : m.text}` }));
  if (groups.has("faults")) {
    for (const cut of cuts) if (finds(cut.words)) faults.push({ at: cut.from, text: `${cut.words}, for ${span(cut.to - cut.from)}` });
    for (const s of spans) {
      if (s.state === "paused" && shown.has(s.node) && finds("paused")) faults.push({ at: s.from, text: `${nodeName(s.node)}: paused for ${span(s.to - s.from)}` });
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

function list() {
  const notes = marks.filter((m) => m.sign === "note" && passesMark(m));
  const violations = marks.filter((m) => m.sign === "violated");
  const losses = messages.filter((m) => m.isLost && passes(m));
  lists.replaceChildren(
    ...section("Violations", violations.map((m) => () => entry(m.at, m.text, "violated"))),
    ...section("Faults", moments().map((m) => () => entry(m.at, m.text, "world"))),
    ...section("Lost messages", losses.map((m) => () => entry(m.sent, `${m.label}: ${m.why}`, "lost", () => { jump(m.sent); state.chosen = new Set([m.label]); listChosen(); }))),
    ...section("Notes", notes.map((m) => () => entry(m.at, `${nodeName(m.node)}: ${m.text}`, "note"))));
}

function listChosen() {
  const found = messages.filter((m) => state.chosen.has(m.label));
  if (found.length === 0) return chosenList.replaceChildren();
  const entries = found.slice(0, LISTED_MAX).map((m) => entry(m.sent, `${m.kind}${m.attempt ? `, attempt ${m.attempt + 1}` : ""}, ${nodeName(m.from)} → ${nodeName(m.to)}: ${fate(m)}`,
    m.isLost ? "lost" : m.attempt ? "retry" : ""));
  chosenList.replaceChildren(element("h2", {}, [...state.chosen].join(", "),
    element("button", { type: "button", title: "Let go (Esc)", onclick: () => choose(null) }, "Clear")), element("ul", {}, ...entries));
}

function fate(m) {
  if (m.delivered.length > 1) return `arrived ${m.delivered.length} times`;
  if (m.delivered.length === 1) return `arrived after ${span(m.delivered[0] - m.sent)}`;
  return m.lost === null ? "under way" : `lost, ${m.why}`;
}

function story(m) {
  const arrivals = m.delivered.map((at) => `arrived ${clock(at, 6)} after ${span(at - m.sent)}`);
  const lost = m.lost === null ? [] : [`lost ${clock(m.lost, 6)}: ${m.why}`];
  return [`${m.kind} ${m.label}`, `attempt ${m.attempt + 1}, ${nodeName(m.from)} → ${nodeName(m.to)}`, `sent ${clock(m.sent, 6)}`,
    ...arrivals, ...(arrivals.length || lost.length ? lost : ["under way when the trace ends"])].join("\n");
}
