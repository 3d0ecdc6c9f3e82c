// A black square to draw on in white; what is drawn comes back as grey pixels, a few times a second and after each stroke.
const SHOWN = 224, PEN = 17, PAUSE = 120;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hw-sketch";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SHOWN;
  canvas.setAttribute("role", "img");
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "jupyter-button";
  root.append(canvas, clear);
  el.append(root);
  const context = canvas.getContext("2d");
  const small = document.createElement("canvas");
  const reader = small.getContext("2d", { willReadFrequently: true });
  let last = null, sent = 0;

  function send() {
    const side = model.get("side");
    small.width = small.height = side;
    reader.drawImage(canvas, 0, 0, side, side);
    const colours = reader.getImageData(0, 0, side, side).data;
    const grey = new Uint8Array(side * side);
    for (let i = 0; i < grey.length; i++) grey[i] = colours[4 * i];
    model.set("pixels", new DataView(grey.buffer));
    model.save_changes();
    sent = performance.now();
  }

  function wipe() {
    context.fillStyle = "#000000";
    context.fillRect(0, 0, SHOWN, SHOWN);
  }

  function stroke(event) {
    const box = canvas.getBoundingClientRect();
    const here = [event.clientX - box.left, event.clientY - box.top];
    context.strokeStyle = "#ffffff";
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...(last ?? here));
    context.lineTo(...here);
    context.stroke();
    last = here;
  }

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    stroke(event);
    if (performance.now() - sent > PAUSE) send();
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, () => {
      if (!last) return;
      last = null;
      send();
    });
  }
  clear.addEventListener("click", () => {
    wipe();
    send();
  });

  const name = () => {
    canvas.setAttribute("aria-label", model.get("label"));
    clear.textContent = model.get("clear");
  };
  const watched = { label: name, clear: name, wiped: wipe };
  for (const [trait, act] of Object.entries(watched)) model.on(`change:${trait}`, act);
  name();
  wipe();
  return () => {
    for (const [trait, act] of Object.entries(watched)) model.off(`change:${trait}`, act);
  };
}

export default { render };
