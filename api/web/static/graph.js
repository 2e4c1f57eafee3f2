// Draws the traffic of an interface in place of the server's drawing, and appends what the stream tells.
(() => {
  "use strict";

  const place = document.getElementById("graph");
  const data = document.getElementById("graph-data");
  if (!place || !data || !window.uPlot) return;

  const { start, end, times, in: into, out } = JSON.parse(data.textContent);
  const language = document.documentElement.lang;
  const words = place.dataset;
  const keptSeconds = Number(words.hours) * 3600;
  const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });

  function bits(value) {
    if (value == null) return "–";
    const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
    let unit = 0;
    while (Math.abs(value) >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
    return `${number.format(value)} ${units[unit]}`;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const inZone = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: words.zone, ...options });
  const clock = inZone({ hour: "2-digit", minute: "2-digit" });
  const clockSeconds = inZone({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = inZone({ day: "2-digit", month: "2-digit" });
  const long = keptSeconds > 86400;
  // No step under a minute: the axis tells no seconds.
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080].map((minutes) => minutes * 60);
  const at = (seconds) => new Date(seconds * 1000);

  function options(width) {
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const font = `12px ${colour("--font")}`;
    const line = (label, name, dash) => ({
      label, stroke: colour(name), width: 1.5, dash, points: { show: false }, value: (_, value) => bits(value),
    });
    return {
      width,
      height: 256,
      tzDate: (seconds) => window.uPlot.tzDate(at(seconds), words.zone),
      padding: [8, 12, 0, 0],
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { range: () => { const to = Math.max(end, times[times.length - 1]); return [Math.max(start, to - keptSeconds), to]; } },
        y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1000)] },
      },
      // Nothing pointed at: the legend tells the newest values.
      hooks: { setLegend: [(u) => { if (u.legend.idx == null) u.setLegend({ idx: times.length - 1 }); }] },
      axes: [
        { ...axis, font, size: 36, incrs: steps, values: (_, splits) => splits.map((t) => long ? day.format(at(t)) : clock.format(at(t))) },
        { ...axis, font, size: 78, values: (_, splits) => splits.map(bits) },
      ],
      series: [
        { label: words.time, value: (_, t) => t == null ? "–" : `${long ? day.format(at(t)) + " " : ""}${clockSeconds.format(at(t))}` },
        line(words.in, "--traffic-in"),
        line(words.out, "--traffic-out", [5, 3]),
      ],
    };
  }

  let plot;
  function draw() {
    plot?.destroy();
    place.replaceChildren();
    plot = new window.uPlot(options(place.clientWidth), [times, into, out], place);
    // The table below says the same to who cannot see it.
    place.setAttribute("aria-hidden", "true");
  }
  draw();

  document.addEventListener("polled", (event) => {
    const point = JSON.parse(event.detail.data);
    if (times.length && point.time <= times[times.length - 1]) return;
    times.push(point.time);
    into.push(point.in);
    out.push(point.out);
    while (times.length && times[0] < point.time - keptSeconds) { times.shift(); into.shift(); out.shift(); }
    plot.setData([times, into, out]);
    if (plot.cursor.idx == null) plot.setLegend({ idx: times.length - 1 });
  });

  let width = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    plot.setSize({ width, height: 256 });
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
