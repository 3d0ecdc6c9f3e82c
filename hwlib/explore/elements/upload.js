// A button that takes an image file. The browser reads it and sends it on as a PNG of at most MOST pixels a side: a
// photograph would be larger than the server lets through. What is transparent becomes paper, as in handwriting.py.
const MOST = 512;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "hw-upload";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-button";
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.hidden = true;
  root.append(button, input);
  el.append(root);
  let asked = 0;

  async function reduced(file) {
    const url = URL.createObjectURL(file), image = new Image();
    try {
      image.src = url;
      await image.decode();
      const scale = Math.min(1, MOST / Math.max(image.naturalWidth, image.naturalHeight));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(scale * image.naturalWidth));
      canvas.height = Math.max(1, Math.round(scale * image.naturalHeight));
      const context = canvas.getContext("2d");
      context.fillStyle = "#ffffff";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
      return await blob.arrayBuffer();
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  async function take(file) {
    const order = ++asked;
    const buffers = [];
    try {
      buffers.push(await reduced(file));
    } catch {
      // No image, or a damaged one: its name alone says so.
    }
    if (order === asked) model.send({ uploaded: file.name }, undefined, buffers);
  }

  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files[0];
    input.value = ""; // else the same file, chosen again, is no change
    if (file) take(file);
  });

  const name = () => {
    button.textContent = model.get("label");
    button.title = model.get("hint");
    input.setAttribute("aria-label", model.get("label"));
  };
  const watched = { label: name, hint: name };
  for (const [trait, act] of Object.entries(watched)) model.on(`change:${trait}`, act);
  name();
  return () => {
    for (const [trait, act] of Object.entries(watched)) model.off(`change:${trait}`, act);
  };
}

export default { render };
