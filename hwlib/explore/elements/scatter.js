// Points in the plane, one of which can be chosen by a click or, with the left and right arrow keys, one after another.
const RADIUS = 3.2, NEAR = 12;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hw-scatter";
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const legend = document.createElement("div");
  legend.className = "hw-scatter-legend";
  root.append(canvas, legend);
  el.append(root);
  let hovered = -1;

  const floats = () => {
    const view = model.get("points");
    return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  };
  const bytes = (name) => {
    const view = model.get(name);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  };
  let points = floats();
  const place = (index) => [points[2 * index], points[2 * index + 1]];

  function mark(context, index, shape, radius) {
    const [x, y] = place(index);
    context.beginPath();
    if (shape === 1) {
      context.moveTo(x, y - 1.3 * radius);
      context.lineTo(x + 1.2 * radius, y + radius);
      context.lineTo(x - 1.2 * radius, y + radius);
      context.closePath();
    } else {
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    for (const side of ["width", "height"]) {
      canvas[side] = model.get(side) * scale;
      canvas.style[side] = `${model.get(side)}px`;
    }
    canvas.setAttribute("aria-label", model.get("label"));
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const groups = bytes("groups"), shapes = bytes("shapes"), palette = model.get("palette");
    context.globalAlpha = 0.75;
    for (let i = 0; i < points.length / 2; i++) {
      context.fillStyle = palette[groups[i]] ?? "#888888";
      mark(context, i, shapes[i], RADIUS);
      context.fill();
    }
    context.globalAlpha = 1;
    const ink = getComputedStyle(root).color;
    for (const [index, width] of [[hovered, 1.5], [model.get("chosen"), 2.5]]) {
      if (index < 0 || index >= points.length / 2) continue;
      context.strokeStyle = ink;
      context.lineWidth = width;
      mark(context, index, shapes[index], RADIUS + 4);
      context.stroke();
    }
  }

  function name() {
    const palette = model.get("palette");
    legend.replaceChildren(...model.get("names").map((text, index) => {
      const entry = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = palette[index];
      if (model.get("triangles").includes(index)) swatch.className = "hw-triangle";
      entry.append(swatch, text);
      return entry;
    }));
    draw();
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, least = NEAR * NEAR;
    for (let i = 0; i < points.length / 2; i++) {
      const [px, py] = place(i), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  function choose(index) {
    if (index < 0 || index >= points.length / 2) return;
    model.set("chosen", index);
    model.save_changes();
  }

  canvas.addEventListener("pointermove", (event) => {
    const index = nearest(event);
    if (index === hovered) return;
    hovered = index;
    canvas.style.cursor = index < 0 ? "default" : "pointer";
    draw();
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    draw();
  });
  canvas.addEventListener("click", (event) => choose(nearest(event)));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.min(points.length / 2 - 1, Math.max(0, model.get("chosen") + step)));
  });

  const moved = () => {
    points = floats();
    draw();
  };
  const watched = {
    points: moved, groups: draw, shapes: draw, chosen: draw, width: draw, height: draw, label: draw,
    palette: name, names: name, triangles: name,
  };
  for (const [trait, act] of Object.entries(watched)) model.on(`change:${trait}`, act);
  name();
  return () => {
    for (const [trait, act] of Object.entries(watched)) model.off(`change:${trait}`, act);
  };
}

export default { render };
