// Keeps the display at a room's door alive: draws the day from its values as time goes on, asks for new values each
// minute, and goes on with the last ones, saying how old they are, while the link is away. The tablet keeps the page
// itself by door-worker.js, so that it also starts without a link.
"use strict";

(() => {
  const EVERY_MS = 60_000;
  const OLD_MS = 180_000;
  const MARKS = { busy: "m8 8 8 8m0-8-8 8", free: "m7 12.4 3.4 3.5L17 8.8", unknown: "M7 12h10" };
  const body = document.body;
  const words = JSON.parse(body.dataset.words);
  const here = location.pathname.replace(/\/$/, "");
  const say = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: body.dataset.zone });
  const date = new Intl.DateTimeFormat(body.dataset.language, {
    weekday: "long", day: "2-digit", month: "2-digit", year: "numeric", timeZone: body.dataset.zone,
  });
  const put = (id, text) => {
    const at = document.getElementById(id);
    if (at.textContent !== text) at.textContent = text;
  };

  let values = JSON.parse(body.dataset.values);
  // How far this tablet's clock is from ours: its own may be wrong. Only a page that just came tells.
  let skew = 0;

  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(here));
    } catch {
      return null;
    }
  };
  const keep = () => {
    try {
      localStorage.setItem(here, JSON.stringify({ values, skew }));
    } catch {
      // A full or forbidden store only means that a restart without a link shows the page's own values.
    }
  };

  const line = (use, today) => {
    const item = document.createElement("li");
    const time = document.createElement("b");
    const what = document.createElement("span");
    const who = document.createElement("small");
    if (!today) {
      const day = document.createElement("small");
      day.textContent = date.format(use.from);
      time.append(day);
    }
    time.append(`${clock.format(use.from)}–${clock.format(use.to)}`);
    who.textContent = use.organiser;
    what.append(use.title, who);
    item.append(time, what);
    return item;
  };

  const draw = () => {
    const now = Date.now() + skew;
    const current = values.uses.find((use) => use.from <= now && now < use.to);
    const ahead = values.uses.filter((use) => use.from > now);
    const today = ahead.filter((use) => date.format(use.from) === date.format(now));
    // What this tablet was told ends there: a room of which it knows nothing is not free.
    const state = current ? (current.held ? "held" : "busy") : now < values.until ? "free" : "unknown";
    document.getElementById("door").className = state;
    document.getElementById("mark").setAttribute("d", MARKS[state] ?? MARKS.busy);
    put("state", words[state]);
    const until = current ? current.to : today.length ? today[0].from : null;
    const rest = state === "unknown" ? words.no_link : words.all_day;
    put("until", until === null ? rest : say(words.until, { time: clock.format(until) }));
    put("title", current ? current.title : "");
    put("who", current
      ? `${clock.format(current.from)}–${clock.format(current.to)} · ${current.organiser}${current.in ? ` · ${words.in}` : ""}`
      : "");
    put("clock", clock.format(now));
    put("day", date.format(now));
    const list = document.getElementById("next");
    const shown = JSON.stringify([today, ahead[0], state]);
    if (list.dataset.shown !== shown) {
      list.dataset.shown = shown;
      const nothing = document.createElement("li");
      nothing.textContent = state === "unknown" ? words.unknown : words.none;
      const later = ahead.slice(0, 1).map((use) => line(use, false));
      list.replaceChildren(...(today.length ? today.map((use) => line(use, true)) : [nothing, ...later]));
    }
    const age = now - values.at;
    const old = age > OLD_MS;
    document.getElementById("age").dataset.state = old ? "old" : "fresh";
    put("age", old
      ? `${say(words.old, { minutes: Math.floor(age / 60_000) })} (${date.format(values.at)} ${clock.format(values.at)})`
      : say(words.fresh, { time: clock.format(values.at) }));
  };

  const ask = async () => {
    try {
      const answer = await fetch(`${here}/day`, { cache: "no-store", signal: AbortSignal.timeout(30_000) });
      if (answer.status === 404) location.reload(); // the address was taken back: the server says so in words
      if (!answer.ok) return;
      values = await answer.json();
      skew = values.at - Date.now();
      keep();
    } catch {
      // No link: the age says so.
    }
    draw();
  };

  const before = kept();
  if (before && before.values.at > values.at) ({ values, skew } = before); // this page came out of the tablet's own store
  else skew = performance.getEntriesByType("navigation")[0]?.workerStart ? (before?.skew ?? 0) : values.at - Date.now();
  draw();
  void ask();
  setInterval(draw, 5_000);
  setInterval(ask, EVERY_MS);
  window.addEventListener("online", ask);
  if ("serviceWorker" in navigator) {
    void navigator.serviceWorker.register("/rooms/door-worker.js", { scope: here.replace(/[^/]*$/, "") });
  }
})();
