// One trial across all plots of the sweep: pointed at, reached with the arrow keys, or kept by a click or Enter.
"use strict";
(() => {
  const section = document.getElementById("section-tuning");
  if (!section) return;
  const NEAR = 24; // pixels from which a pointer reaches a mark
  const tip = document.createElement("div");
  tip.className = "tip";
  section.classList.add("live");
  tip.hidden = true;
  tip.setAttribute("role", "status");
  section.append(tip);
  const marks = new Map(); // trial -> what stands for it
  const words = new Map();
  for (const mark of section.querySelectorAll("[data-trial]")) {
    const trial = Number(mark.dataset.trial);
    const row = mark.closest("tr");
    marks.set(trial, [...(marks.get(trial) ?? []), row ?? mark]);
    const title = mark.querySelector("title");
    if (title) {
      words.set(trial, title.textContent);
      title.remove(); // the tip says it
    }
    row?.addEventListener("click", () => keep(trial === kept ? null : trial));
  }
  let lit = null;
  let kept = null;

  function light(trial, x, y) {
    if (trial !== lit) {
      for (const mark of marks.get(lit) ?? []) mark.classList.remove("lit");
      for (const mark of marks.get(trial) ?? []) {
        mark.classList.add("lit");
        if (mark instanceof SVGElement) mark.parentNode.append(mark); // on top of the others
      }
      section.classList.toggle("one", trial !== null);
      lit = trial;
      tip.textContent = words.get(trial) ?? "";
    }
    tip.hidden = trial === null || x === undefined;
    if (tip.hidden) return;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, document.documentElement.clientWidth - width - 4))}px`;
    tip.style.top = `${y + height + 24 > innerHeight ? y - height - 10 : y + 16}px`;
  }

  function keep(trial) {
    kept = trial;
    light(trial);
  }

  function shown(svg) {
    const all = [...svg.querySelectorAll("[data-trial]")];
    return all.filter((mark) => getComputedStyle(mark).display !== "none" && !mark.classList.contains("out"));
  }

  function corners(mark) {
    if (mark.points) return [...mark.points];
    const box = mark.getBBox();
    return [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }];
  }

  function distance(points, x, y) {
    let least = Infinity;
    points.forEach((end, index) => {
      const from = points[Math.max(0, index - 1)];
      const [dx, dy] = [end.x - from.x, end.y - from.y];
      const along = dx || dy ? Math.max(0, Math.min(1, ((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy))) : 0;
      least = Math.min(least, Math.hypot(from.x + along * dx - x, from.y + along * dy - y));
    });
    return least;
  }

  function nearest(svg, event) {
    const matrix = svg.getScreenCTM();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    let found = null;
    let least = NEAR / matrix.a;
    for (const mark of shown(svg)) {
      const far = distance(corners(mark), at.x, at.y);
      if (far < least) [least, found] = [far, Number(mark.dataset.trial)];
    }
    return found;
  }

  function step(svg, event) {
    const order = shown(svg).map((mark) => Number(mark.dataset.trial)).sort((a, b) => a - b);
    const here = order.indexOf(lit);
    const next = {
      ArrowRight: Math.min(here + 1, order.length - 1),
      ArrowLeft: here < 0 ? order.length - 1 : Math.max(here - 1, 0),
      Home: 0,
      End: order.length - 1,
    }[event.key];
    if (next !== undefined && order.length) {
      const mark = shown(svg).find((mark) => Number(mark.dataset.trial) === order[next]);
      const box = mark.getBoundingClientRect();
      light(order[next], box.left + box.width / 2, box.top + box.height / 2);
    } else if (event.key === "Enter") {
      keep(lit);
    } else if (event.key === "Escape") {
      keep(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  for (const svg of section.querySelectorAll("figure svg:has([data-trial])")) {
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}: arrow keys go from trial to trial`);
    svg.addEventListener("pointermove", (event) => {
      const found = nearest(svg, event);
      if (found === null) light(kept);
      else light(found, event.clientX, event.clientY);
    });
    svg.addEventListener("pointerleave", () => light(kept));
    svg.addEventListener("blur", () => light(kept));
    svg.addEventListener("click", (event) => keep(nearest(svg, event)));
    svg.addEventListener("keydown", (event) => event.target === svg && step(svg, event));
  }
})();
