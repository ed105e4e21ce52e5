// Sound at another rate, piece by piece, without a seam between the pieces.

const SIDE = 12; // zero crossings of the low-pass on each side
const ROOM = 0.92; // of the lower rate's band that is kept

export class Resampler {
  constructor(from, to) {
    this.step = from / to; // samples heard per sample made
    this.cut = ROOM * Math.min(1, to / from);
    this.reach = Math.ceil(SIDE / this.cut); // samples heard on each side of one made
    this.heard = new Float32Array(this.reach);
    this.at = this.reach; // of the next one made, in `heard`
  }

  /** Samples made of those heard so far, as far as they reach. */
  push(piece) {
    const all = new Float32Array(this.heard.length + piece.length);
    all.set(this.heard);
    all.set(piece, this.heard.length);
    const made = [];
    for (; this.at + this.reach < all.length; this.at += this.step) made.push(this.sample(all, this.at));
    const keep = Math.max(0, Math.floor(this.at) - this.reach);
    this.heard = all.slice(keep);
    this.at -= keep;
    return Float32Array.from(made);
  }

  sample(all, at) {
    let sum = 0;
    for (let i = Math.ceil(at - this.reach); i <= at + this.reach; i++) {
      const x = (i - at) * this.cut, window = 0.5 + 0.5 * Math.cos(Math.PI * (i - at) / (this.reach + 1));
      sum += (all[i] ?? 0) * window * (Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
    }
    return sum * this.cut;
  }
}
