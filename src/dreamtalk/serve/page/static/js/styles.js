// The style: by name, from a video, or automatic; and its intensity.

import { Refusal, get, upload } from "./api.js";
import { $, capital, forPeople, make, showOnly, slider, takeFiles, tell } from "./dom.js";
import { choose, chosen, follow, hasLevels, setLevelled } from "./state.js";

/** Order of the pictures in pictures/styles.webp, which docs/images/make_page.py draws, and of the colours of keys. */
const PICTURES = [
  "neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised", "calm", "excited", "serious",
  "warm",
];
const SHOWN_FIRST = [
  "neutral", "warm", "happy", "excited", "calm", "serious", "surprised", "sad", "fear", "angry", "contempt",
  "disgusted",
];
const COLOURS = {
  neutral: "#8d8578", angry: "#c4372b", contempt: "#7d6b9e", disgusted: "#6f8a3a", fear: "#5a5fb0", happy: "#dd9a1e",
  sad: "#3f76a8", surprised: "#c75f9b", calm: "#3f9183", excited: "#e2702f", serious: "#56606e", warm: "#c98458",
};
const PLAIN = 3; // the level of pictures that are there to tell styles apart
const IN_FULL = "The pictures show the styles in full.";
const AT_LEVEL = "Its picture shows it at the level below, the others show theirs in full.";
let known = SHOWN_FIRST.map((name) => ({ name, note: "" }));

export const colourOf = (style) => COLOURS[style] ?? "#8d8578";
export const knownStyles = () => known;
export const titleOf = (name) => known.find((style) => style.name === name)?.title ?? capital(name);

/** The picture of a style at a level, or an empty tile for one that has none. */
export function pictureOf(style, level) {
  const picture = make("span", { class: "face", "aria-hidden": "true" });
  showPicture(picture, style, level);
  return picture;
}

function showPicture(picture, style, level) {
  const place = PICTURES.indexOf(style);
  picture.classList.toggle("unknown", place < 0);
  picture.style.setProperty("--across", Math.max(0, place));
  picture.style.setProperty("--down", style === "neutral" ? 1 : level - 1);
}

export async function startStyles() {
  try {
    const found = await get("/v1/styles");
    const place = (style) => (SHOWN_FIRST.includes(style.name) ? SHOWN_FIRST.indexOf(style.name) : 99);
    setLevelled(found.filter(({ levels }) => levels.length).map(({ name }) => name));
    known = found.filter(({ name }) => name !== "auto").sort((a, b) => place(a) - place(b));
  } catch (error) { if (!(error instanceof Refusal)) throw error; }
  drawTiles();
  wireKinds();
  wireVideo();
  wireIntensity();
}

/** A radio button with a picture per style. group: its name. */
export function tilesOf(group, checked) {
  return known.map(({ name }) => make("label", {},
    make("input", { type: "radio", name: group, value: name, checked: name === checked }),
    make("span", {}, pictureOf(name, PLAIN), titleOf(name))));
}

function drawTiles() {
  $("styles").append(...tilesOf("style", chosen.style));
  $("styles").addEventListener("change", (event) => choose({ style: event.target.value }));
  $("levels").addEventListener("change", (event) => choose({ level: Number(event.target.value) }));
  follow(({ style, level }) => {
    for (const input of $("styles").querySelectorAll("input")) {
      input.checked = input.value === style;
      showPicture(input.nextElementSibling.firstElementChild, input.value, input.checked ? level : PLAIN);
    }
    for (const input of $("levels").querySelectorAll("input")) input.checked = Number(input.value) === level;
    $("level-row").hidden = !hasLevels(style);
    const said = capital(known.find((one) => one.name === style)?.note ?? "");
    const note = `${said && `${said}. `}${hasLevels(style) && level !== PLAIN ? AT_LEVEL : IN_FULL}`;
    if ($("style-note").textContent !== note) $("style-note").textContent = note;
  });
}

function wireKinds() {
  const panels = { name: $("style-by-name"), video: $("style-by-video"), auto: $("style-by-ear") };
  $("style-kinds").addEventListener("change", (event) => choose({ styleKind: event.target.value }));
  follow(({ styleKind }) => {
    showOnly(panels[styleKind], Object.values(panels));
    for (const input of $("style-kinds").querySelectorAll("input")) input.checked = input.value === styleKind;
  });
}

function wireVideo() {
  const files = { video: null, neutral: null };
  const watch = async (kind, file) => {
    tell($("style-message"), null);
    $("style-busy").hidden = false;
    try {
      const sent = await upload(file);
      const fits = kind === "video" ? ["video", "style", "track"] : ["image", "video"];
      if (!fits.includes(sent.kind)) {
        throw new Refusal(0, `${file.name} is ${sent.kind === "image" ? "a picture" : "not a video"}.`,
          `Choose a ${kind === "video" ? "video in which somebody speaks" : "calm picture of the same person"}.`);
      }
      files[kind] = { id: sent.id, title: file.name };
      const name = $(`style-${kind}-file`).querySelector(".file-name");
      name.textContent = file.name;
      name.classList.remove("quiet");
      if (files.video) await learn(files);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell($("style-message"), error);
    } finally { $("style-busy").hidden = true; }
  };
  takeFiles({
    button: $("choose-style-video"), input: $("file-style-video"), place: $("style-video-file"),
    take: (file) => watch("video", file),
  });
  takeFiles({
    button: $("choose-style-neutral"), input: $("file-style-neutral"), place: $("style-neutral-file"),
    take: (file) => watch("neutral", file),
  });
}

async function learn({ video, neutral }) {
  choose({ styleVideo: null });
  const body = neutral ? { upload: video.id, neutral: neutral.id } : { upload: video.id };
  const style = await get("/v1/styles", { method: "POST", body });
  const notes = (style.notes ?? []).map((note) => make("li", {}, forPeople(note)));
  $("style-notes").replaceChildren(make("li", {}, make("strong", {}, "The style is ready.")), ...notes);
  choose({ styleVideo: { id: style.id, title: video.title } });
}

function wireIntensity() {
  const words = (value) => (value === 0 ? "none" : `${value.toFixed(2).replace(/0$/, "")} ×`);
  const show = slider("intensity", words, (intensity) => choose({ intensity }));
  follow(({ intensity }, part) => {
    if (part && "intensity" in part && Number($("intensity").value) !== intensity) $("intensity").value = intensity;
    show();
  });
}
