// What is chosen on the page. Others listen; nothing here touches the document.

/**
 * portrait: {ref, url, title, width, height, faces, example} or null. face: which of its faces, 0 the largest.
 * speech: {ref, url, title, seconds, example} or null.
 * styleVideo, poseVideo: {id, title} or null. keys: [{start, style, level, intensity, transition}], in order of start.
 */
export const chosen = {
  portrait: null,
  face: 0,
  speech: null,
  styleKind: "name",
  style: "neutral",
  level: 2,
  styleVideo: null,
  intensity: 1,
  timeline: false,
  keys: [],
  size: "512",
  pose: "natural",
  poseVideo: null,
  blink: "natural",
  background: "keep",
  seed: 0,
  lipScale: 1,
  poseScale: 1,
  badge: true,
};

const listeners = [];

/** Call back now and after every change. */
export function follow(listener) {
  listeners.push(listener);
  listener(chosen);
}

/** Change some of it. */
export function choose(part) {
  Object.assign(chosen, part);
  for (const listener of listeners) listener(chosen, part);
}

let levelled = [];

/** The styles that come in levels; neutral does not, nor do styles that somebody saved on the server. */
export const setLevelled = (names) => { levelled = names; };
export const hasLevels = (style) => levelled.includes(style);

/** happy and 3 as the server names it: happy:3. */
export const named = (style, level) => (hasLevels(style) ? `${style}:${level}` : style);

/** The fields of TalkOptions that the page sets. */
export function optionsOf(now) {
  const styles = {
    name: named(now.style, now.level), video: now.styleVideo && { upload: now.styleVideo.id }, auto: "auto",
  };
  const options = {
    style: styles[now.styleKind],
    intensity: now.intensity,
    size: now.size === "native" ? "native" : Number(now.size),
    seed: now.seed,
    pose: now.pose === "video" ? { upload: now.poseVideo.id } : now.pose,
    blink: now.blink,
    background: now.background,
    lip_scale: now.lipScale,
    pose_scale: now.poseScale,
    badge: now.badge,
    face: now.face,
  };
  if (now.timeline && now.keys.length) {
    options.timeline = now.keys.map((key) => ({
      start: key.start, style: named(key.style, key.level), intensity: key.intensity, transition: key.transition,
    }));
  }
  return options;
}
