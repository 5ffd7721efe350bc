// A slider over the thresholds of the table: it moves the line in the plot and shows the figures.
"use strict";
(() => {
  const figure = document.getElementById("thresholds");
  if (!figure) return;
  const rows = [...figure.querySelectorAll("[data-threshold]")].map((cell) => cell.closest("tr"));
  const names = [...figure.querySelectorAll("th")].map((cell) => cell.textContent);
  const line = figure.querySelector(".at");
  const { left, right } = line.dataset;
  const chosen = rows.findIndex((row) => row.querySelector(".good"));
  const origin = line.getAttribute("x1"); // of the chosen threshold, which the row in the table is near to

  const label = document.createElement("label");
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: rows.length - 1, step: 1, value: chosen });
  label.append("threshold ", slider);
  const figures = document.createElement("output");
  const parts = document.createElement("p");
  parts.append(label, document.createElement("br"), figures);
  figure.querySelector(".tall").before(parts);

  function show() {
    const index = Number(slider.value);
    const words = [...rows[index].cells].map((cell, place) => `${names[place]} ${cell.textContent}`).join(", ");
    figures.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    const at = Number(rows[index].querySelector("[data-threshold]").dataset.threshold);
    const x = index === chosen ? origin : Number(left) + at * (Number(right) - Number(left));
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    rows.forEach((row, other) => row.classList.toggle("lit", other === index));
    const box = rows[index].closest(".tall");
    box.scrollTop = rows[index].offsetTop - box.clientHeight / 2;
  }
  slider.addEventListener("input", show);
  for (const row of rows) {
    row.addEventListener("click", () => {
      slider.value = rows.indexOf(row);
      show();
    });
  }
  show();
})();
