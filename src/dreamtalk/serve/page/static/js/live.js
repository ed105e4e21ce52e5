// Live: the microphone goes to the server through a WebSocket, frames of the portrait come back (docs/live.md).

export function startLive() {}

export function stopLive() {}
