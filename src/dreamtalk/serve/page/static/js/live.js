// Live: the microphone goes to the server through a WebSocket, frames of the portrait come back (docs/server.md).

import { Refusal, fetched, get } from "./api.js";
import { $, announce, make, tell } from "./dom.js";
import { useExamplePicture } from "./examples.js";
import { fileOf, remember, thumbnailOf } from "./history.js";
import { loudness, openMicrophone, showLoudness, whole } from "./microphone.js";
import { Resampler } from "./resample.js";
import { describe } from "./result.js";
import { chosen, follow, named } from "./state.js";
import { tilesOf } from "./styles.js";

const RATE = 16000; // Hz that the server takes
const HEADER = 16; // bytes before each JPEG
const LEVEL = 3; // of the styles: what is seen for a moment only has to be plain
const SLOW = 15; // pictures per second, below which people are told why it stutters
const CONSENT = "Confirmed on the web page: I may use this face. The voice is spoken into the microphone.";
const FINISHING = 60000; // ms that the server has to finish a recording while the page waits for it
let session = null; // {socket, microphone, shown, recording}

export function startLive() {
  $("live-styles").append(...tilesOf("live-style", "neutral"));
  $("live-styles").addEventListener("change", () => say({ type: "style", style: styleNow(), intensity: 1 }));
  $("live-start").addEventListener("click", start);
  $("live-stop").addEventListener("click", () => { stopLive(); $("live-start").focus(); });
  let shown = null;
  follow(({ portrait }) => {
    if (portrait?.ref !== shown) $("live-consent").checked = false; // the word was given for another face
    shown = portrait?.ref;
    $("live-portrait").textContent = portrait
      ? `Portrait: ${portrait.title}` : "The example portrait. To use your own, choose a picture under Make.";
    $("live-consent-label").hidden = !portrait || portrait.example;
    if (!session) showStill(portrait?.url ?? "pictures/welcome.jpg");
  });
}

/** The sheet is looked at: let the server read its models meanwhile. */
export function expectLive() {
  fetch("/v1/live", { method: "POST" }).catch(() => { /* told when somebody starts */ });
}

const styleNow = () => named($("live-styles").querySelector("input:checked").value, LEVEL);
const say = (message) => session?.socket.readyState === WebSocket.OPEN && session.socket.send(JSON.stringify(message));

