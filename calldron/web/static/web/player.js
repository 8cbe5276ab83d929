// The recording's waveform over the browser's own player, which works without it.
"use strict";
(() => {
  const holder = document.querySelector("[data-live]");
  let shown = null;

  function draw() {
    const audio = document.querySelector("#live-recording audio");
    if (!audio || audio === shown) return;
    shown = audio;
    const style = getComputedStyle(document.documentElement);
    WaveSurfer.create({
      container: "#live-recording .wave",
      media: audio,
      height: 72,
      barWidth: 2,
      barGap: 1,
      normalize: true,
      waveColor: style.getPropertyValue("--quiet").trim(),
      progressColor: style.getPropertyValue("--good").trim(),
      cspNonce: holder.dataset.nonce,
    });
  }

  document.addEventListener("live:changed", draw);
  draw();
})();
