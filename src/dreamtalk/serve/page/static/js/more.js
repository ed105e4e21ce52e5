// The rest of the choices: size, head, seed, background, badge, how much lips and head move.

import { Refusal, upload } from "./api.js";
import { $, slider, takeFiles, tell } from "./dom.js";
import { choose, chosen, follow } from "./state.js";

export function startMore() {
  for (const id of ["size", "blink", "background"]) $(id).addEventListener(
    "change", (event) => choose({ [id]: event.target.value }),
  );
  const times = (value) => `${Math.round(value * 100)} %`;
  const shows = [
    slider("lip-scale", times, (lipScale) => choose({ lipScale })),
    slider("pose-scale", times, (poseScale) => choose({ poseScale })),
  ];
  $("seed").addEventListener(
    "change", (event) => choose({ seed: Math.max(0, Math.floor(Number(event.target.value)) || 0) }),
  );
  $("dice").addEventListener("click", () => choose({ seed: Math.floor(Math.random() * 1000) }));
  $("badge").addEventListener("change", (event) => choose({ badge: event.target.checked }));
  wirePose();
  follow((now) => {
    $("size").value = now.size;
    $("pose").value = now.pose;
    $("blink").value = now.blink;
    $("background").value = now.background;
    $("background-note").hidden = now.background === "keep";
    $("seed").value = now.seed;
    $("badge").checked = now.badge;
    $("badge-note").hidden = now.badge;
    $("lip-scale").value = now.lipScale;
    $("pose-scale").value = now.poseScale;
    for (const show of shows) show();
  });
}

function wirePose() {
  $("pose").addEventListener("change", (event) => {
    tell($("more-message"), null);
    if (event.target.value !== "video") return choose({ pose: event.target.value });
    event.target.value = chosen.pose;
    $("file-pose").click();
  });
  takeFiles({ button: [], input: $("file-pose"), take: async (file) => {
    try {
      const sent = await upload(file);
      if (!["video", "motion", "track"].includes(sent.kind)) {
        throw new Refusal(0, `${file.name} is not a video.`, "Choose a video of somebody whose head moves.");
      }
      $("pose").querySelector('[value="video"]').textContent = `as in ${file.name}`;
      choose({ pose: "video", poseVideo: { id: sent.id, title: file.name } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell($("more-message"), error);
    }
  } });
}
