// What needs no upload: an example picture, example voices, and ready choices of both.

import { Refusal, get } from "./api.js";
import { $, make, tell } from "./dom.js";
import { makeVideo } from "./job.js";
import { choose, chosen } from "./state.js";
import { pictureOf } from "./styles.js";
import { takeExampleVoice } from "./voice.js";

/** voice: which of the server's example voices; keys as in state.js. */
const READY = [
  { name: "Warmly", what: "A sentence by Jane Austen, read kindly", voice: 0, style: "warm", level: 3, intensity: 1.2 },
  { name: "Fuming", what: "The same sentence, much less kindly", voice: 0, style: "angry", level: 3, intensity: 1.2 },
  {
    name: "In all honesty", what: "A machine's voice says what it is", voice: 1, style: "serious", level: 2,
    intensity: 1,
  },
  {
    name: "A change of heart", what: "From calm to happy to surprised", voice: 0, style: "calm", level: 2, intensity: 1,
    keys: [
      { start: 1.6, style: "happy", level: 3, intensity: 1, transition: 0.9 },
      { start: 4.2, style: "surprised", level: 3, intensity: 1, transition: 0.8 },
    ],
  },
];
const PICTURED = 3; // the level of the pictures on the cards
let portraits = [], voices = [];

export async function startExamples() {
  try {
    const all = await get("/v1/examples");
    portraits = all.filter(({ kind }) => ["portrait", "image"].includes(kind));
    voices = all.filter(({ kind }) => ["speech", "audio"].includes(kind));
  } catch (error) { if (!(error instanceof Refusal)) throw error; }
  const ready = READY.filter(({ voice }) => portraits.length && voices[voice]);
  $("gallery").replaceChildren(...ready.map((one) => make("li", {},
    make("button", { type: "button", onclick: () => trying($("gallery-message"), () => makeExample(one)) },
      pictureOf(one.keys?.at(-1).style ?? one.style, PICTURED),
      make("span", { class: "name" }, one.name), make("span", { class: "what" }, one.what)))));
  $("gallery").closest("section").hidden = !ready.length;
  $("hero-example").hidden = !ready.length;
  $("hero-example").addEventListener("click", () => trying($("gallery-message"), () => makeExample(READY[0])));
  $("example-picture").hidden = !portraits.length;
  $("example-voices").hidden = !voices.length;
  for (const voice of voices) {
    const use = () => trying($("voice-message"), () => useVoice(voice));
    $("example-voices").append(make("button", { type: "button", class: "plain", onclick: use }, voice.title));
  }
}

/** Choose the example picture. */
export function useExamplePicture(example = portraits[0]) {
  choose({
    portrait: { ref: `example:${example.name}`, url: example.url, title: example.title, faces: [], example: true },
    face: 0,
  });
}

const useVoice = (voice) => takeExampleVoice({ ref: `example:${voice.name}`, url: voice.url, title: voice.title });

/** Do it; what goes wrong is told in this box. */
async function trying(box, work) {
  tell(box, null);
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tell(box, error);
    box.scrollIntoView({ block: "nearest" });
  }
}

async function makeExample({ voice, style, level, intensity, keys }) {
  if ($("stage").dataset.state === "working") return $("stage").scrollIntoView();
  await useVoice(voices[voice]);
  choose({
    styleKind: "name", style, level, intensity, timeline: Boolean(keys), keys: (keys ?? []).map((key) => ({ ...key })),
  });
  if (!chosen.portrait?.example) useExamplePicture();
  await $("picture").decode().catch(() => { /* the video is made all the same */ });
  await makeVideo();
}
