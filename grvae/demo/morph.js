"use strict";
/* From each class's pure image to the next, at `speed` classes a second, until paused. */

Demo.Morph = class Morph {
  constructor(onFrame, onToggle) {
    this.onFrame = onFrame;
    this.onToggle = onToggle;
    this.position = 0;
    this.speed = 1;
    this.frame = 0;
  }

  get playing() {
    return this.frame !== 0;
  }

  play() {
    if (this.playing) return;
    let last = performance.now();
    const step = (now) => {
      this.position = (this.position + (Math.max(0, now - last) / 1000) * this.speed) % Demo.Images.count;
      last = now;
      this.onFrame(this.position);
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
    this.onToggle(true);
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.onToggle(false);
  }
};
