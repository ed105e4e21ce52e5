// Small helpers for the document.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** An element with attributes (on… are listeners, a true value is an empty attribute, false and null are none). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Show exactly one of these elements. */
export function showOnly(shown, all) {
  for (const element of all) element.hidden = element !== shown;
}

/** Say something to people who listen to the page. */
export function announce(words) {
  $("announcer").textContent = "";
  setTimeout(() => { $("announcer").textContent = words; }, 50);
}

/** A refusal beside the control it belongs to; nothing: the box goes away. */
export function tell(box, refusal, note = false) {
  box.hidden = !refusal;
  box.classList.toggle("note", note);
  if (!refusal) { box.replaceChildren(); return; }
  const parts = [make("strong", { class: "title" }, refusal.title)];
  if (refusal.detail) parts.push(document.createTextNode(refusal.detail));
  box.replaceChildren(...parts);
}

export const capital = (word) => word.replace(/^./, (letter) => letter.toUpperCase());

/** A note of the server without what it says to programs: "… (neutral of a style, style_neutral of a talk)". */
export const forPeople = (note) => note.replace(/ \([^()]*[a-z]_[a-z][^()]*\)/g, "");

/** 75.2 seconds as 1:15. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 0.05));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A slider that fills up to its thumb and says its value in words. */
export function slider(id, words, onChange) {
  const input = $(id), output = $(`${id}-out`);
  const show = () => {
    const share = (input.value - input.min) / (input.max - input.min);
    input.style.setProperty("--share", `${share * 100}%`);
    output.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { show(); onChange(Number(input.value)); });
  show();
  return show;
}

/** Files that are dropped or chosen: a button that opens the file window, and a place to drop on. */
export function takeFiles({ button, input, place, take }) {
  for (const one of [button].flat()) one.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    if (file) take(file);
  });
  if (!place) return;
  const over = (on) => (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    place.classList.toggle("dropping", on);
  };
  place.addEventListener("dragenter", over(true));
  place.addEventListener("dragover", over(true));
  place.addEventListener("dragleave", over(false));
  place.addEventListener("drop", (event) => {
    over(false)(event);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}
