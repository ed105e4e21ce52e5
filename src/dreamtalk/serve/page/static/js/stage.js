// The frame on the left shows one thing at a time: nothing yet, the camera, the picture, the work, the result.

import { $, showOnly } from "./dom.js";

const WORDS = { empty: "The face", camera: "The face", picture: "The face", working: "In the making", result: "Here it is" };
const PANELS = ["empty", "camera", "picture", "working", "result"].map((state) => $(`panel-${state}`));
const BELOW = ["picture", "working", "result"].map((state) => $(`under-${state}`));

export function showStage(state) {
  $("stage").dataset.state = state;
  $("stage-words").textContent = WORDS[state];
  $("title-stage").querySelector(".step").hidden = state === "working" || state === "result";
  showOnly($(`panel-${state}`), PANELS);
  showOnly($(`under-${state}`), BELOW);
  if (state !== "result") $("film").pause();
}

export const stageState = () => $("stage").dataset.state;
