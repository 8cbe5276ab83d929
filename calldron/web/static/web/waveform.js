// Waveforms over the browser's own players, which work without them.
"use strict";
function drawWaveform(holder, audio, nonce, known) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return WaveSurfer.create({
    container: holder,
    media: audio,
    height: 56,
    barWidth: 2,
    barGap: 1,
    normalize: true,
    waveColor: colour("--quiet"),
    progressColor: colour("--good"),
    cspNonce: nonce,
    ...known,
  });
}

// What the server knows of a sound: drawn without loading the sound itself.
async function drawKnownWaveform(holder, audio, nonce, address) {
  const answer = await fetch(address);
  if (!answer.ok) return null;
  const { bars, seconds } = await answer.json();
  return drawWaveform(holder, audio, nonce, { peaks: [bars.map((bar) => bar / 100)], duration: seconds });
}

(() => {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      drawKnownWaveform(target, target.parentElement.querySelector("audio"), target.dataset.nonce, target.dataset.waveform);
    }
  });
  for (const holder of document.querySelectorAll("[data-waveform]")) seen.observe(holder);
})();
