// The HTTP API (docs/server.md). What goes wrong becomes a Refusal with words for people.

import { $ } from "./dom.js";

/** Something that could not be done. title: what is wrong; detail: what to do; status: of HTTP, 0: no answer. */
export class Refusal extends Error {
  constructor(status, title, detail = "", code = "") {
    super(`${title} ${detail}`);
    Object.assign(this, { status, title, detail, code });
  }
}

const RETRY = 3000; // ms between two tries to reach a server that is gone
let waiting = null; // the timer of these tries
let asking = null; // the dialog for the key, while it is open

/** Fetch from the server; its answer, or a Refusal. body: a FormData, or an object that is sent as JSON. */
export async function ask(path, { method = "GET", body = null, signal } = {}) {
  const headers = {};
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    serverGone();
    throw new Refusal(0, "The server does not answer.", "Start it again; what you chose here is kept.", "gone");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && await keyShown()) return ask(path, { method, body, signal });
  throw await refusalOf(answer);
}

/** The JSON of an answer. */
export const get = async (path, options) => (await ask(path, options)).json();

/** A file to the server: {id, kind, …}. */
export function upload(file, name = file.name) {
  const form = new FormData();
  form.append("file", file, name || "file");
  return get("/v1/uploads", { method: "POST", body: form });
}

/** The whole of an answer as a URL that pictures and players take; null when there is nothing yet. */
export async function fetched(path) {
  const answer = await ask(path);
  return answer.status === 204 ? null : URL.createObjectURL(await answer.blob());
}

/** The talk at each change, until it has ended; goes on by itself after a broken line. */
export async function* changes(id, signal) {
  const ended = (talk) => ["done", "failed", "cancelled"].includes(talk.status);
  while (!signal.aborted) {
    try {
      const answer = await ask(`/v1/talks/${id}/events`, { signal });
      for await (const talk of events(answer.body)) {
        yield talk;
        if (ended(talk)) return;
      }
      const talk = await get(`/v1/talks/${id}`, { signal });
      yield talk;
      if (ended(talk)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status >= 400) throw error;
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
}

/** The JSON of server-sent events, one after the other. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value.replaceAll("\r\n", "\n");
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = text.slice(0, end).split("\n").filter((line) => line.startsWith("data:"));
      text = text.slice(end + 2);
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}

async function refusalOf(answer) {
  let said = {};
  try { said = (await answer.json()).error ?? {}; } catch { /* not ours: a proxy's page */ }
  const usual = {
    413: ["The file is too large.", "Choose a shorter or smaller one."],
    429: ["Many people want videos just now.", "Wait a minute, then try again."],
    503: ["The server is busy.", "Wait a minute, then try again."],
  }[answer.status] ?? ["The server could not do this.", `It said ${answer.status}. Try again; look at its window.`];
  return new Refusal(answer.status, said.title ?? usual[0], said.detail ?? usual[1], said.code ?? "");
}

/** Ask for the key of the server, and show it there: a cookie then stands for it. False when none was given. */
function keyShown() {
  asking ??= (async () => {
    const dialog = $("key-dialog"), input = $("api-key");
    for (let wrong = false; ; wrong = true) {
      input.value = "";
      $("key-wrong").hidden = !wrong;
      dialog.returnValue = "";
      dialog.showModal();
      await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
      if (dialog.returnValue !== "ok") return false;
      const body = JSON.stringify({ key: input.value.trim() });
      const answer = await fetch(
        "/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body },
      );
      if (answer.ok) return true;
    }
  })().finally(() => { asking = null; });
  return asking;
}

/** Show the banner, and try until the server is back. */
function serverGone() {
  $("server-gone").hidden = false;
  waiting ??= setInterval(async () => {
    try {
      await fetch("/v1/health", { cache: "no-store" });
    } catch { return; }
    clearInterval(waiting);
    waiting = null;
    $("server-gone").hidden = true;
  }, RETRY);
}
