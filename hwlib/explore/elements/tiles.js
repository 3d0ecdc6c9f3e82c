// One picture made of cells; each cell is a button over its part of the picture. Arrow keys go from cell to cell, Enter
// and the space bar choose one. Every choice is sent, also that of the cell chosen last.
function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hw-tiles";
  root.setAttribute("role", "group");
  const picture = document.createElement("img");
  const cells = document.createElement("div");
  cells.className = "hw-tiles-cells";
  root.append(picture, cells);
  el.append(root);
  let current = 0, asked = 0, shown = 0;

  function show() {
    // The next picture replaces this one when it is decoded, so nothing flickers, and never an older one a newer.
    const order = ++asked, next = new Image();
    const url = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    next.onload = () => {
      if (order < shown) {
        URL.revokeObjectURL(url);
        return;
      }
      shown = order;
      if (picture.src) URL.revokeObjectURL(picture.src);
      picture.src = url;
    };
    next.src = url;
  }

  function build() {
    const rows = model.get("rows"), columns = model.get("columns");
    cells.style.gridTemplate = `repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`;
    current = Math.min(current, Math.max(0, rows * columns - 1));
    cells.replaceChildren(...Array.from({ length: rows * columns }, (_, index) => {
      const cell = document.createElement("button");
      cell.type = "button";
      cell.tabIndex = index === current ? 0 : -1;
      cell.addEventListener("click", () => {
        focus(index);
        model.send({ clicked: index });
      });
      return cell;
    }));
    tell();
  }

  function tell() {
    const labels = model.get("labels"), marked = model.get("marked");
    [...cells.children].forEach((cell, index) => {
      const label = labels[index] ?? "";
      cell.setAttribute("aria-label", label || String(index + 1));
      cell.title = label;
      cell.disabled = labels.length > 0 && !label;
      const place = marked.indexOf(index);
      cell.dataset.mark = place < 0 ? "" : String(place + 1);
      cell.setAttribute("aria-pressed", String(place >= 0));
    });
  }

  function size() {
    root.style.width = `${model.get("width")}px`;
    root.setAttribute("aria-label", model.get("label"));
    picture.alt = model.get("label");
  }

  function focus(index) {
    const before = cells.children[current], now = cells.children[index];
    if (!now) return;
    before.tabIndex = -1;
    now.tabIndex = 0;
    current = index;
    now.focus();
  }

  cells.addEventListener("keydown", (event) => {
    const columns = model.get("columns");
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    let next = current + step;
    while (cells.children[next]?.disabled) next += step;
    if (cells.children[next]) focus(next);
  });

  const watched = { png: show, rows: build, columns: build, labels: tell, marked: tell, width: size, label: size };
  for (const [name, act] of Object.entries(watched)) model.on(`change:${name}`, act);
  size();
  build();
  show();
  return () => {
    for (const [name, act] of Object.entries(watched)) model.off(`change:${name}`, act);
    if (picture.src) URL.revokeObjectURL(picture.src);
  };
}

export default { render };