async function showStill(url) {
  const picture = make("img", { src: url, alt: "" });
  await picture.decode().catch(() => { /* the frames will show it */ });
  if (session || !picture.naturalWidth) return;
  const canvas = $("live-canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

async function start() {
  tell($("live-message"), null);
  $("live-result").hidden = true;
  if (!chosen.portrait) useExamplePicture();
  if (!chosen.portrait.example && !$("live-consent").checked) {
    tell($("live-message"), { title: "May you use this face?", detail: "Tick the box above if you may." });
    $("live-consent").focus();
    return;
  }
  const mine = session = { socket: null, microphone: null, shown: 0 };
  show("Getting ready: the models are read");
  try {
    await get("/v1/styles"); // asks for the server's key, if it wants one, before the socket does
    mine.microphone = await openMicrophone((piece) => hear(mine, piece));
    if (session !== mine) return void mine.microphone.close();
    mine.resampler = new Resampler(mine.microphone.rate, RATE);
    connect(mine);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    stopLive(error);
  }
}

function connect(mine) {
  const socket = mine.socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    const options = { style: styleNow(), size: Number($("live-size").value), badge: true, face: chosen.face };
    socket.send(JSON.stringify({
      portrait: chosen.portrait.ref, options, format: "jpeg", latency: "live",
      consent: chosen.portrait.example ? null : CONSENT, record: $("live-record").checked,
    }));
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? told(mine, JSON.parse(data)) : draw(mine, data));
  socket.onclose = () => {
    if (session === mine) stopLive({ title: "The connection ended.", detail: "Press Start to speak again." });
  };
}

function told(mine, message) {
  if (message.type === "ready") {
    mine.ready = true;
    show(message.recording ? "Live, recording: speak" : "Live: speak");
    mine.recording = message.recording?.split("/").pop();
    if (mine.recording) {
      remember({
        id: mine.recording, title: `Live: ${chosen.portrait.title}`, created: Date.now(), status: "running",
      });
    }
  } else if (message.type === "late") mine.late = Math.round(message.seconds);
  else if (message.type === "recording_ended") {
    show("Live, no longer recording");
    tell($("live-message"), { title: message.why, detail: "What was recorded until then is kept." }, true);
  } else if (message.type === "error") stopLive(message.error);
}

function hear(mine, piece) {
  showLoudness($("live-meter"), loudness(piece));
  if (!mine.ready || mine.socket.readyState !== WebSocket.OPEN) return;
  mine.socket.send(Int16Array.from(mine.resampler.push(piece), whole).buffer);
}

/** Frames in order: one that is decoded late does not overwrite a newer one. */
async function draw(mine, data) {
  const number = new DataView(data).getUint32(0, true);
  const frame = await createImageBitmap(new Blob([new Uint8Array(data, HEADER)], { type: "image/jpeg" }));
  if (session !== mine || number < mine.shown) return;
  mine.shown = number;
  count(mine);
  const canvas = $("live-canvas");
  if (canvas.width !== frame.width || canvas.height !== frame.height) {
    Object.assign(canvas, { width: frame.width, height: frame.height });
  }
  canvas.getContext("2d").drawImage(frame, 0, 0);
  if (mine.shown && mine.recording && !mine.pictured) {
    mine.pictured = true;
    thumbnailOf(canvas).then((picture) => remember({ id: mine.recording, picture }));
  }
  canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
  frame.close();
}

/** How many pictures come per second, every two seconds. */
function count(mine) {
  const now = performance.now();
  mine.since ??= now;
  mine.pictures = (mine.pictures ?? 0) + 1;
  if (now - mine.since < 2000) return;
  const pace = Math.round(mine.pictures * 1000 / (now - mine.since));
  const smaller = $("live-size").value === "256" ? "" : ", or choose 256 × 256";
  const slow = pace < SLOW ? ` The server's computer is busy: close other programs there${smaller}.` : "";
  const late = mine.late ? ` It has fallen ${mine.late} s behind you: stop and start again to catch up.` : "";
  $("live-pace").textContent = `${pace} ${pace === 1 ? "picture" : "pictures"} per second.${slow}${late}`;
  Object.assign(mine, { since: now, pictures: 0 });
}

function show(words) {
  $("live-status").textContent = words;
  $("live-start").hidden = Boolean(session);
  $("live-stop").hidden = !session;
  $("live-size").disabled = $("live-record").disabled = Boolean(session);
  if (session) $("live-stop").focus();
}

/** End it. why: what went wrong, if anything. */
export function stopLive(why = null) {
  const ended = session;
  if (!ended) return;
  session = null;
  if (ended.socket) {
    ended.socket.onclose = null;
    if (!finish(ended)) ended.socket.close();
  }
  ended.microphone?.close();
  showLoudness($("live-meter"), 0);
  $("live-pace").textContent = "";
  show(ended.recording ? "Stopped. The recording is being finished" : "Stopped");
  if (why) tell($("live-message"), why);
}

/** Where a recording is kept, wait for it. */
function finish({ socket, recording }) {
  if (!recording) return false;
  const over = setTimeout(() => socket.close(), FINISHING);
  const done = async () => {
    clearTimeout(over);
    socket.onclose = null;
    socket.close();
    try { await showRecording(await get(`/v1/talks/${recording}`)); } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell($("live-message"), error);
    }
  };
  socket.onclose = done;
  socket.onmessage = ({ data }) => typeof data === "string" && JSON.parse(data).type === "closed" && done();
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "close" }));
  else done();
  return true;
}

/** talk: as the server tells it. */
async function showRecording(talk) {
  for (let tries = 0; talk.status === "running" && tries < 60; tries++) {
    await new Promise((done) => setTimeout(done, 1000));
    talk = await get(`/v1/talks/${talk.id}`);
  }
  remember({ id: talk.id, status: talk.status });
  if (session) return; // somebody speaks again: it is among the videos
  show("Stopped");
  if (talk.status !== "done") {
    const later = { title: "The recording is still being finished.", detail: "Look under Your videos in a moment." };
    return tell($("live-message"), talk.error ?? later, !talk.error);
  }
  $("live-download").href = await fetched(talk.links.result);
  $("live-download").download = fileOf(talk);
  describe(talk, $("live-facts"), $("live-notes"), $("live-marks"));
  $("live-result").hidden = false;
  announce("The recording is ready.");
}
