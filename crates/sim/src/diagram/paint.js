// Draws what is in sight, and listens to pointers and keys. Follows `page.js` in one script.

const TOP = 46; // pixels: the names of the nodes
const AXIS = matchMedia("(max-width: 760px)").matches ? 82 : 104;
const ARROWS_MAX = 260; // arrows in sight that can be pointed at; the others are thin lines
const DENSE_MAX = 4000; // thin lines in sight
const CUTS_MAX = 24; // bands in sight; more would cover each other
const svg = make("svg", { tabindex: 0, role: "application", "aria-label": "Space-time diagram. Time runs down; each line is a node." });
let waiting = false;

function make(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function soon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; paint(); });
}

// --- Columns ---

const columns = () => data.nodes.map((_, node) => node).filter((node) => shown.has(node));
const rightRoom = () => (stage.clientWidth > 700 ? 150 : 46);
function gap() {
  const count = Math.max(1, columns().length - 1);
  return Math.min(360, Math.max(92, (stage.clientWidth - AXIS - 44 - rightRoom()) / count));
}
const columnsWidth = () => AXIS + 44 + Math.max(0, columns().length - 1) * gap() + rightRoom();

function shorten(text, pixels, size = 11.5) {
  const room = Math.floor(pixels / (size * 0.57));
  if (text.length <= room) return text;
  return room < 4 ? "" : `${text.slice(0, room - 1)}…`;
}

// A label in so many pixels: its end tells requests apart, so that its beginning goes first.
function fit(m, pixels) {
  const attempt = m.attempt ? ` · attempt ${m.attempt + 1}` : "";
  const ending = `${m.kind === "reply" ? " · reply" : ""}${attempt}`;
  const room = Math.floor(pixels / 6.6);
  const whole = m.label + ending;
  if (whole.length <= room) return whole;
  const cut = m.label.lastIndexOf(" ");
  const [method, id] = cut > 0 ? [m.label.slice(0, cut), m.label.slice(cut)] : [m.label, ""];
  for (const rest of [id + ending, id + (attempt || ending), id + (m.attempt ? ` #${m.attempt + 1}` : "")]) {
    if (rest.length + 3 <= room) return `${method.slice(0, room - rest.length - 1)}…${rest}`;
  }
  return shorten(id.trim() || whole, pixels);
}

// Places that are taken by texts; the first comes first.
function places() {
  const taken = [];
  return (x, y, width, height = 13) => {
    const isFree = taken.every((t) => Math.abs(t.x - x) > (t.width + width) / 2 || Math.abs(t.y - y) > (t.height + height) / 2);
    if (isFree) taken.push({ x, y, width, height });
    return isFree;
  };
}

