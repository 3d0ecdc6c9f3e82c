// The radio buttons and the style sheet do the switching; this tells machines what people see: the page's language, and
// each image's text in it. Without it the page works, and images tell their text in both languages.
const names = { zh: "zh-Hant-TW", en: "en" };
const images = [...document.querySelectorAll("img[data-zh]")].map((image) => [image, image.alt]);
function tell() {
  const shown = document.querySelector("input[name=show]:checked").value;
  document.documentElement.lang = names[shown] ?? names.zh;
  for (const [image, both] of images) image.alt = image.dataset[shown] ?? both;
}
for (const input of document.querySelectorAll("input[name=show]")) input.addEventListener("change", tell);
tell();
