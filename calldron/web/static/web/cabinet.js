// What every page needs; without it everything still works, with more clicks.
"use strict";

// A form or button that asks first: data-confirm="words".
document.addEventListener("submit", (event) => {
  const words = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (words && !window.confirm(words)) event.preventDefault();
});

// The menu closes at Escape and when one clicks elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open], details.more[open]")) menu.open = false;
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.more[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// data-copy="#id" on a button copies that element's text.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.querySelector(button.dataset.copy);
  if (!navigator.clipboard) {
    window.getSelection().selectAllChildren(text); // without TLS: marked, for Ctrl+C
    return;
  }
  await navigator.clipboard.writeText(text.textContent.trim());
  button.textContent = button.dataset.copied;
});
