// Parts of a page that change by themselves. An element with data-live holds what its address answers, and asks again
// when the server says so: not at all while nobody looks, later and later while nothing changes.
"use strict";
(() => {
  const PATIENCE = 4; // an answer that is the same is asked for later, up to so many times the server's word
  const RETRY = 5; // seconds until a server that did not answer is asked again

  const holder = document.querySelector("[data-live]");
  if (!holder) return;
  const lost = document.getElementById("live-lost");
  let etag = holder.dataset.etag;
  let again = Number(holder.dataset.again);
  let same = 0;
  let timer = 0;
  let asking = false;

  const wait = (seconds) => {
    clearTimeout(timer);
    if (seconds > 0 && !document.hidden) timer = setTimeout(ask, seconds * 1000);
  };

  async function ask() {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(holder.dataset.live, { headers: { "If-None-Match": etag }, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 404) return location.reload(); // signed out, or deleted
      if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
      again = Number(answer.headers.get("Again-After"));
      same = answer.status === 304 ? Math.min(same + 1, PATIENCE - 1) : 0;
      if (answer.status === 200) {
        etag = answer.headers.get("ETag");
        replace(await answer.text());
      }
      if (lost) lost.hidden = true;
      wait(again * (1 + same));
    } catch {
      if (lost) lost.hidden = false;
      wait(RETRY);
    } finally {
      asking = false;
    }
  }

  // Only what differs is exchanged, so that what one reads, has opened or points at stays, and is not read out again.
  function replace(html) {
    const news = new DOMParser().parseFromString(html, "text/html");
    const found = [...news.querySelectorAll("[id^=live-]")];
    const here = [...holder.querySelectorAll("[id^=live-]")];
    if (found.map((part) => part.id).join() !== here.map((part) => part.id).join()) {
      holder.replaceChildren(...news.body.childNodes);
    } else {
      for (const part of found) exchange(document.getElementById(part.id), part);
    }
    tick();
    document.dispatchEvent(new Event("live:changed"));
  }

  function exchange(old, part) {
    if (old.innerHTML === part.innerHTML && old.className === part.className) return;
    const open = [...old.querySelectorAll("details[open][id]")].map((details) => details.id);
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.className = part.className;
    old.replaceChildren(...part.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) [...old.querySelectorAll("a[href]")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  }

  // How long since: counted here, so that nothing need be sent for it.
  function tick() {
    for (const time of holder.querySelectorAll("[data-since]")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dataset.since)) / 1000));
      const rest = `${String(Math.floor(seconds / 60) % 60).padStart(seconds < 3600 ? 1 : 2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
      time.textContent = seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden && again > 0) ask();
  });
  setInterval(() => document.hidden || tick(), 1000);
  tick();
  wait(again);
})();
