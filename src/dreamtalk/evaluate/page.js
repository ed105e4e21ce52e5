// The clips of a report: choose a row, sort, filter, and open one. Everything is in the page; nothing is asked of a network.
"use strict";
const root = document.documentElement;
const find = (selector) => document.querySelector(selector);
const make = (tag, fields = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
};

// Colours: as the system says, until the reader chooses.
const theme = find("#theme");
theme.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
find("#print").addEventListener("click", () => window.print());

// A phone begins with the numbers.
if (innerWidth < 640) document.querySelectorAll("#read details").forEach((each) => { each.open = false; });

// Paper shows what is folded, too.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((each) => { each.open = true; });
});
window.addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));

const source = find("#data");
if (source) explore(JSON.parse(source.textContent));

function explore(data) {
  const row = find("#row"), base = find("#base"), set = find("#set"), text = find("#text"), flagged = find("#flagged");
  const metric = find("#metric"), least = find("#least"), most = find("#most");
  const dialog = find("#clip"), table = find("#clip-table table");
  let order = { key: "clip", up: true }, shown = [], opened = -1;

  set.parentElement.hidden = data.sets.length < 2;
  const number = (value, digits) => (value === null || value === undefined ? "–" : (Number(value.toFixed(digits)) || 0).toFixed(digits));
  const valueOf = (clip, index) => {
    const own = clip.values[row.value]?.[index] ?? null;
    if (own === null || base.value === "") return own;
    const other = clip.values[base.value]?.[index] ?? null;
    return other === null ? null : own - other;
  };
  const flagsOf = (clip) => clip.flags.filter((flag) => flag.row === row.value);
  const keyOf = (clip) => {
    if (order.key === "clip") return clip.clip;
    if (order.key === "set") return clip.set;
    if (order.key === "flags") return flagsOf(clip).length;
    return valueOf(clip, order.key);
  };

  function passes(clip) {
    if (set.value && clip.set !== set.value) return false;
    if (!clip.clip.toLowerCase().includes(text.value.trim().toLowerCase())) return false;
    if (flagged.checked && !flagsOf(clip).length) return false;
    if (!clip.values[row.value]) return false;
    if (metric.value === "" || (least.value === "" && most.value === "")) return true;
    const value = valueOf(clip, Number(metric.value));
    if (value === null) return false;
    return (least.value === "" || value >= Number(least.value)) && (most.value === "" || value <= Number(most.value));
  }

  function compare(a, b) {
    const [one, two] = [keyOf(a), keyOf(b)];
    if (one === null || two === null) return (one === null) - (two === null); // what has no value comes last
    const way = typeof one === "string" ? one.localeCompare(two, "en", { numeric: true }) : one - two;
    return order.up ? way : -way;
  }

  function head() {
    const columns = [["clip", "clip"], ...(data.sets.length > 1 ? [["set", "set"]] : []), ["flags", "flags"]];
    data.metrics.forEach((each, index) => { if (hasValues(index)) columns.push([index, each.head]); });
    const line = make("tr");
    for (const [key, title] of columns) {
      const button = make("button", { type: "button", textContent: title });
      const cell = make("th", { scope: "col" }, button);
      if (order.key === key) cell.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      button.addEventListener("click", () => {
        order = { key, up: order.key === key ? !order.up : typeof key === "string" && key !== "flags" };
        draw();
        find("#clip-table th[aria-sort] button").focus();
      });
      line.append(cell);
    }
    return [line, columns.map(([key]) => key)];
  }

  const hasValues = (index) => data.clips.some((clip) => valueOf(clip, index) !== null);

  function draw() {
    shown = data.clips.filter(passes).sort(compare);
    const [line, columns] = head();
    table.tHead.replaceChildren(line);
    table.tBodies[0].replaceChildren(...shown.map((clip, place) => lineOf(clip, place, columns)));
    const difference = base.value ? `, less ${base.value}` : "";
    find("#count").textContent = `${shown.length} of ${data.clips.length} clips: ${row.value}${difference}`;
    find("#none").hidden = shown.length > 0;
  }

  function lineOf(clip, place, columns) {
    const flags = flagsOf(clip), line = make("tr");
    for (const key of columns) {
      const cell = make("td");
      if (key === "clip") {
        const button = make("button", { type: "button", textContent: clip.clip });
        button.addEventListener("click", () => open(place));
        cell.append(button);
      } else if (key === "set") cell.textContent = clip.set;
      else if (key === "flags") cell.textContent = flags.length || "";
      else {
        cell.textContent = number(valueOf(clip, key), data.metrics[key].digits);
        const flag = flags.find((each) => each.metric === key);
        if (flag) { cell.className = "flag"; cell.title = flag.text; }
      }
      line.append(cell);
    }
    return line;
  }

  // One clip.
  function open(place) {
    opened = place;
    const clip = shown[place];
    find("#clip-title").textContent = clip.clip;
    const body = find("#clip-body"), parts = [make("p", { className: "quiet", textContent: clip.set })];
    if (clip.notes.length) parts.push(make("ul", {}, ...clip.notes.map((note) => make("li", { textContent: note }))));
    if (clip.flags.length) {
      parts.push(make("h3", { textContent: "Stands out" }));
      parts.push(make("ul", {}, ...clip.flags.map((flag) => make("li", { textContent: `${flag.row}: ${flag.text}` }))));
    }
    const pictures = document.getElementById(`pictures-${clip.pictures}`);
    if (pictures) parts.push(pictures.content.cloneNode(true));
    parts.push(make("h3", { textContent: "Numbers" }), make("div", { className: "wide", tabIndex: 0 }, numbersOf(clip)));
    body.replaceChildren(...parts);
    find("#before").disabled = place === 0;
    find("#after").disabled = place === shown.length - 1;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }

  function numbersOf(clip) {
    const rows = data.rows.filter((each) => clip.values[each]);
    const heads = ["", ...rows, `among all clips: ${row.value}`].map((textContent) => make("th", { scope: "col", textContent }));
    const lines = data.metrics.flatMap((each, index) => {
      if (rows.every((name) => (clip.values[name][index] ?? null) === null)) return [];
      const cells = rows.map((name) => {
        const flag = clip.flags.find((one) => one.row === name && one.metric === index);
        const textContent = number(clip.values[name][index], each.digits);
        return make("td", flag ? { className: "flag", title: flag.text, textContent } : { textContent });
      });
      const name = make("th", { scope: "row", title: each.definition }, each.head, make("small", { textContent: `good: ${each.good}` }));
      return [make("tr", {}, name, ...cells, make("td", {}, among(clip, index)))];
    });
    return make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
  }

  // Where this clip's value stands: one mark per clip of the same set.
  function among(clip, index) {
    const all = data.clips.filter((each) => each.set === clip.set).map((each) => each.values[row.value]?.[index] ?? null);
    const known = all.filter((value) => value !== null), own = clip.values[row.value]?.[index] ?? null;
    if (own === null || known.length < 2) return "";
    const low = Math.min(...known), reach = Math.max(...known) - low || 1, x = (value) => 5 + 140 * (value - low) / reach;
    const space = "http://www.w3.org/2000/svg";
    const drawn = document.createElementNS(space, "svg");
    const place = [...known].sort((a, b) => a - b).indexOf(own) + 1;
    const label = `${place} of ${known.length}, from the smallest`;
    for (const [name, value] of Object.entries({ viewBox: "0 0 150 20", class: "among", role: "img", "aria-label": label })) drawn.setAttribute(name, value);
    const add = (tag, fields) => {
      const part = document.createElementNS(space, tag);
      for (const [name, value] of Object.entries(fields)) part.setAttribute(name, value);
      drawn.append(part);
    };
    known.forEach((value) => add("line", { class: "axis", x1: x(value), x2: x(value), y1: 5, y2: 15, "stroke-opacity": 0.5 }));
    add("circle", { class: `fill-${data.colours[row.value]}`, cx: x(own), cy: 10, r: 5 });
    return drawn;
  }

  const step = (by) => { if (shown[opened + by]) open(opened + by); };
  find("#before").addEventListener("click", () => step(-1));
  find("#after").addEventListener("click", () => step(1));
  find("#close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way && !event.target.closest(".wide")) step(way); // a wide table scrolls with the same keys
  });
  dialog.addEventListener("close", () => table.tBodies[0].rows[opened]?.querySelector("button").focus());
  table.addEventListener("keydown", (event) => {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key], line = event.target.closest("tbody tr");
    if (!way || !line) return;
    event.preventDefault();
    (way < 0 ? line.previousElementSibling : line.nextElementSibling)?.querySelector("button").focus();
  });
  for (const each of [row, base, set, text, flagged, metric, least, most]) each.addEventListener("input", draw);
  draw();
}
