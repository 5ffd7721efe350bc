// Parts of the axes of parallel coordinates: drawn with the pointer, or their ends moved with the arrow keys.
"use strict";
(() => {
  const section = document.getElementById("section-tuning");
  if (!section) return;
  const SVG = "http://www.w3.org/2000/svg";
  const STEP = 0.05; // of an axis, for an arrow key
  const resets = [];

  function value(lane, part) {
    const { low, high, log, names } = lane.dataset;
    if (names) {
      const all = names.split("\n");
      return all[Math.round(part * (all.length - 1))];
    }
    const ends = [Number(low), Number(high)];
    const found = log === "1" ? ends[0] * (ends[1] / ends[0]) ** part : ends[0] + part * (ends[1] - ends[0]);
    return String(Number(found.toPrecision(3)));
  }

  function filter(brushes) {
    const marks = section.querySelectorAll("[data-trial]");
    const out = new Set();
    for (const { svg, place, low, high, top, height } of brushes.filter(({ low, high }) => low > 0 || high < 1)) {
      for (const line of svg.querySelectorAll("polyline")) {
        const part = 1 - (line.points[place].y - top) / height;
        if (part < low - 1e-3 || part > high + 1e-3) out.add(line.dataset.trial);
      }
    }
    for (const mark of marks) (mark.closest("tr") ?? mark).classList.toggle("out", out.has(mark.dataset.trial));
    button.hidden = out.size === 0;
  }

  function element(kind, attributes, parent) {
    const found = document.createElementNS(SVG, kind);
    for (const [name, word] of Object.entries(attributes)) found.setAttribute(name, word);
    parent.append(found);
    return found;
  }

  function draw(brush) {
    const { lane, x, top, height, box, ends } = brush;
    const [upper, lower] = [top + (1 - brush.high) * height, top + (1 - brush.low) * height];
    box.setAttribute("y", upper);
    box.setAttribute("height", Math.max(1, lower - upper));
    box.classList.toggle("set", brush.low > 0 || brush.high < 1);
    ends.low.setAttribute("d", `M${x} ${lower}l-5 7h10z`);
    ends.high.setAttribute("d", `M${x} ${upper}l-5 -7h10z`);
    for (const [name, handle] of Object.entries(ends)) {
      handle.setAttribute("aria-valuenow", Math.round(100 * brush[name]));
      handle.setAttribute("aria-valuetext", value(lane, brush[name]));
    }
  }

  function add(svg, lane, place, brushes) {
    const [x, top, bottom] = ["x1", "y1", "y2"].map((name) => Number(lane.getAttribute(name)));
    const height = bottom - top;
    const brush = { svg, lane, place, x, top, height, low: 0, high: 1, ends: {} };
    const group = element("g", { class: "brush" }, svg);
    const strip = element("rect", { class: "strip", x: x - 11, y: top, width: 22, height }, group);
    brush.box = element("rect", { class: "box", x: x - 5, width: 10 }, group);
    const change = (low, high) => {
      [brush.low, brush.high] = [Math.max(0, Math.min(low, high)), Math.min(1, Math.max(low, high))];
      draw(brush);
      filter(brushes);
    };
    for (const name of ["high", "low"]) {
      const label = `${lane.dataset.name}, ${name === "low" ? "lowest" : "highest"} shown`;
      const range = { "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "vertical" };
      const handle = element("path", { class: "end", tabindex: 0, role: "slider", "aria-label": label, ...range }, group);
      brush.ends[name] = handle;
      handle.addEventListener("keydown", (event) => {
        const move = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP }[event.key];
        const end = { Home: 0, End: 1 }[event.key] ?? (move === undefined ? undefined : brush[name] + move);
        if (event.key === "Escape") change(0, 1);
        else if (end === undefined) return;
        else if (name === "low") change(Math.min(end, brush.high), brush.high);
        else change(brush.low, Math.max(end, brush.low));
        event.preventDefault();
      });
      drag(handle, () => (name === "low" ? brush.high : brush.low));
    }
    drag(strip, (part) => part);
    strip.addEventListener("dblclick", () => change(0, 1));
    resets.push(() => change(0, 1));

    function part(event) {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return Math.max(0, Math.min(1, 1 - (at.y - top) / height));
    }

    function drag(target, fixed) {
      let from = null;
      target.addEventListener("pointerdown", (event) => {
        from = fixed(part(event));
        target.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      target.addEventListener("pointermove", (event) => {
        if (from !== null && Math.abs(part(event) - from) > 0.01) change(from, part(event));
      });
      for (const end of ["pointerup", "pointercancel"]) target.addEventListener(end, () => (from = null));
      target.addEventListener("click", (event) => event.stopPropagation());
    }
    brushes.push(brush);
    draw(brush);
  }

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Show all trials";
  button.hidden = true;
  button.addEventListener("click", () => resets.forEach((reset) => reset()));
  section.querySelector("#families fieldset")?.append(button);
  const brushes = [];
  for (const svg of section.querySelectorAll("#parallel svg:has(.lane)")) {
    [...svg.querySelectorAll(".lane")].forEach((lane, place) => add(svg, lane, place, brushes));
  }
})();
