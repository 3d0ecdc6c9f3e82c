// A picture, with words for those who cannot see it. The next one replaces it when it is decoded, so nothing flickers,
// and never an older one a newer.
function render({ model, el }) {
  const picture = document.createElement("img");
  picture.className = "hw-picture";
  el.append(picture);
  let asked = 0, shown = 0;

  function show() {
    const order = ++asked, next = new Image();
    const url = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
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

  const name = () => {
    picture.alt = model.get("label");
  };
  const watched = { value: show, label: name };
  for (const [trait, act] of Object.entries(watched)) model.on(`change:${trait}`, act);
  name();
  show();
  return () => {
    for (const [trait, act] of Object.entries(watched)) model.off(`change:${trait}`, act);
    if (picture.src) URL.revokeObjectURL(picture.src);
  };
}

export default { render };
