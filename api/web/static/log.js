// The live log of a run: lines come in batches with their numbers, are drawn in blocks, and never twice.
(() => {
  "use strict";

  const box = document.getElementById("lines");
  if (!box || !("live" in box.dataset)) return;
  const MOST = 4000;
  const BLOCK = 200;
  const NEAR_PX = 40;
  const errors = document.getElementById("errors");
  const follow = document.getElementById("follow");
  const bad = new Set(["failed", "unreachable"]);
  let last = Number(box.dataset.last);  // a connection that is made anew may begin before it
  let following = true;
  let waiting = [];
  let frame = 0;
  let block = box.querySelector("div");

  function toEnd() {
    if (following) box.scrollTop = box.scrollHeight;
  }

  function setFollowing(on) {
    following = on;
    follow.setAttribute("aria-pressed", String(on));
    toEnd();
  }

  function line([number, time, kind, text]) {
    const row = document.createElement("p");
    row.className = kind;
    row.dataset.n = number;
    const at = document.createElement("time");
    at.textContent = time;
    const said = document.createElement("span");
    said.textContent = text;
    row.append(at, said);
    return row;
  }

  function draw() {
    frame = 0;
    if (waiting.length > MOST) waiting = waiting.slice(-MOST);
    for (const one of waiting) {
      if (block.childElementCount >= BLOCK) {
        const next = document.createElement("div");
        block.after(next);
        block = next;
      }
      block.append(line(one));
    }
    waiting = [];
    document.getElementById("no-lines")?.remove();
    while (box.querySelectorAll("div").length > MOST / BLOCK) {
      box.querySelector("div").remove();
      document.getElementById("earlier").hidden = false;
    }
    toEnd();
  }

  document.addEventListener("lines", (event) => {
    let more = 0;
    for (const one of JSON.parse(event.detail.data)) {
      if (one[0] <= last) continue;
      last = one[0];
      more += bad.has(one[2]);
      waiting.push(one);
    }
    if (more) errors.textContent = Number(errors.textContent.replace(/\D/g, "")) + more;
    if (!frame) frame = requestAnimationFrame(draw);
  });

  // Who scrolls up reads: lines go on coming, and the view stays. At the end it follows again.
  box.addEventListener("scroll", () => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (atEnd !== following) setFollowing(atEnd);
  }, { passive: true });
  follow.addEventListener("click", () => setFollowing(!following));
  document.addEventListener("over", () => { follow.hidden = true; });
  follow.hidden = false;
  toEnd();
})();
