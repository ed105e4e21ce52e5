// The finished video, and how it is marked.

import { fetched } from "./api.js";
import { $, announce, forPeople, make } from "./dom.js";
import { fileOf, remember, thumbnailOf } from "./history.js";
import { showStage } from "./stage.js";

const RELIABLE = 512; // px of the shorter side, below which the watermark may not be found again (docs/provenance.md)

export function startResult() {
  $("copy-verify").hidden = !navigator.clipboard; // on http it is there on this computer only
  $("copy-verify").addEventListener("click", async () => {
    await navigator.clipboard.writeText($("verify-hint").textContent);
    announce("Copied.");
    $("copy-verify").textContent = "Copied";
    setTimeout(() => { $("copy-verify").textContent = "Copy"; }, 2000);
  });
}

/** Show a talk that is done. talk: as the server tells it. */
export async function showResult(talk) {
  const url = await fetched(talk.links.result), name = fileOf(talk);
  const film = $("film");
  if (film.src) URL.revokeObjectURL(film.src);
  film.src = url;
  const keep = async () => remember({ id: talk.id, status: "done", picture: await thumbnailOf(film) });
  film.addEventListener("loadeddata", keep, { once: true });
  $("download").href = url;
  $("download").download = name;
  $("verify-hint").textContent = `dreamtalk verify ${name}`;
  $("download-manifest").hidden = !talk.links.manifest;
  $("download-manifest").href = talk.links.manifest ?? "";
  describe(talk, $("result-facts"), $("result-notes"), $("marks"));
  document.title = "dreamtalk";
  showStage("result");
  $("stage").scrollIntoView({ block: "nearest" });
  $("title-stage").focus({ preventScroll: true });
  announce("The video is ready.");
  film.play().catch(() => { /* the browser waits for a click: the player is there */ });
}

/** Length, size, notes and marks of a talk that is done, into these places. */
export function describe({ seconds, size, notes, marks, links }, facts, remarks, list) {
  facts.textContent = [
    seconds && `${seconds.toFixed(1)} seconds`, size && `${size.width} × ${size.height} pixels`,
  ].filter(Boolean).join(", ");
  remarks.replaceChildren(...(notes ?? []).map((note) => make("li", {}, forPeople(note))));
  list.replaceChildren(...marksOf(marks ?? {}, size, links.manifest));
}

function marksOf({ badge, watermark, manifest }, size, beside) {
  const small = size && Math.min(size.width, size.height) < RELIABLE;
  const found = small ? "but so small a video may lose it" : "and survives another encoding and scaling";
  const rows = [
    [badge, "Visible badge", "“AI” in a corner of every frame.", "Left out: tell people in another way."],
    [watermark, "Invisible watermark", `It is in every frame, ${found}.`, "Not in this video."],
    [manifest, beside ? "Signed note beside the file" : "Signed note in the file",
      `Says that it was made by AI (C2PA).${beside ? " WebM has no place for it: keep both files together." : ""}`,
      "Only a plain note, not signed."],
  ];
  return rows.map(([on, name, yes, no]) => (
    make("li", on ? {} : { class: "off" }, make("b", {}, name), make("span", {}, on ? yes : no))
  ));
}
