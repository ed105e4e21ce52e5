// The microphone: pieces of sound as they come, their loudness, and a WAV file of them.

import { Refusal } from "./api.js";

/** Open it; hear(piece: Float32Array) is called for every piece. Returns {rate, close}. Throws a Refusal. */
export async function openMicrophone(hear) {
  if (!navigator.mediaDevices) {
    throw new Refusal(
      0, "Here the browser gives no microphone.", "It needs a page on https or on this computer. Choose a sound file.",
    );
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: {
      channelCount: 1, echoCancellation: false, noiseSuppression: true,
    } });
  } catch (error) {
    if (error.name === "NotFoundError") {
      throw new Refusal(0, "No microphone was found.", "Plug one in, or choose a sound file.");
    }
    throw new Refusal(
      0, "The browser may not use the microphone.",
      "Allow it beside the address of this page, or choose a sound file.",
    );
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("microphone_worklet.js", import.meta.url));
  const passer = new AudioWorkletNode(context, "passer", { numberOfOutputs: 0 });
  passer.port.onmessage = ({ data }) => hear(data);
  context.createMediaStreamSource(stream).connect(passer);
  await context.resume();
  const close = () => {
    passer.port.onmessage = null;
    for (const track of stream.getTracks()) track.stop();
    return context.close();
  };
  return { rate: context.sampleRate, close };
}

/** Loudness of a piece, 0 to 100: -60 dB to full. */
export function loudness(piece) {
  let sum = 0;
  for (const sample of piece) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / piece.length + 1e-12);
  return Math.round(Math.min(100, Math.max(0, (decibels + 60) * 100 / 60)));
}

/** Show it on a meter. */
export function showLoudness(meter, level) {
  meter.setAttribute("aria-valuenow", level);
  meter.firstElementChild.style.transform = `scaleX(${level / 100})`;
}

/** A WAV file, 16 bits, one channel. */
export function wav(pieces, rate) {
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * count, true);
  let at = 44;
  for (const piece of pieces) for (const sample of piece) { view.setInt16(at, whole(sample), true); at += 2; }
  return new Blob([view], { type: "audio/wav" });
}

/** A sample in [-1, 1] as 16 bits. */
export const whole = (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
