// Hides the fields that do nothing for the kind of batch chosen. Without this script all are there, and say when they
// matter. The usual hours are those of lists: other kinds call at any hour, until somebody says otherwise.
"use strict";
(() => {
  const form = document.querySelector("form.batch");

  const hours = [form.querySelector("[name=time_from]"), form.querySelector("[name=time_to]")];
  const usual = ["09:00", "21:00"]; // as the API has them

  function suggestHours(kind) {
    const untouched = hours.every((end, place) => end.value === usual[place]) || hours.every((end) => !end.value);
    if (untouched) hours.forEach((end, place) => { end.value = kind === "batch" ? usual[place] : ""; });
  }

  function fit() {
    const kind = form.querySelector("[name=type]:checked, [name=type][type=hidden]")?.value;
    const confirmation = form.querySelector("[name=confirmation]:checked")?.value;
    const clock = form.querySelector("[name=clock]:checked")?.value;
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind);
    for (const part of form.querySelectorAll("[data-with]")) part.hidden = part.dataset.with !== confirmation;
    form.querySelector("#time_zone").closest(".field").hidden = clock === "callee";
    form.querySelector("#time_zone_fallback").closest(".field").hidden = clock !== "callee";
  }

  form.addEventListener("change", fit);
  for (const kind of form.querySelectorAll("[name=type][type=radio]")) {
    kind.addEventListener("change", () => suggestHours(kind.value));
  }
  fit();
  form.querySelector("[aria-invalid=true]")?.focus();
})();
