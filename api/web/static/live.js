// Keeps an open page honest and quick: how old its values are, new alerts, ages, keys. Without it every page still works.
(() => {
  "use strict";

  const language = document.documentElement.lang;
  const find = (selector) => document.querySelector(selector);
  const badge = find("#live");
  const words = { ...JSON.parse(document.body.dataset.words), ...JSON.parse(badge?.dataset.words ?? "{}") };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

  // The server's clock counts; this machine's may be wrong.
  const clockError = Date.now() - Number(document.body.dataset.now);

  function inUnit(count, unit) {
    return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
  }

  // The same as Translator.duration: the two largest units from an hour on, else one.
  function duration(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const parts = [[Math.floor(seconds / 86400), "day"], [Math.floor(seconds / 3600) % 24, "hour"],
      [Math.floor(seconds / 60) % 60, "minute"], [seconds % 60, "second"]];
    const first = parts.findIndex(([count]) => count > 0);
    if (first < 0) return inUnit(0, "second");
    return parts.slice(first, first + (first < 2 ? 2 : 1)).filter(([count]) => count > 0)
      .map(([count, unit]) => inUnit(count, unit)).join(" ");
  }

  // ---- How old are the values ----

  const stream = document.querySelector("[hx-sse\\:connect]");
  let connected = false;
  let over = false;  // what the page shows has ended: nothing more comes, and nobody asks again
  let newest = null;  // performance.now() of the newest values
  let staleAfter = Infinity;

  function showAge() {
    if (!badge || newest === null || over) return;
    const age = Math.max(1000, performance.now() - newest);
    const state = age > staleAfter ? "stale" : connected ? "live" : "reconnecting";
    const text = fill(words[state], { age: duration(age) });
    badge.firstElementChild.textContent = text;
    if (badge.dataset.state !== state) {
      badge.dataset.state = state;
      find("#live-state").textContent = text;  // a screen reader hears of the change, not of every second
    }
  }

  document.addEventListener("beat", (event) => {
    const beat = JSON.parse(event.detail.data);
    newest = performance.now() - beat.age_ms;
    staleAfter = beat.stale_ms;
    showAge();
  });
  document.addEventListener("over", () => {
    over = true;
    badge.dataset.state = "still";
    badge.firstElementChild.textContent = words.over;
    find("#live-state").textContent = words.over;
  });
  if (stream) {
    setInterval(showAge, 1000);
    stream.addEventListener("htmx:sse:after:connection", () => { connected = true; showAge(); });
    for (const name of ["htmx:sse:error", "htmx:sse:close", "htmx:sse:before:connection"]) {
      stream.addEventListener(name, () => { connected = false; showAge(); });
    }
    // Signed out meanwhile: the whole page leads to the sign-in.
    stream.addEventListener("htmx:sse:error", (event) => { if (event.detail.status === 401) location.reload(); });
    // The event-stream part connects again after a break, but not after a first failure or an abort.
    const again = () => setTimeout(() => { if (!over && !stream._htmx?.sse) window.htmx.trigger(stream, "again"); }, 3000);
    for (const name of ["htmx:error", "htmx:response:error", "htmx:sse:close"]) {
      stream.addEventListener(name, (event) => { if (event.target === stream) again(); });
    }
  }

  // ---- Ages of alerts ----

  setInterval(() => {
    const now = Date.now() - clockError;
    for (const time of document.querySelectorAll("time[data-age]")) {
      time.textContent = duration(now - Date.parse(time.dateTime));
    }
  }, 15000);

  // ---- New alerts: never move rows under the pointer ----

  const raised = new Set();
  document.addEventListener("raised", (event) => {
    for (const id of JSON.parse(event.detail.data)) {
      if (!document.getElementById(`alert-${id}`)) raised.add(id);
    }
    const bar = find("#new-alerts");
    if (!bar || raised.size === 0) return;
    bar.textContent = raised.size === 1 ? words.new_one : fill(words.new_many, { count: raised.size });
    bar.hidden = false;
  });

  // ---- Forms ----

  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
  });
  // What went wrong deserves a whole page: send the form again without htmx.
  document.addEventListener("htmx:response:error", (event) => {
    const form = event.target.closest?.("form");
    if (form) form.submit();
  });

  // ---- Keys ----

  const rows = () => [...document.querySelectorAll("[data-row]")];
  function go(step) {
    const all = rows();
    const here = all.indexOf(find("[data-row].here"));
    const next = all[Math.min(Math.max(here + step, 0), all.length - 1)];
    if (!next) return;
    all[here]?.classList.remove("here");
    next.classList.add("here");
    next.querySelector("h3 a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  const keys = {
    "/": () => find("#search")?.focus(),
    j: () => go(1),
    k: () => go(-1),
    a: () => (find("[data-row].here [data-take]") ?? find("main [data-take].primary"))?.click(),
    "?": () => find("#help")?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  // A row that was drawn anew keeps the mark.
  document.addEventListener("htmx:after:swap", () => {
    const row = document.activeElement?.closest?.("[data-row]");
    if (row && !find("[data-row].here")) row.classList.add("here");
  });
})();
