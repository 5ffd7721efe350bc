// A slider over the thresholds: it moves the line in the plot and shows the figures of the nearest row of the table.
"use strict";
(() => {
  const figure = document.getElementById("thresholds");
  if (!figure) return;
  const rows = [...figure.querySelectorAll("[data-threshold]")].map((cell) => cell.closest("tr"));
  const values = rows.map((row) => Number(row.querySelector("[data-threshold]").dataset.threshold));
  const names = [...figure.querySelectorAll("th")].map((cell) => cell.textContent);
  const line = figure.querySelector(".at");
  const [left, right, chosen] = ["left", "right", "at"].map((name) => Number(line.dataset[name]));

  const label = document.createElement("label");
  const slider = document.createElement("input");
  const [min, max] = [Math.min(chosen, ...values), Math.max(chosen, ...values)];
  Object.assign(slider, { type: "range", min, max, step: "any" });
  slider.value = chosen; // only after its range, which would cut it
  label.append("threshold ", slider);
  const figures = document.createElement("output");
  const parts = document.createElement("p");
  parts.append(label, figures);
  figure.querySelector(".tall").before(parts);

  function nearest(at) {
    return values.reduce((best, value, index) => (Math.abs(value - at) < Math.abs(values[best] - at) ? index : best), 0);
  }

  function show() {
    const at = Number(slider.value);
    const index = nearest(at);
    const words = [...rows[index].cells].map((cell, place) => `${names[place]} ${cell.textContent}`).join(", ");
    figures.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    const x = left + at * (right - left);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    rows.forEach((row, other) => row.classList.toggle("lit", other === index));
    const box = rows[index].closest(".tall");
    box.scrollTop = rows[index].offsetTop - box.clientHeight / 2;
  }
  slider.addEventListener("input", show);
  rows.forEach((row, index) => {
    row.addEventListener("click", () => {
      slider.value = values[index];
      show();
    });
  });
  show();
})();
