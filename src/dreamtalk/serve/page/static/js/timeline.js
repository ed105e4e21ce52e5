// Styles over time: marks on the voice that can be added, dragged, moved by keys, changed and removed.

import { $, announce, make } from "./dom.js";
import { choose, chosen, follow, hasLevels } from "./state.js";
import { colourOf, knownStyles, titleOf } from "./styles.js";

const NEXT = ["happy", "surprised", "serious", "sad", "warm", "angry"];
let selected = null;

export function startTimeline() {
  $("timeline-on").addEventListener("change", (event) => {
    choose({ timeline: event.target.checked });
    if (event.target.checked && !chosen.keys.length && chosen.speech) add();
  });
  $("key-add").addEventListener("click", () => add());
  $("key-remove").addEventListener("click", () => remove(selected));
  $("key-style").append(...knownStyles().map(({ name }) => make("option", { value: name }, titleOf(name))));
  for (const field of ["start", "style", "level", "intensity", "transition"]) {
    $(`key-${field}`).addEventListener("change", (event) => set(selected, { [field]: read(event.target, field) }));
  }
  $("wave").addEventListener("dblclick", (event) => {
    const { left, width } = $("wave").getBoundingClientRect();
    if (chosen.timeline) add(longest() * (event.clientX - left) / width);
  });
  new ResizeObserver(place).observe($("wave"));
  follow((now, part) => {
    for (const key of part && "speech" in part ? now.keys : []) key.start = tidy(key.start);
    if (!part || "keys" in part || "timeline" in part || "speech" in part) show(now);
  });
}

const longest = () => chosen.speech?.seconds ?? 0;
const tidy = (seconds) => Math.round(Math.min(Math.max(0, seconds), Math.max(0, longest() - 0.2)) * 10) / 10;

function read(input, field) {
  if (field === "style") return input.value;
  const low = Number(input.min || 0), high = Number(input.max || Infinity), value = Number(input.value);
  return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : low;
}

/** A new change: where it was asked for, else in the middle of the longest stretch without one. */
function add(start = null) {
  if (!longest()) {
    announce("Choose a voice first.");
    return;
  }
  const edges = [0, ...chosen.keys.map((key) => key.start), longest()];
  const gaps = edges.slice(1).map((edge, i) => ({ middle: (edge + edges[i]) / 2, wide: edge - edges[i] }));
  const key = {
    start: tidy(start ?? gaps.reduce((a, b) => (b.wide > a.wide ? b : a)).middle),
    style: NEXT[chosen.keys.length % NEXT.length], level: 3, intensity: 1, transition: 0.8,
  };
  selected = key;
  choose({ keys: sorted([...chosen.keys, key]) });
  focusSelected();
  announce(`Added: ${words(key)}`);
}

function remove(key) {
  const left = chosen.keys.filter((one) => one !== key);
  selected = left[Math.min(chosen.keys.indexOf(key), left.length - 1)] ?? null;
  choose({ keys: left });
  announce("Removed.");
  if (selected) focusSelected(); else $("key-add").focus();
}

/** Change a key in place; it stays selected. */
function set(key, part) {
  if (!key) return;
  Object.assign(key, part);
  key.start = tidy(key.start);
  choose({ keys: sorted(chosen.keys) });
}

const sorted = (keys) => [...keys].sort((a, b) => a.start - b.start);
const words = (key) => `${titleOf(key.style)} from ${key.start.toFixed(1)} seconds`;
const focusSelected = () => $("keys").querySelector('[aria-current="true"]')?.focus();

function show({ timeline, keys, speech }) {
  const on = timeline && Boolean(speech);
  $("timeline-on").checked = timeline;
  $("timeline-editor").hidden = !timeline;
  $("wave").classList.toggle("editing", on);
  $("key-add").disabled = !speech;
  $("timeline-help").textContent = speech
    ? "The marks lie on the voice above. Drag them, or use the arrow keys; Delete removes one; a double click adds one."
    : "Choose a voice first; then marks can be laid on it.";
  if (!keys.includes(selected)) selected = keys[0] ?? null;
  draw(on ? keys : []);
  fill(on ? selected : null);
}

/** The marks: buttons that stay the same elements while they are dragged. */
function draw(keys) {
  const had = [...$("keys").children], held = document.activeElement?.closest?.("#keys button")?.mark;
  while (had.length > keys.length) had.pop().remove();
  while (had.length < keys.length) { had.push(make("li", {}, mark())); $("keys").append(had.at(-1)); }
  keys.forEach((key, i) => {
    const button = had[i].firstElementChild;
    button.mark = key;
    button.style.setProperty("--key", colourOf(key.style));
    button.lastElementChild.textContent = titleOf(key.style);
    button.setAttribute("aria-valuemax", longest().toFixed(1));
    button.setAttribute("aria-valuenow", key.start);
    button.setAttribute("aria-valuetext", words(key));
    button.setAttribute("aria-label", `Change ${i + 1}: ${titleOf(key.style)}`);
    button.setAttribute("aria-current", key === selected);
    if (key === held && document.activeElement !== button) button.focus();
  });
  place();
}

/** Lay the marks at their times, without their names where the next one, or the end, leaves no room for these. */
function place() {
  const wide = $("wave").clientWidth, buttons = [...$("keys").children].map((item) => item.firstElementChild);
  const at = (button) => (button && longest() ? button.mark.start / longest() * wide : wide);
  buttons.forEach((button, i) => {
    button.classList.remove("short");
    button.classList.toggle("short", at(button) + button.offsetWidth > at(buttons[i + 1]));
    const turned = at(button) + button.offsetWidth > wide;
    button.classList.toggle("turned", turned);
    button.style.left = `${turned ? at(button) - button.offsetWidth : at(button)}px`;
  });
}

function mark() {
  const button = make("button", { type: "button", role: "slider", "aria-valuemin": 0 }, make("i"), make("span"));
  const select = () => { selected = button.mark; show(chosen); };
  button.addEventListener("focus", select);
  button.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 1 : 0.1;
    const to = { ArrowLeft: -step, ArrowDown: -step, ArrowRight: step, ArrowUp: step }[event.key];
    const key = button.mark;
    if (to) set(key, { start: key.start + to });
    else if (event.key === "Home") set(key, { start: 0 });
    else if (event.key === "End") set(key, { start: longest() });
    else if (event.key === "Delete" || event.key === "Backspace") remove(key);
    else return;
    event.preventDefault();
  });
  button.addEventListener("pointerdown", (event) => {
    const key = button.mark, from = event.clientX, start = key.start;
    button.setPointerCapture(event.pointerId);
    button.focus();
    const move = ({ clientX }) => set(key, { start: start + (clientX - from) / $("wave").clientWidth * longest() });
    const end = () => { button.removeEventListener("pointermove", move); };
    button.addEventListener("pointermove", move);
    button.addEventListener("pointerup", end, { once: true });
    button.addEventListener("pointercancel", end, { once: true });
  });
  return button;
}

function fill(key) {
  $("key-form").hidden = !key;
  if (!key) return;
  $("key-title").textContent = `Change ${chosen.keys.indexOf(key) + 1} of ${chosen.keys.length}`;
  $("key-start").max = longest().toFixed(1);
  for (const field of ["start", "style", "level", "intensity", "transition"]) $(`key-${field}`).value = key[field];
  $("key-level").disabled = !hasLevels(key.style);
}
