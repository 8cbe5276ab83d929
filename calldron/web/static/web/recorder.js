// The microphone to a WAV of what a telephone line carries: 8 kHz, one channel, 16 bits. No longer than the server takes.
"use strict";
const RATE = 8000;
const LONGEST = 600; // seconds
const QUIETEST = 0.01; // of full scale: a recording whose loudest sample is below has nothing in it

class Recorder {
  // onLevel(loudness, seconds) is called while it runs, onLimit() when the longest is reached.
  constructor(onLevel, onLimit) {
    this.onLevel = onLevel;
    this.onLimit = onLimit;
  }

  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    this.pieces = [];
    this.tape = new MediaRecorder(this.stream);
    this.tape.addEventListener("dataavailable", (event) => this.pieces.push(event.data));
    this.tape.start();
    this.began = performance.now();
    this.context = new AudioContext();
    const ear = this.context.createAnalyser();
    this.context.createMediaStreamSource(this.stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    this.ticking = setInterval(() => {
      ear.getFloatTimeDomainData(samples);
      const seconds = (performance.now() - this.began) / 1000;
      this.onLevel(loudest(samples), seconds);
      if (seconds >= LONGEST) this.onLimit();
    }, 100);
  }

  // The samples of what was recorded.
  async stop() {
    clearInterval(this.ticking);
    const ended = new Promise((resolve) => this.tape.addEventListener("stop", resolve, { once: true }));
    this.tape.stop();
    await ended;
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
    const recorded = await new Blob(this.pieces, { type: this.tape.mimeType }).arrayBuffer();
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(recorded); // resamples, too
    return oneChannel(sound).subarray(0, LONGEST * RATE);
  }
}

function oneChannel(sound) {
  const mixed = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let at = 0; at < mixed.length; at += 1) mixed[at] += samples[at] / sound.numberOfChannels;
  }
  return mixed;
}

function loudest(samples) {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

function isSilent(samples) {
  return loudest(samples) < QUIETEST;
}

function wavOf(samples) {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, letters) => [...letters].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, place) => view.setInt16(44 + place * 2, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return view.buffer;
}