function paint() {
  const [width, height] = [stage.clientWidth, stage.clientHeight];
  const [from, to] = [timeOf(state.top), timeOf(state.top + (height - TOP) / state.scale)];
  const step = gap();
  const xs = new Map(columns().map((node, column) => [node, AXIS + 44 + column * step - state.left]));
  const free = places();
  const back = make("g", { "aria-hidden": "true" });
  paintBack(back, xs, from, to, width, height, free);
  const [signs, violations] = paintMarks(xs, from, to, width, step, free);
  const { arrows, dense, count, thin } = paintArrows(xs, from, to, step, free, height);
  const defs = make("defs", {}, make("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    make("rect", { class: "hatch", width: 2.2, height: 6 })));
  const front = make("g", { "aria-hidden": "true" });
  paintFront(front, xs, from, to, width, height);
  const layer = make("g", { class: state.chosen.size && messages.some((m) => state.chosen.has(m.label)) ? "some-chosen" : "" }, ...arrows);
  svg.replaceChildren(defs, back, make("path", { class: "dense", d: dense }), layer, signs, violations, front);
  if (state.focused !== null) svg.querySelector(`[data-message="${state.focused}"]`)?.focus({ preventScroll: true });
  const hidden = thin ? `, ${thin} of them as thin lines: zoom in or filter` : "";
  status.textContent = `${clock(Math.max(from, 0))} to ${clock(to)}: ${count} messages${hidden}`;
}

function paintBack(back, xs, from, to, width, height, free) {
  cuts.filter((cut) => groups.has("faults") && cut.to >= from && cut.from <= to).slice(0, CUTS_MAX).forEach((cut) => {
    const ends = cut.pairs.filter((pair) => pair.every((node) => xs.has(node)));
    if (ends.length === 0) return;
    const all = ends.flat().map((node) => xs.get(node));
    const [left, right, top, bottom] = [Math.min(...all) - 16, Math.max(...all) + 16, yOf(cut.from), Math.min(yOf(cut.to), height)];
    back.append(make("rect", { class: "cut", x: left, y: top, width: right - left, height: Math.max(3, bottom - top) }));
    const order = [...xs.keys()];
    const isCut = (a, b) => ends.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
    order.slice(1).forEach((node, index) => {
      if (!isCut(order[index], node)) return;
      const x = (xs.get(order[index]) + xs.get(node)) / 2;
      back.append(make("path", { class: "wall", d: `M${x - 2} ${top}V${bottom}M${x + 2} ${top}V${bottom}` }));
    });
    const words = shorten(cut.words, right - left, 12);
    const y = Math.max(top, TOP) + 15;
    if (y < bottom && free((left + right) / 2, y - 4, words.length * 7, 15)) {
      back.append(make("text", { class: "cut-text halo", x: (left + right) / 2, y, "text-anchor": "middle" }, words));
    }
  });
  paintTicks(back, from, to, width, height);
  for (const [node, x] of xs) {
    back.append(make("path", { class: "life", d: `M${x} ${Math.max(TOP - 6, yOf(0) - 8)}V${Math.min(height, yOf(data.end) + 26)}` }));
    for (const s of spans.filter((s) => s.node === node && s.to >= from && s.from <= to).slice(0, 400)) {
      const [top, bottom] = [Math.max(yOf(s.from), TOP - 8), Math.min(yOf(s.to), height)];
      if (s.state === "down") back.append(make("path", { class: "down", d: `M${x} ${top}V${bottom}` }), make("path", { class: "dots", d: `M${x} ${top}V${bottom}` }));
      else back.append(make("rect", { class: "paused", x: x - 7, y: top, width: 14, height: Math.max(2, bottom - top) }));
      const y = Math.max(top, TOP) + 14;
      if (s.state === "paused" && y < bottom + 10 && free(x + 33, y - 4, 46, 15)) back.append(make("text", { class: "cut-text halo", x: x + 11, y }, "paused"));
    }
  }
}

// Moments of events, as far apart as texts are high; where time is sparse, what was folded.
function paintTicks(back, from, to, width, height) {
  let last = -99;
  const places = latency < 2e6 ? 6 : 3;
  const first = Math.max(0, find(times, from) - 1);
  for (let index = first; index < times.length && times[index] <= to; index += 1) {
    const y = yOf(times[index]);
    if (y - last < 22 || y < TOP) {
      if (index > first + 2000) index = Math.max(index, find(times, timeOf(state.top + (last + 22 - TOP) / state.scale)) - 1);
      continue;
    }
    const quiet = index > 0 ? times[index] - times[index - 1] : 0;
    const isFolded = state.folds && quiet > 20 * latency && y - yOf(times[index - 1]) > 40;
    const middle = (y + yOf(times[index - 1] ?? 0)) / 2;
    if (isFolded && middle > TOP + 8) back.append(make("text", { class: "tick", x: AXIS - 8, y: middle + 4, "text-anchor": "end", "font-style": "italic" }, `+ ${span(quiet)}`));
    last = y;
    back.append(make("path", { class: "grid", d: `M${AXIS} ${y}H${width}` }),
      make("text", { class: "tick", x: AXIS - 8, y: y + 4, "text-anchor": "end" }, clock(times[index], places)));
  }
}

// Lines of at most so many characters, and no more than four.
function wrap(text, room) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last === "" || last.length + 1 + word.length <= room) lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
    else lines.push(word);
  }
  return lines.length > 4 ? [...lines.slice(0, 3), `${lines[3]} …`] : lines;
}

