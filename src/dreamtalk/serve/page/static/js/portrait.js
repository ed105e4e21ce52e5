// The picture: chosen, dropped, pasted, photographed, or the example; and which of its faces speaks.

import { Refusal, upload } from "./api.js";
import { $, announce, make, takeFiles, tell } from "./dom.js";
import { choose, chosen, follow } from "./state.js";
import { showChoice } from "./stage.js";

let stream = null; // of the camera
let latest = 0; // number of the last picture that was given: what is found of older ones comes too late
const NOT_PICTURES = { audio: "sound", video: "a video", motion: "a motion file", timeline: "a timeline" };

export function startPortrait(useExample) {
  takeFiles({
    button: [$("choose-picture"), $("change-picture")], input: $("file-picture"), place: $("frame"), take: takePicture,
  });
  for (const id of ["take-photo", "change-photo"]) $(id).addEventListener("click", openCamera);
  $("camera-shoot").addEventListener("click", shoot);
  $("camera-stop").addEventListener("click", () => { closeCamera(); $("take-photo").focus(); });
  $("example-picture").addEventListener("click", useExample);
  $("faces").addEventListener("change", (event) => choose({ face: Number(event.target.value) }));
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file?.type.startsWith("image/") && !$("page-make").hidden) takePicture(file);
  });
  window.addEventListener("resize", placeFaces);
  follow((now, part) => { if (part && "portrait" in part && now.portrait) showPortrait(now.portrait); });
}

/** Send a picture to the server and choose it. */
export async function takePicture(file) {
  const number = ++latest;
  closeCamera();
  tell($("stage-message"), null);
  $("stage-busy").hidden = false;
  try {
    const sent = await upload(file);
    if (sent.kind !== "image") {
      throw new Refusal(
        0, `${file.name} is ${NOT_PICTURES[sent.kind] ?? "not a picture"}.`,
        "Choose a picture with a face: JPEG, PNG or WebP.",
      );
    }
    if (sent.faces && !sent.faces.length) {
      throw new Refusal(
        0, "There is no face to be seen in this picture.",
        "Choose one in which a face looks at you, sharp and not too small.",
      );
    }
    if (number !== latest) return;
    const title = file.name || "Pasted picture";
    choose({
      portrait: {
        ref: sent.id, url: URL.createObjectURL(file), title, width: sent.width, height: sent.height,
        faces: sent.faces ?? [], example: false,
      },
      face: 0,
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (number === latest) tell($("stage-message"), error);
  } finally { if (number === latest) $("stage-busy").hidden = true; }
}

function showPortrait(portrait) {
  tell($("stage-message"), null);
  $("picture").src = portrait.url;
  $("picture").alt = `The chosen portrait: ${portrait.title}`;
  $("picture-title").textContent = portrait.title;
  const choices = portrait.faces.map((face, place) => make("label", { "data-box": face.box.join(" ") },
    make(
      "input",
      { type: "radio", name: "face", value: place, checked: place === chosen.face, "aria-label": `Face ${place + 1}` },
    ),
    make("span", { "aria-hidden": "true" }, make("b", {}, String(place + 1)))));
  $("faces").replaceChildren(...choices);
  $("faces").classList.toggle("alone", choices.length < 2);
  if (choices.length > 1) {
    tell(
      $("stage-message"),
      {
        title: `${choices.length} faces: which one speaks?`, detail: "Click it in the picture. The largest is chosen.",
      },
      true,
    );
  }
  $("picture").onload = placeFaces;
  showChoice("picture");
  announce(choices.length > 1 ? `${choices.length} faces were found.` : "The picture is ready.");
}

/** Lay the boxes over the picture as it is shown (object-fit: contain). */
function placeFaces() {
  const image = $("picture"), { clientWidth: width, clientHeight: height } = image;
  if (!image.naturalWidth || !chosen.portrait) return;
  const own = {
    width: chosen.portrait.width ?? image.naturalWidth, height: chosen.portrait.height ?? image.naturalHeight,
  };
  const scale = Math.min(width / own.width, height / own.height);
  const left = (width - own.width * scale) / 2, top = (height - own.height * scale) / 2;
  for (const label of $("faces").children) {
    const [x, y, w, h] = label.dataset.box.split(" ").map(Number);
    Object.assign(
      label.style,
      { left: `${left + x * scale}px`, top: `${top + y * scale}px`, width: `${w * scale}px`, height: `${h * scale}px` },
    );
  }
}

async function openCamera() {
  tell($("stage-message"), null);
  if (!navigator.mediaDevices) {
    tell(
      $("stage-message"),
      {
        title: "Here the browser gives no camera.",
        detail: "It needs a page on https or on this computer. Choose a picture instead.",
      },
    );
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: {
      width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user",
    } });
  } catch (error) {
    const none = error.name === "NotFoundError";
    tell($("stage-message"), none
      ? { title: "No camera was found.", detail: "Plug one in, or choose a picture instead." }
      : {
        title: "The browser may not use the camera.",
        detail: "Allow it beside the address of this page, or choose a picture instead.",
      });
    return;
  }
  $("camera").srcObject = stream;
  await $("camera").play();
  showChoice("camera");
  $("camera-shoot").focus();
  announce("The camera is on.");
}

async function shoot() {
  const camera = $("camera"), canvas = make("canvas", { width: camera.videoWidth, height: camera.videoHeight });
  canvas.getContext("2d").drawImage(camera, 0, 0);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  await takePicture(new File([blob], "Photo.jpg", { type: "image/jpeg" }));
}

/** Off, and the picture again. */
export function closeCamera() {
  if (!stream) return;
  for (const track of stream.getTracks()) track.stop();
  stream = null;
  $("camera").srcObject = null;
  showChoice(chosen.portrait ? "picture" : "empty");
}
