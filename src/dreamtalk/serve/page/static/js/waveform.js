// A sound as bars, coloured by the style that rules there.

const STEP = 5, WIDTH = 3; // CSS px from bar to bar, and of a bar

/** Peaks of a sound file, 0 to 1, `count` of them, and its seconds; null where this browser cannot read it. */
export async function peaksOf(blob, count = 400) {
  if (blob.size > 60_000_000) return null;
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await blob.arrayBuffer());
  } catch { return null; }
  const samples = sound.getChannelData(0), peaks = new Float32Array(count);
  for (let i = 0; i < samples.length; i++) {
    const at = Math.floor(i * count / samples.length);
    peaks[at] = Math.max(peaks[at], Math.abs(samples[i]));
  }
  const most = Math.max(...peaks, 0.02);
  return { peaks: peaks.map((peak) => peak / most), seconds: sound.duration };
}

/** Draw the bars. colourAt(share): the colour at a share of the length; played: share that was heard already. */
export function drawWave(canvas, peaks, colourAt, played) {
  const scale = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const brush = canvas.getContext("2d");
  brush.scale(scale, scale);
  const bars = Math.floor(width / STEP), count = peaks?.length ?? 0;
  for (let bar = 0; bar < bars; bar++) {
    const first = Math.floor(bar * count / bars), end = Math.max(first + 1, Math.floor((bar + 1) * count / bars));
    let peak = peaks ? 0 : 0.25;
    for (let i = first; peaks && i < end; i++) peak = Math.max(peak, peaks[i]);
    const tall = Math.max(WIDTH, peak ** 0.7 * (height - 4));
    const share = (bar + 0.5) / bars;
    brush.globalAlpha = played > 0 && share > played ? 0.45 : 1;
    brush.fillStyle = colourAt(share);
    brush.beginPath();
    brush.roundRect(bar * STEP, (height - tall) / 2, WIDTH, tall, WIDTH / 2);
    brush.fill();
  }
}