const SIGNS = {
  crashed: (x, y) => `M${x - 6.5} ${y - 6.5}l13 13m0 -13l-13 13`,
  restarted: (x, y) => `M${x - 6.5} ${y - 5.5}h13l-6.5 11z`,
  fault: (x, y) => `M${x - 1} ${y - 8}v14m0 -14h10l-3 4l3 4h-10`,
  reset: (x, y) => `M${x} ${y - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z`,
  note: (x, y) => `M${x - 4.6} ${y}a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0 -9.2 0`,
};

function paintMarks(xs, from, to, width, step, free) {
  const passing = messages.filter((m) => m.end >= from && m.sent <= to && passes(m) && m.from !== m.to).slice(0, ARROWS_MAX);
  const courses = passing.map((m) => [xs.get(m.from), yOf(m.sent), m.isLost ? tipOf(m, xs, step) : xs.get(m.to), Math.max(yOf(m.end), yOf(m.sent) + 8)]);
  const [signs, violations] = [make("g"), make("g")];
  for (const mark of marks.filter((m) => m.at >= from && m.at <= to && passesMark(m)).slice(0, 500)) {
    const y = yOf(mark.at);
    const title = make("title", {}, `${clock(mark.at, 6)} ${nodeName(mark.node)}: ${mark.text}`);
    if (mark.sign === "violated") {
      const lines = wrap(`✗ ${mark.text}`, Math.floor((width - AXIS - 24) / 8.3));
      const high = lines.length * 17 + 8;
      violations.append(make("g", { class: "violated" }, title, make("rect", { x: AXIS - 6, y, width, height: high }),
        make("path", { class: "bar", d: `M${AXIS - 6} ${y}H${width}` }),
        ...lines.map((line, index) => make("text", { x: AXIS + 4, y: y + 17 + index * 17 }, line))));
      free(width / 2, y + high / 2, width, high);
      continue;
    }
    const x = mark.node === null ? AXIS + 12 : xs.get(mark.node);
    if (x === undefined) continue;
    const group = make("g", { class: `mark ${mark.sign}` }, title);
    if (mark.node === null) group.append(make("path", { class: "worldwide", d: `M${AXIS} ${y}H${width}` }));
    const height = mark.node === null ? y - 13 : y;
    group.append(make("path", { class: "sign", d: SIGNS[mark.sign](x, height) }));
    const text = mark.sign === "reset" ? `reset ${mark.label}: ${mark.text}` : mark.text;
    const words = shorten(text, mark.node === null ? width - AXIS - 60 : Math.max(step, rightRoom()) - 26, 13);
    const wide = words.length * 6.9;
    const isLast = mark.node === columns().at(-1) && rightRoom() < 100;
    const crossings = (side) => courses.filter(([x1, y1, x2, y2]) => [14, 14 + wide / 2, 13 + wide].some((off) => {
      const along = (x + side * off - x1) / (x2 - x1);
      return along >= 0 && along <= 1 && Math.abs(y1 + (y2 - y1) * along - height) < 12;
    })).length;
    const hasLeft = x - wide - 14 > AXIS;
    const isBusy = hasLeft && mark.node !== null && crossings(1) > crossings(-1);
    const sides = isLast ? [-1] : isBusy ? [-1, 1] : [1, -1];
    for (const [side, off] of [...sides.map((s) => [s, 0]), ...sides.map((s) => [s, 15])]) {
      if (!free(x + side * (13 + wide / 2), height + off, wide, 14)) continue;
      group.append(make("text", { class: "halo", x: x + side * 13, y: height + off + 4, "text-anchor": side < 0 ? "end" : "start" }, words));
      break;
    }
    signs.append(group);
  }
  return [signs, violations];
}

const weight = (m) => (state.chosen.has(m.label) ? 0 : m.isLost || m.attempt > 0 || m.delivered.length > 1 ? 1 : 2);

