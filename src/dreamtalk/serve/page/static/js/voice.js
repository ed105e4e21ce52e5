// The voice: a file, a recording, or an example; listening to it again.

import { Refusal, ask, upload } from "./api.js";
import { $, announce, clock, showOnly, takeFiles, tell } from "./dom.js";
import { loudness, openMicrophone, showLoudness, wav } from "./microphone.js";
import { choose, chosen, follow } from "./state.js";
import { colourOf } from "./styles.js";
import { drawWave, peaksOf } from "./waveform.js";

const LONGEST = 300; // s of a recording: the server takes more, a browser's memory is the limit
const SHORTEST = 0.5; // s
const panels = [$("voice-empty"), $("voice-recording"), $("voice-chosen")];
const player = $("player");
let recording = null;
let peaks = null;
let latest = 0; // number of the last sound that was given: what is found of older ones comes too late

export function startVoice() {
  takeFiles({
    button: [$("choose-voice"), $("change-voice")], input: $("file-voice"), place: $("voice-card"), take: takeVoice,
  });
  for (const id of ["record", "record-again"]) $(id).addEventListener("click", record);
  $("record-stop").addEventListener("click", stopRecording);
  $("listen").addEventListener("click", () => (player.paused ? player.play() : player.pause()));
  for (const event of ["play", "pause", "ended", "timeupdate", "seeked"]) player.addEventListener(event, showPlayed);
  $("wave-canvas").addEventListener("click", (event) => {
    if (chosen.speech) player.currentTime = chosen.speech.seconds * event.offsetX / $("wave-canvas").clientWidth;
  });
  new ResizeObserver(draw).observe($("wave"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  follow((now, part) => {
    if (part && "speech" in part && now.speech) showSpeech(now.speech);
    draw();
  });
}

/** Send a sound to the server and choose it. */
export async function takeVoice(file) {
  const number = ++latest;
  tell($("voice-message"), null);
  player.pause();
  $("voice-busy").hidden = false;
  try {
    const [sent, seen] = await Promise.all([upload(file), peaksOf(file)]);
    const silent = sent.kind === "video" && sent.sound === false;
    if (!["audio", "video"].includes(sent.kind) || silent) {
      throw new Refusal(
        0, silent ? `${file.name} has no sound.` : `${file.name} is no sound.`,
        "Choose a sound file, or a video in which somebody speaks.",
      );
    }
    if (number !== latest) return;
    peaks = seen?.peaks ?? null;
    choose({ speech: {
      ref: sent.id, url: URL.createObjectURL(file), title: file.name, seconds: sent.seconds ?? seen?.seconds ?? 0,
      example: false,
    } });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (number === latest) tell($("voice-message"), error);
  } finally { if (number === latest) $("voice-busy").hidden = true; }
}

/** Choose a speech that the server has already. */
export async function takeExampleVoice({ ref, url, title }) {
  const number = ++latest;
  tell($("voice-message"), null);
  $("voice-busy").hidden = true;
  const blob = await (await ask(url)).blob();
  const seen = await peaksOf(blob);
  if (number !== latest) return;
  peaks = seen?.peaks ?? null;
  choose({ speech: { ref, url: URL.createObjectURL(blob), title, seconds: seen?.seconds ?? 0, example: true } });
}

function showSpeech(speech) {
  player.src = speech.url;
  player.onloadedmetadata = () => {
    if (!speech.seconds && Number.isFinite(player.duration)) {
      choose({ speech: { ...speech, seconds: player.duration } });
    }
  };
  $("voice-title").textContent = speech.seconds ? `${speech.title}, ${clock(speech.seconds)}` : speech.title;
  showOnly($("voice-chosen"), panels);
  announce("The voice is ready.");
}

function showPlayed() {
  const playing = !player.paused && !player.ended;
  $("listen").setAttribute("aria-pressed", playing);
  $("listen").setAttribute("aria-label", playing ? "Pause" : "Listen");
  const at = played();
  $("playhead").classList.toggle("on", playing || (at > 0 && at < 1));
  $("playhead").style.left = `${at * 100}%`;
  draw();
  if (playing) requestAnimationFrame(showPlayed);
}

const played = () => (chosen.speech?.seconds ? Math.min(1, player.currentTime / chosen.speech.seconds) : 0);

function draw() {
  const canvas = $("wave-canvas");
  if ($("voice-chosen").hidden || !chosen.speech) return;
  const usual = getComputedStyle(canvas).color;
  const keys = chosen.timeline ? chosen.keys : [];
  const base = keys.length && chosen.styleKind === "name" ? colourOf(chosen.style) : usual;
  drawWave(canvas, peaks, (share) => {
    const now = keys.filter((key) => key.start <= share * chosen.speech.seconds).at(-1);
    return now ? colourOf(now.style) : base;
  }, played());
}

async function record() {
  tell($("voice-message"), null);
  player.pause();
  const take = { pieces: [], samples: 0, rate: 48000, loudest: 0 };
  try {
    take.microphone = await openMicrophone((piece) => heard(take, piece));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tell($("voice-message"), error);
    return;
  }
  take.rate = take.microphone.rate;
  recording = take;
  $("record-time").textContent = clock(0);
  showOnly($("voice-recording"), panels);
  $("record-stop").focus();
  announce("Recording.");
}

function heard(take, piece) {
  take.pieces.push(piece);
  take.samples += piece.length;
  const level = loudness(piece), seconds = take.samples / take.rate;
  take.loudest = Math.max(take.loudest, level);
  showLoudness($("meter"), level);
  $("record-time").textContent = clock(seconds);
  const hint = seconds > 2 && take.loudest < 30 ? "Very quiet. Is this the right microphone?"
    : level > 97 ? "Too loud: move back a little." : "Speak now, about a hand's breadth from the microphone.";
  if ($("record-hint").textContent !== hint) $("record-hint").textContent = hint;
  if (seconds >= LONGEST) stopRecording();
}

/** Stop, and choose what was recorded; nothing when there is no recording. */
export async function stopRecording() {
  const take = recording;
  if (!take) return;
  recording = null;
  await take.microphone.close();
  showOnly($(chosen.speech ? "voice-chosen" : "voice-empty"), panels);
  if (take.samples < SHORTEST * take.rate) {
    tell($("voice-message"), { title: "That was too short.", detail: "Press Record, speak, then press Stop." });
    return;
  }
  await takeVoice(new File([wav(take.pieces, take.rate)], "Recording.wav", { type: "audio/wav" }));
  $("listen").focus();
}
