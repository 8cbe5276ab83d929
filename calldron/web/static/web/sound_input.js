// The field for a sound: chosen, dropped or recorded, it ends in the file input, is heard and seen, and is sent with the
// form. Without this script the input is a plain one.
"use strict";
(() => {
  const LARGEST = 10 * 2 ** 20;
  for (const field of document.querySelectorAll("[data-sound-input]")) prepare(field);

  function prepare(field) {
    const part = (name) => field.querySelector(`[data-${name}]`);
    const input = field.querySelector("input[type=file]");
    const library = document.querySelector("select[data-library]"); // of the form of a batch
    const drop = field.querySelector(".drop");
    const [trouble, preview, audio] = [part("trouble"), part("preview"), part("audio")];
    const [record, stop, clock, level] = [part("record"), part("stop"), part("clock"), part("level")];
    let wave = null;
    let recorder = null;

    function say(words) {
      trouble.textContent = words ?? "";
      trouble.hidden = !words;
    }

    function forget() {
      wave?.destroy();
      wave = null;
      if (audio.src.startsWith("blob:")) URL.revokeObjectURL(audio.src);
      audio.removeAttribute("src");
      preview.hidden = true;
    }

    function show(name, address, mayClear) {
      forget();
      part("name").textContent = name;
      part("clear").hidden = !mayClear;
      preview.hidden = false;
      audio.src = address;
    }

    function showFile() {
      const file = input.files[0];
      if (!file) return showChosen();
      if (file.size > LARGEST) {
        input.value = "";
        showChosen();
        return say(field.dataset.tooLarge);
      }
      const address = URL.createObjectURL(file);
      show(file.name, address, true);
      wave = drawWaveform(part("wave"), audio, field.dataset.nonce, { url: address });
      wave.on("error", () => say(field.dataset.unplayable));
    }

    // What the batch plays when no file is given: a sound of the library.
    async function showChosen() {
      const option = library?.selectedOptions[0];
      if (!option?.value) return forget();
      show(option.textContent.trim(), option.dataset.sound, false);
      const drawn = await drawKnownWaveform(part("wave"), audio, field.dataset.nonce, option.dataset.bars);
      if (option.selected && !input.files.length && !wave) wave = drawn;
      else drawn?.destroy();
    }

    function put(file) {
      const files = new DataTransfer();
      files.items.add(file);
      input.files = files.files;
      say();
      showFile();
    }

    input.addEventListener("change", () => {
      say();
      showFile();
    });
    library?.addEventListener("change", () => {
      input.value = "";
      say();
      showChosen();
    });
    part("clear").addEventListener("click", () => {
      input.value = "";
      say();
      showChosen();
      input.focus();
    });
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) put(event.dataTransfer.files[0]);
    });

    function recording(runs) {
      tick(0, 0);
      record.hidden = runs;
      for (const element of [stop, clock, level]) element.hidden = !runs;
      (runs ? stop : record).focus();
    }

    function tick(loudness, seconds) {
      level.value = loudness;
      clock.textContent = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
    }

    async function begin() {
      if (recorder) return;
      say();
      if (!navigator.mediaDevices) return say(field.dataset.insecure);
      audio.pause();
      recorder = new Recorder(tick, () => finish(field.dataset.limit));
      try {
        await recorder.start();
      } catch (error) {
        recorder = null;
        const words = { NotAllowedError: field.dataset.refused, NotFoundError: field.dataset.missing };
        return say(words[error.name] ?? field.dataset.busy);
      }
      recording(true);
    }

    async function finish(words) {
      const used = recorder;
      recorder = null;
      if (!used) return;
      const samples = await used.stop().catch(() => new Float32Array()); // nothing was recorded
      recording(false);
      if (!samples.length) return say(field.dataset.silent);
      const at = new Date().toLocaleString(document.documentElement.lang).replace(/[/:]/g, "-");
      put(new File([wavOf(samples)], `${field.dataset.recording} ${at}.wav`, { type: "audio/wav" }));
      say(isSilent(samples) ? field.dataset.silent : words);
    }

    record.addEventListener("click", begin);
    stop.addEventListener("click", () => finish());
    field.querySelector(".recorder").hidden = false;
    showFile();
  }
})();
