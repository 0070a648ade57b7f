"use strict";
/* Which of the pointers on a drawing pad draws. One at a time, with its main button, until that is
   up, whether or not anyone tells:
   - A pen goes before a finger: it takes the stroke away from a palm, and while it is near, a touch
     is a palm.
   - Of two touches that rest where they came down, the later one draws, for the earlier may be a
     palm. Should that one move after all, the two are a pinch, and neither draws. A touch that comes
     during a stroke draws nothing.
   - What the browser takes back (a scroll, a gesture of the system, a palm that it knew) was no
     stroke. */

Demo.Pointers = class Pointers {
  static PALM_MILLISECONDS = 1000;
  static STILL = 0.1; // of the pad: a touch that has not gone farther may be a palm

  /* `begin(event)`, `extend(events)`, then `end()`, or `drop()` for what was no stroke. */
  constructor(element, handlers) {
    this.element = element;
    this.handlers = handlers;
    this.drawing = null;
    this.palm = null;
    this.penSeen = -Infinity;
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerup", (event) => this.over(event, "end"));
    element.addEventListener("lostpointercapture", (event) => this.over(event, "end"));
    element.addEventListener("pointercancel", (event) => this.over(event, "drop"));
  }

  down(event) {
    const { pointerId: id, pointerType: kind, clientX: x, clientY: y } = event;
    this.watchPen(event);
    if (event.button !== 0) return;
    if (kind === "touch" && event.timeStamp - this.penSeen < Pointers.PALM_MILLISECONDS) return;
    const before = this.drawing;
    if (before && before.kind === kind && event.isPrimary) {
      this.finish("end"); // only a touch that is alone is primary: no one told us of the end
    } else if (before) {
      const mayBePalm = before.kind === "touch" && (kind === "pen" || !before.moved);
      if (!mayBePalm || kind === "mouse") return;
      this.finish("drop");
      this.palm = before;
    }
    this.drawing = { id, kind, x, y, moved: false };
    try {
      this.element.setPointerCapture(id);
    } catch {
      // The pointer is gone already, or a program made it up: there is nothing to capture.
    }
    this.handlers.begin(event);
  }

  move(event) {
    this.watchPen(event);
    const { drawing, palm } = this;
    if (palm && palm.id === event.pointerId && drawing && drawing.kind === "touch" && this.hasLeft(palm, event)) {
      this.finish("drop");
    }
    if (!drawing || drawing.id !== event.pointerId) return;
    if (event.buttons === 0) {
      this.finish("end");
      return;
    }
    drawing.moved ||= this.hasLeft(drawing, event);
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    this.handlers.extend(events.length ? events : [event]);
  }

  over(event, how) {
    this.watchPen(event);
    if (this.palm && this.palm.id === event.pointerId) this.palm = null;
    if (this.drawing && this.drawing.id === event.pointerId) this.finish(how);
  }

  finish(how) {
    this.drawing = null;
    this.handlers[how]();
  }

  watchPen(event) {
    if (event.pointerType === "pen") this.penSeen = event.timeStamp;
  }

  hasLeft(from, event) {
    const gone = Math.hypot(event.clientX - from.x, event.clientY - from.y);
    return gone > Pointers.STILL * this.element.clientWidth;
  }
};
