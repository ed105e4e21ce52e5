// One video: what is still missing, sending it, watching the work, and what comes of it.

import { Refusal, ask, changes, fetched, get } from "./api.js";
import { $, make, tell } from "./dom.js";
import { remember, thumbnailOf } from "./history.js";
import { chosen, follow, hasLevels, optionsOf } from "./state.js";
import { showResult } from "./result.js";
import { showStage } from "./stage.js";
import { titleOf } from "./styles.js";

const PREVIEW_EVERY = 700; // ms
let watched = null; // {id, stop: AbortController} of the talk on the stage

export function startJob() {
  $("make").addEventListener("click", makeVideo);
  $("cancel").addEventListener("click", cancel);
  $("again").addEventListener("click", () => {
    showStage(chosen.portrait ? "picture" : "empty");
    $("title-stage").focus();
  });
  $("consent").addEventListener("change", () => tell($("make-message"), null));
  let confirmed = ""; // the people that the word was given for: it does not hold for others
  follow((now, part) => {
    if (now.portrait && now.speech) {
      const all = [now.portrait.ref, now.speech.ref, ...lentBy(now)].join(" ");
      if (confirmed && all !== confirmed) $("consent").checked = false;
      confirmed = all;
    }
    $("consent-lent").hidden = !lentBy(now).length;
    if (part && !("seed" in part)) tell($("make-message"), null);
    $("consent-label").hidden = onlyExamples(now);
    $("consent-examples").hidden = !onlyExamples(now);
    const seconds = now.speech?.seconds;
    $("make-hint").textContent = seconds ? `${seconds.toFixed(1)} seconds of video, ${describe(now)}.` : "";
  });
  const last = sessionStorage.getItem("dreamtalk-working");
  if (last) resume(last);
}

