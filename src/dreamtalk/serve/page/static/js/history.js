// The videos made in this browser. Only their names and small pictures are kept here; the videos lie on the server.

import { Refusal, ask, fetched, get } from "./api.js";
import { $, announce, make, showOnly } from "./dom.js";

const KEPT = 24;
const STORE = "dreamtalk-talks";
const KEPT_THERE = ["queued", "running", "done"]; // what a click on Delete takes away for ever
const WORDS = {
  queued: "Waiting", running: "In the making", failed: "Could not be made", cancelled: "Cancelled",
  gone: "Deleted by the server after its time",
};

export const talks = () => {
  try { return JSON.parse(localStorage.getItem(STORE)) ?? []; } catch { return []; }
};

/** Add a talk, or change what is known of one. */
export function remember(part) {
  const all = talks(), old = all.find((talk) => talk.id === part.id);
  if (old) Object.assign(old, Object.fromEntries(Object.entries(part).filter(([, value]) => value)));
  else if (part.title) all.unshift(part);
  keep(all.slice(0, KEPT));
}

function keep(all) {
  try { localStorage.setItem(STORE, JSON.stringify(all)); } catch { /* no room, or private mode: nothing is kept */ }
  showCount();
}

export function showCount() {
  const count = talks().filter((talk) => talk.status === "done").length;
  $("talk-count").textContent = count;
  $("talk-count").hidden = !count;
}

/** The name under which a talk is saved. */
export const fileOf = ({ id, format }) => `talk-${id.slice(0, 8)}.${format}`;

/** A small square JPEG of a picture, a canvas or a video's frame, as a data URL. */
export async function thumbnailOf(source) {
  const width = source.videoWidth ?? source.naturalWidth ?? source.width;
  const height = source.videoHeight ?? source.naturalHeight ?? source.height;
  if (!width) return "";
  const side = Math.min(width, height), canvas = make("canvas", { width: 240, height: 240 });
  canvas.getContext("2d").drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, 240, 240);
  return canvas.toDataURL("image/jpeg", 0.72);
}

/** Draw the list, and ask the server what became of those that had not ended. */
export async function showTalks() {
  draw();
  for (const talk of talks().filter(({ status }) => !["failed", "cancelled", "gone"].includes(status))) {
    try {
      const { status } = await get(`/v1/talks/${talk.id}`);
      remember({ id: talk.id, status });
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) remember({ id: talk.id, status: "gone" });
    }
  }
  draw();
}

function draw() {
  const all = talks();
  $("no-talks").hidden = all.length > 0;
  $("talks").replaceChildren(...all.map(card));
}

function card(talk) {
  const frame = make("div", { class: "mount-inner" });
  if (talk.picture) frame.append(make("img", { src: talk.picture, alt: "" }));
  const buttons = make("div", { class: "row" });
  const remove = make("button", { type: "button", class: "small", "aria-label": `Delete ${talk.title}` }, "Delete");
  remove.addEventListener("click", () => forget(talk));
  if (talk.status === "done") {
    const play = make("button", { type: "button", class: "small primary", "aria-label": `Play ${talk.title}` }, "Play");
    play.addEventListener("click", () => show(talk, frame, buttons, play));
    buttons.append(play);
  }
  buttons.append(remove);
  const when = new Date(talk.created).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const state = talk.status === "done" ? when : `${WORDS[talk.status] ?? talk.status}, ${when}`;
  return make(
    "li", { class: "mount" }, frame, make("h2", {}, talk.title), make("p", { class: "quiet" }, state), buttons,
  );
}

async function show(talk, frame, buttons, play) {
  play.disabled = true;
  try {
    const made = await get(`/v1/talks/${talk.id}`), url = await fetched(made.links.result);
    const film = make("video", { src: url, controls: true, playsinline: true, "aria-label": talk.title });
    frame.replaceChildren(film);
    showOnly(null, [play]);
    const saving = (words, href, look, download) => make(
      "a", { class: `button small ${look}`, href, download, "aria-label": `${words}: ${talk.title}` }, words,
    );
    if (made.links.manifest) buttons.prepend(saving("Its signed note", made.links.manifest, "", true));
    buttons.prepend(saving("Download", url, "primary", fileOf(made)));
    film.focus();
    film.play().catch(() => { /* the browser waits for a click */ });
  } catch (error) {
    play.disabled = false;
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 404) { remember({ id: talk.id, status: "gone" }); draw(); announce(WORDS.gone); }
  }
}

/** Whether it is to be deleted indeed. */
async function sure(talk) {
  const dialog = $("delete-dialog");
  $("delete-title").textContent = talk.title;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "ok";
}

async function forget(talk) {
  if (KEPT_THERE.includes(talk.status) && !(await sure(talk))) return;
  try {
    if (talk.status !== "gone") await ask(`/v1/talks/${talk.id}`, { method: "DELETE" });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status !== 404) return;
  }
  keep(talks().filter(({ id }) => id !== talk.id));
  draw();
  announce("Deleted.");
  $("title-talks").focus();
}
