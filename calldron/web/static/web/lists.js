// Lists in: a file that is dropped, and the steps in which a list is taken. Without it the form's buttons do the same.
"use strict";

for (const input of document.querySelectorAll("input.drop")) {
  for (const name of ["dragenter", "dragover"]) input.addEventListener(name, () => input.classList.add("over"));
  for (const name of ["dragleave", "drop"]) input.addEventListener(name, () => input.classList.remove("over"));
  input.addEventListener("change", () => {
    const large = input.files.length > 0 && input.files[0].size > input.dataset.megabytes * 2 ** 20;
    const words = document.getElementById(`${input.id}-large`);
    words.hidden = !large;
    input.setCustomValidity(large ? words.textContent : "");
  });
}

// What is changed is shown anew by itself.
const anew = document.getElementById("anew");
if (anew) anew.hidden = true;

const form = document.getElementById("step");
if (form) drive(form);

async function drive(form) {
  const lost = document.getElementById("lost");
  const headers = { Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  form.hidden = true;
  for (;;) {
    const told = await taken(form.action, headers);
    lost.hidden = told !== null && !told.error;
    if (told === null) {
      lost.textContent = lost.dataset.lost;
      await new Promise((resume) => setTimeout(resume, 2000));
    } else if (told.error) {
      lost.textContent = told.error;
      form.hidden = false;
      return;
    } else {
      document.getElementById("bar").value = told.percent;
      document.getElementById("told").textContent = told.words;
      if (told.done) return location.reload();
    }
  }
}

// What the server says of one step; null where it does not answer.
async function taken(address, headers) {
  try {
    const response = await fetch(address, { method: "POST", headers });
    if (response.status >= 500) return null;
    if (response.redirected || !response.headers.get("Content-Type")?.startsWith("application/json")) {
      location.reload(); // signed out meanwhile, or the batch is gone: the page says so
      return null;
    }
    return await response.json();
  } catch {
    return null;
  }
}
