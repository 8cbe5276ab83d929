// Hides the fields that do nothing for the kind of batch chosen. Without this script all are there, and say when they
// matter.
"use strict";
(() => {
  const form = document.querySelector("form.batch");

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
  fit();
  form.querySelector("[aria-invalid=true]")?.focus();
})();
