// The frame on the left shows one thing at a time: nothing yet, the camera, the picture, the work, the result.

import { $, showOnly } from "./dom.js";

const WORDS = {
  empty: "The face", camera: "The face", picture: "The face", working: "In the making", result: "Here it is",
};
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

/** The same, but nothing that is chosen meanwhile takes the place of a video in the making. */
export function showChoice(state) {
  if (stageState() !== "working") showStage(state);
}

export const stageState = () => $("stage").dataset.state;
