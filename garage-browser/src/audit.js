// What a page owes to everybody who uses it, as findings: names, labels, contrast, sizes, order. An element that nobody sees is passed over.
const found = [];
const told = (rule, element, more = "") =>
  found.push(`${rule}: ${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""} "${(element.textContent || element.value || "").trim().slice(0, 40)}" ${more}`);
const seen = (element) => {
  if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
  const box = element.getBoundingClientRect();
  return box.width > 1 && box.height > 1;
};
const all = (selector) => [...document.querySelectorAll(selector)];

// Names.
for (const input of all("input:not([type=hidden]),textarea,select")) {
  const name = input.labels?.length ? [...input.labels].map((label) => label.textContent).join("") : input.getAttribute("aria-label");
  if (!name?.trim()) told("no label", input, input.name);
}
for (const element of all("a,button,summary")) {
  const name = element.getAttribute("aria-label") ?? element.textContent;
  if (!name.trim() && element.getAttribute("aria-hidden") !== "true") told("no name", element);
}
for (const image of all("img,[role=img]")) if (!(image.alt ?? image.getAttribute("aria-label"))) told("no text for a picture", image);
const ids = all("[id]").map((element) => element.id);
for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) found.push(`an id twice: ${id}`);
for (const element of all("[aria-describedby],[aria-labelledby],label[for]")) {
  const named = element.getAttribute("aria-describedby") ?? element.getAttribute("aria-labelledby") ?? element.htmlFor;
  for (const id of named.split(" ")) if (!document.getElementById(id)) told("names nothing", element, id);
}

// Order.
if (!document.documentElement.lang) found.push("no language");
if (!document.title.trim()) found.push("no title");
if (all("main").length !== 1) found.push("not one main");
const heads = all("h1,h2,h3").map((head) => Number(head.tagName[1]));
if (heads.filter((level) => level === 1).length !== 1) found.push(`${heads.filter((level) => level === 1).length} first headings`);
heads.forEach((level, place) => { if (place && level > heads[place - 1] + 1) found.push(`a heading of level ${level} after ${heads[place - 1]}`); });
for (const table of all("table")) if (!table.querySelector("th[scope]")) told("a table without headers", table);

// Contrast (WCAG 1.4.3), of text on the nearest ground that is not clear.
const parts = (color) => {
  const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
  return color.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const color = parts(getComputedStyle(at).backgroundColor);
    if (color[3] > 0) layers.push(color);
    if (color[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const light = (color) => {
  const [r, g, b] = color.map((part) => { part /= 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.textContent.trim() || !seen(element) || element.closest("[disabled],script,option")) continue;
  const style = getComputedStyle(element);
  const below = ground(element);
  const measured = ratio(over(parts(style.color), below), below);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (measured < (large ? 3 : 4.5)) told("contrast", element, measured.toFixed(2));
}
for (const input of all("input:not([type=hidden]):not([type=checkbox]):not([type=radio]),textarea,select,button")) {
  if (!seen(input)) continue;
  const measured = ratio(parts(getComputedStyle(input).borderTopColor), ground(input.parentElement));
  const filled = ratio(ground(input), ground(input.parentElement));
  if (Math.max(measured, filled) < 3 && getComputedStyle(input).borderTopWidth !== "0px") told("the edge of a field", input, measured.toFixed(2));
}

// Sizes (WCAG 2.5.8), and nothing wider than the window (1.4.10). A link in a line of text is as high as its line.
for (const element of all("a,button,summary,input:not([type=hidden]),select,textarea")) {
  if (!seen(element) || (element.tagName === "A" && getComputedStyle(element).display === "inline")) continue;
  const box = (element.closest("label") ?? element).getBoundingClientRect();
  if (box.width < 24 || box.height < 24) told("too small", element, `${Math.round(box.width)}×${Math.round(box.height)}`);
}
if (document.documentElement.scrollWidth > document.documentElement.clientWidth + 1) {
  found.push(`wider than the window by ${document.documentElement.scrollWidth - document.documentElement.clientWidth}`);
  for (const element of all("main *")) if (element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !element.closest(".tiles,.board,.steps")) { told("sticks out", element); break; }
}
return found;