function paintArrows(xs, from, to, step, free, height) {
  const inSight = messages.filter((m) => m.end >= from && m.sent <= to && passes(m) && xs.has(m.from) && xs.has(m.to));
  const byWeight = inSight.length > ARROWS_MAX ? [...inSight].sort((a, b) => weight(a) - weight(b) || a.sent - b.sent) : inSight;
  const full = byWeight.slice(0, ARROWS_MAX).sort((a, b) => a.sent - b.sent);
  const rest = byWeight.slice(ARROWS_MAX);
  const dense = rest.slice(0, DENSE_MAX).map((m) => `M${xs.get(m.from).toFixed(1)} ${yOf(m.sent).toFixed(1)}L${xs.get(m.to).toFixed(1)} ${yOf(m.end).toFixed(1)}`).join("");
  const labelled = [...full].sort((a, b) => weight(a) - weight(b));
  const drawn = new Map(labelled.map((m) => [m, arrow(m, xs, step, free, height)]));
  return { arrows: full.map((m) => drawn.get(m)), dense, count: inSight.length, thin: rest.length };
}

// Half way, but not on the line of a node that has nothing to do with it.
function tipOf(m, xs, step) {
  const across = Math.round(Math.abs(xs.get(m.to) - xs.get(m.from)) / step);
  const half = across && across % 2 === 0 ? across / 2 - 0.3 : across / 2;
  return xs.get(m.from) + Math.sign(xs.get(m.to) - xs.get(m.from)) * step * half;
}

function arrow(m, xs, step, free, height) {
  const [x, toX, y] = [xs.get(m.from), xs.get(m.to), yOf(m.sent)];
  const way = Math.sign(toX - x) || 1;
  const classes = ["message", m.kind, m.isLost && "lost", m.attempt > 0 && "retry", m.delivered.length > 1 && "twice",
    !m.delivered.length && m.lost === null && "open", state.chosen.has(m.label) && "chosen"].filter(Boolean).join(" ");
  const group = make("g", { class: classes, tabindex: 0, role: "button", "data-message": m.number, "aria-label": story(m).replaceAll("\n", ", ") });
  const half = tipOf(m, xs, step);
  const ends = m.delivered.length ? m.delivered.map((at) => [toX, yOf(at)]) : [[half, Math.max(yOf(m.end), y + 13)]];
  for (const [endX, endY] of ends) {
    if (x === toX) {
      const bow = `M${x} ${y}C${x + 46} ${y} ${x + 46} ${endY} ${x + 6} ${endY}`;
      group.append(make("path", { class: "hit", d: bow }), make("path", { class: "line", d: bow }));
      if (m.delivered.length) group.append(make("path", { class: "head", d: `M${x + 3} ${endY}l9 -4v8z` }));
      continue;
    }
    const long = Math.hypot(endX - x, endY - y);
    const [cos, sin] = [(endX - x) / long, (endY - y) / long];
    const [tipX, tipY] = m.delivered.length ? [endX - cos * 3, endY - sin * 3] : [endX, endY];
    const path = `M${x} ${y}L${tipX - cos * 4} ${tipY - sin * 4}`;
    group.append(make("path", { class: "hit", d: path }), make("path", { class: "line", d: path }));
    const [backX, backY] = [tipX - cos * 9.5, tipY - sin * 9.5];
    if (m.delivered.length) group.append(make("path", { class: "head", d: `M${tipX} ${tipY}L${backX - sin * 4.2} ${backY + cos * 4.2}L${backX + sin * 4.2} ${backY - cos * 4.2}z` }));
  }
  group.append(make("circle", { class: "origin", cx: x + 3 * way, cy: y, r: 2.2 }));
  const [endX, endY] = ends[0];
  if (m.isLost) {
    const [crossX, crossY] = x === toX ? [x + 34, (y + endY) / 2] : [endX, endY];
    group.append(make("path", { class: "cross", d: `M${crossX - 5} ${crossY - 5}l10 10m0 -10l-10 10` }));
    const why = shorten(m.why, step * 0.6);
    const off = way * (10 + why.length * 3.2);
    if (why && free(crossX + off, crossY, why.length * 6.4)) group.append(make("text", { class: "why halo", x: crossX + way * 10, y: crossY + 4, "text-anchor": way < 0 ? "end" : "start" }, why));
  }
  const isInSight = y > TOP - 20 || endY < height + 20;
  if (isInSight) label(group, m, x, y, endX, endY, way, step, free);
  group.addEventListener("click", () => choose(m.label));
  group.addEventListener("focus", () => { state.focused = m.number; const box = group.getBoundingClientRect(); show(m, box.left + box.width / 2, box.bottom); });
  group.addEventListener("blur", () => { tip.hidden = true; });
  group.addEventListener("pointermove", (event) => show(m, event.clientX, event.clientY));
  group.addEventListener("pointerleave", () => { tip.hidden = true; });
  return group;
}

