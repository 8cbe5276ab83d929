// How attempts ended over time, as stacked bars. The page has the same as a table.
"use strict";
(() => {
  const HEIGHT = 220;
  const page = document.querySelector("[data-live]");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chart = null;
  let holder = null; // comes with the first attempt
  let shape = "";
  let reach = []; // from when to when; uPlot itself would show the whole day of a single bar

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Each kind stands on those before it: the highest is drawn first, the others over it.
  function stacked(course) {
    const sums = course.at.map(() => 0);
    const levels = course.series.map((kind) => kind.values.map((value, place) => (sums[place] += value)));
    return [course.at, ...levels.reverse()];
  }

  function make(course) {
    const zone = page.dataset.zone;
    const language = document.documentElement.lang;
    const day = 86400;
    const span = course.at[course.at.length - 1] - course.at[0] + course.step;
    const parts = span > 2 * day ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" };
    if (span < 300) parts.second = "2-digit";
    const clock = new Intl.DateTimeFormat(language, { ...parts, timeZone: zone, hour12: false });
    const count = new Intl.NumberFormat(language);
    const quiet = colour("--quiet");
    const axis = { stroke: quiet, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const bars = uPlot.paths.bars({ size: [0.8, 40], align: 1 });
    chart?.destroy();
    chart = new uPlot(
      {
        width: holder.clientWidth,
        height: HEIGHT,
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
        padding: [null, 32, null, null],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: () => reach },
          y: { range: (_, low, high) => [0, Math.max(4, high * 1.05)] },
        },
        axes: [
          { ...axis, grid: { show: false }, values: (_, marks) => marks.map((at) => clock.format(new Date(at * 1000))), space: 70 },
          { ...axis, values: (_, marks) => marks.map((mark) => (Number.isInteger(mark) ? count.format(mark) : "")), size: 44 },
        ],
        series: [
          {},
          ...course.series.toReversed().map((kind) => {
            const fill = colour(`--kind-${kind.kind}`);
            return { label: kind.label, stroke: fill, fill, width: 0, paths: bars, points: { show: false } };
          }),
        ],
      },
      stacked(course),
      holder,
    );
  }

  function draw() {
    const data = document.getElementById("course");
    if (!data) return;
    const course = JSON.parse(data.textContent);
    if (!course.at.length) return;
    const place = document.getElementById("chart");
    const [first, last] = [course.at[0], course.at[course.at.length - 1]];
    reach = [first, Math.max(last, first + 11 * course.step) + course.step];
    const now = `${course.step} ${dark.matches} ${course.at[0]}`;
    if (chart && place === holder && now === shape) return chart.setData(stacked(course));
    holder = place;
    shape = now;
    make(course);
  }

  document.addEventListener("live:changed", draw);
  dark.addEventListener("change", draw);
  new ResizeObserver(() => chart?.setSize({ width: holder.clientWidth, height: HEIGHT })).observe(page);
  draw();
})();