/** Go on watching a talk that was in the making when the page was left; also when it has ended since. */
async function resume(id) {
  try {
    await get(`/v1/talks/${id}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status) return sessionStorage.removeItem("dreamtalk-working");
  }
  watch(id);
}

/** Videos of people who lend their manner or head motion. */
const lentBy = ({ styleKind, styleVideo, pose, poseVideo }) => [
  styleKind === "video" && styleVideo?.id, pose === "video" && poseVideo?.id,
].filter(Boolean);

const onlyExamples = (now) => Boolean(now.portrait?.example && now.speech?.example && !lentBy(now).length);

function describe({ styleKind, style, level, timeline, keys }) {
  const much = { 1: ", a hint of it", 2: "", 3: ", in full" }[hasLevels(style) ? level : 2];
  const first = {
    name: `${titleOf(style).toLowerCase()}${much}`, video: "in the style of the video",
    auto: "style as heard in the voice",
  }[styleKind];
  return timeline && keys.length ? `${first}; then ${keys.map((key) => titleOf(key.style).toLowerCase()).join(", ")}` : first;
}

/** A link to a control. */
const goTo = (id) => (event) => {
  event.preventDefault();
  $(id).scrollIntoView({ block: "center" });
  $(id).focus();
};

function missing() {
  const lacks = [];
  if (!chosen.portrait) lacks.push(["a picture of a face", "title-stage"]);
  if (!chosen.speech) lacks.push(["a voice", "title-voice"]);
  if (chosen.styleKind === "video" && !chosen.styleVideo) {
    lacks.push(["the video that the style comes from", "choose-style-video"]);
  }
  if (!onlyExamples(chosen) && !$("consent").checked) {
    lacks.push(["your word that you may use face and voice", "consent"]);
  }
  return lacks;
}

/** Send what is chosen, and show the work. */
export async function makeVideo() {
  const lacks = missing();
  if (lacks.length) {
    const links = lacks.map(([words, id]) => make("li", {}, make("a", { href: `#${id}`, onclick: goTo(id) }, words)));
    $("make-message").replaceChildren(make("strong", { class: "title" }, "Still missing:"),
      make("ul", {}, ...links));
    $("make-message").hidden = false;
    return;
  }
  tell($("make-message"), null);
  const body = {
    portrait: chosen.portrait.ref, audio: chosen.speech.ref, options: optionsOf(chosen), consent: consentWords(),
    format: chosen.background === "transparent" ? "webm" : "mp4",
  };
  $("make").disabled = true;
  $("make").textContent = "Sending …";
  try {
    const { id } = await get("/v1/talks", { method: "POST", body });
    remember({
      id, title: `${styleWords()}: ${chosen.speech.title}`, created: Date.now(), status: "queued",
      picture: await thumbnailOf($("picture")),
    });
    watch(id);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tell($("make-message"), gone(error) ?? error);
    $("make-message").scrollIntoView({ block: "nearest" });
  } finally {
    $("make").disabled = false;
    $("make").textContent = "Make the video";
  }
}

const styleWords = () => ({
  name: titleOf(chosen.style), video: "As in the video", auto: "As it sounds",
}[chosen.styleKind]);

/** Uploads are deleted after some time: say which to choose again. */
function gone(error) {
  if (error.status !== 404) return null;
  return {
    title: "The server has deleted what you chose.",
    detail: "It keeps files for a limited time. Choose the picture and the voice again.",
  };
}

function consentWords() {
  if (onlyExamples(chosen)) return "Examples that come with dreamtalk: public domain or CC0.";
  return `Confirmed on the web page: ${$("consent-text").innerText.replace(/\s+/g, " ").trim()}`; // what is seen of it
}

/** Show a talk while it is made, and its end. */
async function watch(id) {
  watched?.stop.abort();
  const mine = watched = { id, stop: new AbortController() };
  sessionStorage.setItem("dreamtalk-working", id);
  tell($("stage-message"), null);
  $("preview").src = chosen.portrait?.url ?? "pictures/face.svg";
  $("preview").classList.add("waiting");
  showStage("working");
  showProgress({ status: "queued", progress: {} }, {});
  $("stage").scrollIntoView({ block: "start", behavior: "smooth" });
  $("title-stage").focus({ preventScroll: true });
  const pace = {};
  const previews = setInterval(() => pace.running && showPreview(id, mine), PREVIEW_EVERY);
  try {
    for await (const talk of changes(id, mine.stop.signal)) {
      pace.running = talk.status === "running" && (talk.progress?.frames ?? 0) > 0;
      remember({ id, status: talk.status });
      if (talk.status === "done") await showResult(talk);
      else if (talk.status === "failed") back(talk.error ?? {
        title: "The video could not be made.", detail: "Try again.",
      });
      else if (talk.status === "cancelled") back({ title: "Cancelled.", detail: "Nothing was kept." }, true);
      else showProgress(talk, pace);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    back(error);
  } finally {
    clearInterval(previews);
    if (watched === mine && !mine.stop.signal.aborted) sessionStorage.removeItem("dreamtalk-working");
  }
}

/** The picture again, with a message below it. */
function back(message, note = false) {
  showStage(chosen.portrait ? "picture" : "empty");
  tell($("stage-message"), message, note);
}

function showProgress(talk, pace) {
  const { frames = 0, total = 0 } = talk.progress ?? {};
  const ahead = talk.position ?? 0;
  let title = "Getting ready", left = "the first video takes longest";
  if (talk.status === "queued") {
    title = ahead > 1 ? `Waiting: ${ahead - 1} before yours` : "Waiting for its turn";
  } else if (frames > 0 && total > 0) {
    title = `${Math.floor(100 * frames / total)} % made`;
    pace.start ??= { frames, time: performance.now() };
    const done = frames - pace.start.frames, took = (performance.now() - pace.start.time) / 1000;
    if (done > 0 && took > 1) left = timeLeft((total - frames) * took / done);
  }
  if ($("progress-title").textContent !== title) $("progress-title").textContent = title;
  $("progress-left").textContent = left;
  if (frames && total) $("progress").value = 100 * frames / total;
  else $("progress").removeAttribute("value");
  document.title = frames && total ? `${Math.floor(100 * frames / total)} % – dreamtalk` : "dreamtalk";
}

function timeLeft(seconds) {
  if (seconds < 3) return "nearly done";
  if (seconds < 90) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

async function showPreview(id, mine) {
  if (mine.fetching || stageLeft(mine)) return;
  mine.fetching = true;
  try {
    const url = await fetched(`/v1/talks/${id}/preview`), old = $("preview").src;
    if (!url || stageLeft(mine)) return;
    $("preview").src = url;
    $("preview").classList.remove("waiting");
    if (old.startsWith("blob:") && old !== chosen.portrait?.url) URL.revokeObjectURL(old);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error; // none yet
  } finally { mine.fetching = false; }
}

const stageLeft = (mine) => watched !== mine || mine.stop.signal.aborted;

async function cancel() {
  const { id, stop } = watched;
  $("cancel").disabled = true;
  try {
    await ask(`/v1/talks/${id}`, { method: "DELETE" });
    remember({ id, status: "cancelled" });
  } catch (error) { if (!(error instanceof Refusal)) throw error; }
  stop.abort();
  sessionStorage.removeItem("dreamtalk-working");
  document.title = "dreamtalk";
  $("cancel").disabled = false;
  back({ title: "Cancelled.", detail: "Nothing was kept. Change what you like and make it again." }, true);
  $("make").focus({ preventScroll: true });
}