function label(group, m, x, y, endX, endY, way, step, free) {
  const slope = (endY - y) / Math.max(1, Math.abs(endX - x));
  if (slope > 2.5) return;
  const angle = Math.atan(slope) * way;
  const words = fit(m, (step - 20) / Math.cos(angle));
  if (!words) return;
  const wide = words.length * 6.4;
  const across = Math.max(1, Math.round(Math.abs(endX - x) / step));
  for (let column = 0; column < across && column < 4; column += 1) {
    const along = (column + 0.5) * step;
    const [middleX, middleY] = [x + way * along, y + slope * along];
    for (const off of [-7, 9]) {
      if (!free(middleX, middleY + off, wide * Math.cos(angle), 13 + 0.6 * wide * Math.abs(Math.sin(angle)))) continue;
      group.append(make("text", { class: "label halo", "text-anchor": "middle", dy: 4,
        transform: `translate(${middleX - Math.sin(angle) * off} ${middleY + Math.cos(angle) * off}) rotate(${(angle * 180) / Math.PI})` }, words));
      return;
    }
  }
}

function paintFront(front, xs, from, to, width, height) {
  data.phases.forEach(([begin, end, name], index) => {
    if (end < from || begin > to) return;
    const [top, bottom] = [Math.max(yOf(begin), TOP), Math.min(index === data.phases.length - 1 ? height : yOf(end), height)];
    front.append(make("rect", { class: index % 2 ? "phase odd" : "phase", x: 4, y: top, width: 16, height: Math.max(0, bottom - top) }));
    if (bottom - top > name.length * 7) front.append(make("text", { class: "tick", "text-anchor": "middle", transform: `translate(16 ${(top + bottom) / 2}) rotate(-90)` }, name));
  });
  front.append(make("rect", { class: "cover", x: 0, y: 0, width, height: TOP - 6 }));
  for (const [node, x] of xs) {
    const name = shorten(data.nodes[node], Math.min(170, gap() - 30), 13);
    const wide = Math.max(48, name.length * 8 + 18);
    front.append(make("rect", { class: "head-box", x: x - wide / 2, y: 8, width: wide, height: 26, rx: 6 }), make("text", { class: "head-text", x, y: 25.5, "text-anchor": "middle" }, name));
  }
}

// What the signs mean, as they are drawn.
function legend() {
  const line = (kind, end) => make("g", { class: `message ${kind}` }, make("path", { class: "line", d: "M1 9H29" }), make("path", end));
  const head = { class: "head", d: "M38 9l-9.5 -4.2v8.4z" };
  const sign = (kind) => make("g", { class: `mark ${kind}` }, make("path", { class: "sign", d: SIGNS[kind](19, 9) }));
  const samples = [[line("request", head), "request"], [line("reply", head), "reply"], [line("hello", head), "hello"],
    [line("request retry", head), "retry"], [line("request lost", { class: "cross", d: "M25 4l10 10m0 -10l-10 10" }), "lost"],
    [line("request", { class: "head", d: `${head.d}M29 9l-9.5 -4.2v8.4z` }), "arrived twice"], [sign("crashed"), "crash"],
    [sign("restarted"), "restart"], [make("rect", { class: "paused", x: 4, y: 2, width: 30, height: 14 }), "paused"],
    [make("g", {}, make("rect", { class: "cut", x: 0, y: 1, width: 38, height: 16 }), make("path", { class: "wall", d: "M17 1v16M21 1v16" })), "links cut"],
    [sign("fault"), "fault"], [sign("reset"), "connection reset"], [sign("note"), "note"]];
  return element("section", {}, element("h2", {}, "Signs"), element("div", { className: "legend" }, ...samples.map(([sample, words]) =>
    element("span", {}, make("svg", { width: 38, height: 18, "aria-hidden": "true" }, sample), words))));
}

