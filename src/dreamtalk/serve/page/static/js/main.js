// Starts the parts of the page and turns between its three sheets.

import { startExamples, useExamplePicture } from "./examples.js";
import { $ } from "./dom.js";
import { showCount, showTalks } from "./history.js";
import { startJob } from "./job.js";
import { expectLive, startLive, stopLive } from "./live.js";
import { startMore } from "./more.js";
import { closeCamera, startPortrait, takePicture } from "./portrait.js";
import { startResult } from "./result.js";
import { startStyles } from "./styles.js";
import { startTimeline } from "./timeline.js";
import { startVoice, stopRecording, takeVoice } from "./voice.js";

const SHEETS = ["make", "live", "talks"];

/** Show the sheet that the address names. */
function turn() {
  const asked = location.hash.slice(1) || "make";
  const around = document.getElementById(asked)?.closest(".sheet")?.id.slice("page-".length);
  const name = SHEETS.includes(asked) ? asked : around ?? "make";
  for (const sheet of SHEETS) $(`page-${sheet}`).hidden = sheet !== name;
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "live") expectLive(); else stopLive();
  if (name !== "make") { closeCamera(); stopRecording(); }
  if (name === "talks") showTalks();
  if (asked !== name && asked !== "main") document.getElementById(asked)?.focus();
}

function startWelcome() {
  const film = $("welcome"), button = $("welcome-pause");
  const show = () => {
    button.setAttribute("aria-pressed", film.paused);
    button.textContent = film.paused ? "Play" : "Pause";
  };
  film.addEventListener("play", show);
  film.addEventListener("pause", show);
  button.addEventListener("click", () => (film.paused ? film.play() : film.pause()));
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) film.play().catch(show);
  show();
  const here = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  $("where-it-runs").textContent = here
    ? "All of it happens on this computer. Nothing you choose leaves it."
    : `All of it happens on ${location.hostname}. Nothing you choose goes anywhere else.`;
}

/** Files that are dropped beside the two places for them go where they belong, and not into the browser's window. */
function startDropping() {
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (!file || $("page-make").hidden) return;
    if (file.type.startsWith("image/")) takePicture(file);
    else takeVoice(file);
  });
}

window.addEventListener("hashchange", turn);
turn();
startWelcome();
startDropping();
showCount();
startPortrait(() => useExamplePicture());
startVoice();
await startStyles();
startTimeline();
startMore();
await startExamples();
startResult();
startJob();
startLive();
document.documentElement.dataset.ready = "true";