function show(m, x, y) {
  tip.textContent = story(m);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(6, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? Math.max(6, y - box.height - 14) : y + 18}px`;
}

// --- Pointers and keys ---

const held = new Map();
let wasDragged = false;
const spread = () => { const [a, b] = [...held.values()]; return Math.hypot(a.x - b.x, a.y - b.y) || 1; };

svg.addEventListener("pointerdown", (event) => { held.set(event.pointerId, { x: event.clientX, y: event.clientY }); wasDragged = false; });
addEventListener("pointermove", (event) => {
  const last = held.get(event.pointerId);
  if (!last) return;
  const now = { x: event.clientX, y: event.clientY };
  if (!wasDragged && held.size === 1 && Math.hypot(now.x - last.x, now.y - last.y) < 4) return;
  wasDragged = true;
  svg.classList.add("held");
  const before = held.size === 2 ? spread() : 0;
  held.set(event.pointerId, now);
  if (held.size === 2) {
    const [a, b] = [...held.values()];
    return zoomAt(spread() / before, (a.y + b.y) / 2 - stage.getBoundingClientRect().top);
  }
  state.top -= (now.y - last.y) / state.scale;
  state.left -= now.x - last.x;
  limit();
});
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, (event) => { held.delete(event.pointerId); if (held.size === 0) svg.classList.remove("held"); });
svg.addEventListener("click", (event) => { if (wasDragged) { event.stopPropagation(); event.preventDefault(); wasDragged = false; } }, true);
svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    state.left += event.deltaX || event.deltaY;
    return limit();
  }
  zoomAt(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 400), event.clientY - stage.getBoundingClientRect().top);
}, { passive: false });

// The next moment to see, after or before the middle of the screen.
function next(way) {
  const here = timeOf(state.top + (stage.clientHeight - TOP) * 0.4 / state.scale);
  const all = [...moments(), ...marks.filter((m) => m.sign === "violated")].map((m) => m.at).sort((a, b) => a - b);
  const near = latency / 1000;
  const at = way > 0 ? all.find((at) => at > here + near) : all.findLast((at) => at < here - near);
  if (at !== undefined) jump(at);
}

const room = () => (stage.clientHeight - TOP) / state.scale;
const middle = () => (stage.clientHeight + TOP) / 2;
const KEYS = {
  "+": () => zoomAt(1.4, middle()), "=": () => zoomAt(1.4, middle()), "-": () => zoomAt(1 / 1.4, middle()),
  ArrowDown: () => { state.top += room() * 0.12; limit(); }, ArrowUp: () => { state.top -= room() * 0.12; limit(); },
  PageDown: () => { state.top += room() * 0.8; limit(); }, PageUp: () => { state.top -= room() * 0.8; limit(); },
  ArrowRight: () => { state.left += 60; limit(); }, ArrowLeft: () => { state.left -= 60; limit(); },
  Home: () => begin(), 0: () => begin(), a: () => look(0, data.end), n: () => next(1), p: () => next(-1), Escape: () => { tip.hidden = true; choose(null); },
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, aside")) return;
  const focused = event.target.closest?.(".message");
  if (focused && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    return choose(messages.find((m) => String(m.number) === focused.dataset.message)?.label ?? null);
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
svg.addEventListener("focusout", (event) => { if (event.relatedTarget) state.focused = null; });

function begin() {
  state.chosen = new Set(data.focus);
  listChosen();
  start();
}

fold();
build();
stage.append(svg);
list();
begin();
addEventListener("resize", () => { limit(); });
