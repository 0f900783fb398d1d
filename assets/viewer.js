// The viewer: photo, heat map (coloured here from the grey map), contour, numbered regions.
// Zoom, pan, opacity and threshold never ask the server.
const STOPS = ['#051340', '#231a55', '#3c1f6b', '#5b2378', '#802473', '#a2266f', '#bb3164', '#d14057', '#e65049',
  '#ed6e41', '#f38836', '#f8a030', '#fab736', '#fccd3d', '#ffde65', '#ffec93', '#fdf9bc'];
const COLOURS = new Uint8Array(768);
for (let v = 0; v < 256; v += 1) {
  const at = Math.min(v / 16, 15.999), i = Math.floor(at), f = at - i;
  for (let c = 0; c < 3; c += 1) {
    const part = (hex) => parseInt(hex.slice(1 + 2 * c, 3 + 2 * c), 16);
    COLOURS[3 * v + c] = Math.round(part(STOPS[i]) * (1 - f) + part(STOPS[i + 1]) * f);
  }
}
const view = {scale: 1, x: 0, y: 0, fit: 1, opacity: 0.6, threshold: 0.5, map: true, boxes: true, contour: true};
let grey = null;
let value = null;
let drawn = 0;

// -- the frame, built once ------------------------------------------------------------------
const photo = h('img', {class: 'tw-photo', alt: '', draggable: 'false'});
const heat = h('canvas', {class: 'tw-heat', 'aria-hidden': 'true'});
const lines = s('svg', {class: 'tw-lines', 'aria-hidden': 'true'});
const world = h('div', {class: 'tw-world'}, photo, heat, lines);
const readout = h('output', {class: 'tw-readout', hidden: true});
const empty = h('div', {class: 'tw-stage-empty'},
  h('strong', {text: 'No photo yet'}),
  h('span', {text: 'Drop a photo on the left, or start with an example.'}));
const stage = h('div', {class: 'tw-stage', tabindex: 0, role: 'group', 'aria-label': 'Photo with heat map'}, world, empty, readout);

function toggle(name, text, key) {
  return h('button', {class: 'tw-toggle', type: 'button', 'aria-pressed': 'true', 'aria-keyshortcuts': key,
    'data-toggle': name, text, title: `${text} (${key})`, onclick: () => flip(name)});
}
function slider(name, text, keys) {
  const number = h('output', {class: 'tw-number', text: view[name].toFixed(2)});
  const input = h('input', {type: 'range', min: 0, max: 1, step: 0.01, value: view[name], 'aria-label': text,
    'data-slider': name, title: `${text} (${keys}), double click resets`,
    oninput: () => setLevel(name, Number(input.value)), ondblclick: () => setLevel(name, name === 'opacity' ? 0.6 : 0.5)});
  return h('label', {class: 'tw-slider'}, h('span', {text}), input, number);
}
const sliders = h('div', {class: 'tw-tools'}, slider('opacity', 'Opacity', '[ and ]'), slider('threshold', 'Threshold', ', and .'));
const zoomText = h('output', {class: 'tw-number tw-zoom-text', text: '100 %'});
const tools = h('div', {class: 'tw-tools'},
  h('div', {class: 'tw-group', role: 'group', 'aria-label': 'Layers'}, toggle('map', 'Map', 'M'), toggle('contour', 'Contour', 'C'), toggle('boxes', 'Regions', 'B')),
  editButton,
  h('div', {class: 'tw-group', role: 'group', 'aria-label': 'Zoom'},
    h('button', {class: 'tw-toggle', type: 'button', 'aria-label': 'Zoom out', title: 'Zoom out (-)', text: '−', onclick: () => zoomBy(1 / 1.4)}),
    zoomText,
    h('button', {class: 'tw-toggle', type: 'button', 'aria-label': 'Zoom in', title: 'Zoom in (+)', text: '+', onclick: () => zoomBy(1.4)}),
    h('button', {class: 'tw-toggle', type: 'button', title: 'Whole photo (0)', text: 'Fit', onclick: fit}),
    h('button', {class: 'tw-toggle', type: 'button', title: 'Original pixels (Z)', text: '1:1', onclick: () => zoomTo(1)})));
const ramp = h('canvas', {class: 'tw-ramp', width: 256, height: 1, 'aria-hidden': 'true'});
const atThreshold = h('span', {class: 'tw-ramp-at', 'aria-hidden': 'true'});
const legend = h('div', {class: 'tw-legend', role: 'img', 'aria-label': 'Colour scale from 0 calm over 0.5 threshold to 1 certain'},
  h('div', {class: 'tw-ramp-box'}, ramp, atThreshold),
  h('div', {class: 'tw-ramp-ends'}, h('span', {text: '0 calm'}), h('span', {text: '0.5 threshold'}), h('span', {text: '1 certain'})));
const title = h('div', {class: 'tw-title'});
const below = h('section', {class: 'tw-regions', 'aria-label': 'Regions'});
const help = h('dialog', {class: 'tw-help', 'aria-labelledby': 'tw-help-title'});
root.replaceChildren(title, stage, editBar, sliders, tools, legend, below, help);

function flip(name) {
  view[name] = !view[name];
  root.querySelector(`[data-toggle=${name}]`).setAttribute('aria-pressed', String(view[name]));
  layers();
}
function setLevel(name, level) {
  view[name] = Math.min(1, Math.max(0, level));
  const input = root.querySelector(`[data-slider=${name}]`);
  input.value = view[name];
  input.nextElementSibling.textContent = view[name].toFixed(2);
  if (name === 'threshold') contour();
  layers();
}

// -- what the map looks like ----------------------------------------------------------------
function layers() {
  heat.style.opacity = view.opacity;
  heat.hidden = !view.map || !grey;
  for (const node of lines.querySelectorAll('.tw-contour')) node.style.display = view.contour ? '' : 'none';
  for (const node of lines.querySelectorAll('.tw-region')) node.style.display = view.boxes ? '' : 'none';
  atThreshold.style.left = `${100 * view.threshold}%`;
}
function paint(context, width, height, values) {
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < values.length; i += 1) {
    const v = values[i];
    pixels.data[4 * i] = COLOURS[3 * v];
    pixels.data[4 * i + 1] = COLOURS[3 * v + 1];
    pixels.data[4 * i + 2] = COLOURS[3 * v + 2];
    // Calm places stay clear, so that the photo is seen; all is shown from the threshold on.
    pixels.data[4 * i + 3] = Math.min(255, Math.max(0, (v - 38) * 2.9));
  }
  context.putImageData(pixels, 0, 0);
}
paint(ramp.getContext('2d'), 256, 1, Uint8Array.from({length: 256}, (_, v) => v));

async function loadMap(url, ticket) {
  const image = new Image();
  image.src = url;
  try { await image.decode(); } catch (error) { return; }
  if (ticket !== drawn) return;
  const {naturalWidth: width, naturalHeight: height} = image;
  heat.width = width;
  heat.height = height;
  const context = heat.getContext('2d', {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i += 1) values[i] = rgba[4 * i];
  grey = {width, height, values};
  paint(context, width, height, values);
  contour();
  layers();
}

// Marching squares over the cell centres; the frame outside counts as calm, so outlines close.
function contour() {
  for (const node of lines.querySelectorAll('.tw-contour')) node.remove();
  if (!grey || !value) return;
  const {width, height, values} = grey;
  const level = 255 * view.threshold;
  const fx = value.size[0] / width, fy = value.size[1] / height;
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? -1 : values[y * width + x]);
  const parts = [];
  const cross = (xa, ya, a, xb, yb, b) => {
    const t = (level - a) / (b - a || 1);
    const x = Math.min(width, Math.max(0, xa + t * (xb - xa) + 0.5)), y = Math.min(height, Math.max(0, ya + t * (yb - ya) + 0.5));
    return `${(x * fx).toFixed(1)} ${(y * fy).toFixed(1)}`;
  };
  for (let y = -1; y < height; y += 1) {
    for (let x = -1; x < width; x += 1) {
      const a = at(x, y), b = at(x + 1, y), c = at(x + 1, y + 1), d = at(x, y + 1);
      const code = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (code === 0 || code === 15) continue;
      const top = () => cross(x, y, a, x + 1, y, b), right = () => cross(x + 1, y, b, x + 1, y + 1, c);
      const bottom = () => cross(x, y + 1, d, x + 1, y + 1, c), left = () => cross(x, y, a, x, y + 1, d);
      const pairs = {1: [left, top], 2: [top, right], 3: [left, right], 4: [right, bottom], 5: [left, top, right, bottom],
        6: [top, bottom], 7: [left, bottom], 8: [bottom, left], 9: [bottom, top], 10: [top, right, bottom, left],
        11: [bottom, right], 12: [right, left], 13: [right, top], 14: [top, left]}[code];
      for (let i = 0; i < pairs.length; i += 2) parts.push(`M${pairs[i]()}L${pairs[i + 1]()}`);
    }
  }
  const d = parts.join('');
  lines.prepend(s('path', {class: 'tw-contour tw-contour-under', d}), s('path', {class: 'tw-contour', d}));
}

function regions() {
  for (const node of lines.querySelectorAll('.tw-region')) node.remove();
  if (!value) return;
  for (const roi of shownBoxes()) {
    const [x0, y0, x1, y1] = roi.box;
    const chosen = edit.on && edit.at === roi.n - 1 ? ' at' : '';
    const reached = edit.on ? {tabindex: 0, role: 'group', 'aria-roledescription': 'region', 'aria-label': boxName(roi.box, roi.n)} : {};
    lines.append(s('g', {class: `tw-region${chosen}`, 'data-n': roi.n, ...reached},
      s('rect', {class: 'tw-box-under', x: x0, y: y0, width: x1 - x0, height: y1 - y0}),
      s('rect', {x: x0, y: y0, width: x1 - x0, height: y1 - y0}),
      s('g', {class: 'tw-tag', 'data-x': x0, 'data-y': y0}, s('rect', {width: 20, height: 18, rx: 2}),
        s('text', {x: 10, y: 13, 'text-anchor': 'middle', text: roi.n}))));
  }
  for (const node of lines.querySelectorAll('.tw-region')) node.style.display = view.boxes ? '' : 'none';
  drawHandles();
  buttons();
}

// -- zoom and pan ---------------------------------------------------------------------------
function place() {
  if (!value) return;
  const box = stage.getBoundingClientRect();
  const w = value.size[0] * view.scale, hgt = value.size[1] * view.scale;
  const bound = (offset, size, room) => (size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset)));
  view.x = bound(view.x, w, box.width);
  view.y = bound(view.y, hgt, box.height);
  world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  world.classList.toggle('tw-pixels', view.scale > 3);
  stage.classList.toggle('tw-zoomed', view.scale > view.fit * 1.001);
  zoomText.textContent = percent(view.scale);
  for (const tag of lines.querySelectorAll('.tw-tag')) {
    const k = 1 / view.scale, y = Number(tag.dataset.y);
    tag.setAttribute('transform', `translate(${tag.dataset.x} ${Math.max(0, y - (y * view.scale > 18 ? 18 * k : 0))}) scale(${k})`);
  }
  placeHandles();
}
function fit() {
  if (!value) return;
  const box = stage.getBoundingClientRect();
  if (!box.width) return;
  view.fit = Math.min(box.width / value.size[0], box.height / value.size[1]);
  view.scale = view.fit;
  place();
}
function zoomTo(scale, cx, cy) {
  if (!value) return;
  const box = stage.getBoundingClientRect();
  const px = cx === undefined ? box.width / 2 : cx, py = cy === undefined ? box.height / 2 : cy;
  const next = Math.min(Math.max(scale, view.fit), Math.max(16, view.fit));
  view.x = px - (px - view.x) * next / view.scale;
  view.y = py - (py - view.y) * next / view.scale;
  view.scale = next;
  place();
}
const zoomBy = (factor, cx, cy) => zoomTo(view.scale * factor, cx, cy);
function showRegion(n) {
  const roi = value && value.rois.find((each) => each.n === n);
  if (!roi) return;
  const [x0, y0, x1, y1] = roi.box;
  const box = stage.getBoundingClientRect();
  view.scale = Math.max(view.fit, Math.min(16, 0.6 * Math.min(box.width / (x1 - x0), box.height / (y1 - y0))));
  view.x = box.width / 2 - view.scale * (x0 + x1) / 2;
  view.y = box.height / 2 - view.scale * (y0 + y1) / 2;
  place();
  mark(n);
}
function mark(n) {
  for (const node of root.querySelectorAll('[data-n]')) node.classList.toggle('is', Number(node.dataset.n) === n);
}

stage.addEventListener('wheel', (event) => {
  if (!value) return;
  event.preventDefault();
  const box = stage.getBoundingClientRect();
  zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
}, {passive: false});
const fingers = new Map();
installEditing();
stage.addEventListener('pointerdown', (event) => {
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (stage.classList.contains('tw-zoomed') || fingers.size > 1) stage.setPointerCapture(event.pointerId);
});
stage.addEventListener('pointermove', (event) => {
  if (event.pointerType !== 'touch') tell(event);
  const old = fingers.get(event.pointerId);
  if (!old || !value) return;
  const now = [event.clientX, event.clientY];
  if (fingers.size === 1) {
    view.x += now[0] - old[0];
    view.y += now[1] - old[1];
    place();
  } else {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
    const box = stage.getBoundingClientRect();
    zoomBy(apart(now) / apart(old), (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
  }
  fingers.set(event.pointerId, now);
});
for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
stage.addEventListener('pointerleave', () => { readout.hidden = true; });
stage.addEventListener('dblclick', (event) => {
  const box = stage.getBoundingClientRect();
  if (view.scale > view.fit * 1.001) fit(); else zoomBy(3, event.clientX - box.left, event.clientY - box.top);
});
function tell(event) {
  if (!value) return;
  const box = stage.getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left - view.x) / view.scale), y = Math.floor((event.clientY - box.top - view.y) / view.scale);
  const inside = x >= 0 && y >= 0 && x < value.size[0] && y < value.size[1];
  readout.hidden = !inside;
  if (!inside) return;
  let text = `x ${x}  y ${y}`;
  if (grey) {
    const gx = Math.min(grey.width - 1, Math.floor(x * grey.width / value.size[0]));
    const gy = Math.min(grey.height - 1, Math.floor(y * grey.height / value.size[1]));
    text += `  map ${(grey.values[gy * grey.width + gx] / 255).toFixed(2)}`;
  }
  readout.textContent = text;
}

// -- under the picture ----------------------------------------------------------------------
function crops() {
  const kids = [];
  if (value.score !== null) {
    const over = value.score >= 0.5;
    kids.push(h('div', {class: 'tw-score'},
      h('span', {class: 'tw-label', text: 'Expert score'}),
      h('b', {class: 'tw-number', text: value.score.toFixed(2)}),
      h('span', {text: over ? 'above the threshold 0.50' : 'below the threshold 0.50'}),
      h('span', {class: 'tw-soft', text: `${value.made}, ${value.seconds.toFixed(2)} s`, title: value.expert})));
    if (value.kinds.length) kids.push(h('p', {class: 'tw-kinds'}, h('span', {class: 'tw-label', text: 'Looks like'}),
      value.kinds.map(([kind, similarity]) => h('span', {title: 'How well the description fits, 0 to 1'}, h('b', {text: kind}), ` ${similarity}`))));
  }
  for (const note of value.notes) kids.push(h('p', {class: 'tw-notice', text: note}));
  if (value.policy === 'null') kids.push(h('p', {class: 'tw-notice', text: AT_RANDOM}));
  if (value.case && !value.rois.length) kids.push(h('p', {class: 'tw-empty', text: NONE[value.policy] || NOTHING_FOUND}));
  if (value.case === '') kids.push(h('p', {class: 'tw-empty', text: 'Not inspected yet. Press Inspect to see the heat map and the regions.'}));
  if (value.rois.length) {
    kids.push(h('div', {class: 'tw-crops'}, value.rois.map((roi) =>
      h('button', {class: 'tw-crop', type: 'button', 'data-n': roi.n, onclick: () => showRegion(roi.n),
        onmouseenter: () => mark(roi.n), onmouseleave: () => mark(0), title: `Show region ${roi.n} (${roi.n})`},
        h('img', {src: roi.url, alt: `Region ${roi.n}, ${roi.place}`, loading: 'lazy'}),
        h('span', {class: 'tw-crop-head'}, h('b', {text: roi.n}), h('span', {text: roi.place}),
          h('span', {class: 'tw-number', text: roi.score === null ? WHO[roi.source] : roi.score.toFixed(2)})),
        h('span', {class: 'tw-crop-box', text: `${roi.box[2] - roi.box[0]} × ${roi.box[3] - roi.box[1]} at ${roi.box[0]}, ${roi.box[1]}`})))));
  }
  below.replaceChildren(...kids);
}

function draw() {
  const last = value;
  value = props.value || null;
  drawn += 1;
  adopt(last);
  const has = Boolean(value);
  root.classList.toggle('tw-none', !has);
  root.classList.toggle('tw-bare', !has || !value.map);
  editButton.hidden = !has || !value.case;
  if (!has) { grey = null; title.replaceChildren(); below.replaceChildren(); photo.removeAttribute('src'); lines.replaceChildren(); layers(); return; }
  if (!last || last.map !== value.map) { grey = null; heat.width = heat.width; }
  photo.src = value.photo;
  photo.alt = `Inspected photo ${value.name}`;
  title.replaceChildren(h('span', {class: 'tw-title-name', text: value.name, title: value.name}), h('span', {class: 'tw-soft', text: value.facts}));
  world.style.width = `${value.size[0]}px`;
  world.style.height = `${value.size[1]}px`;
  lines.setAttribute('viewBox', `0 0 ${value.size[0]} ${value.size[1]}`);
  const held = lines.contains(document.activeElement);
  lines.replaceChildren();
  regions();
  if (held) select(edit.at, true);
  crops();
  if (value.map) { if (grey) contour(); else loadMap(value.map, drawn); }
  layers();
  if (value.case && (!last || last.case !== value.case) && window.innerWidth < 760) root.scrollIntoView({block: 'start'});
  if (!last || last.size[0] !== value.size[0] || last.size[1] !== value.size[1] || last.name !== value.name) fit(); else place();
}
new ResizeObserver(() => { if (view.scale <= view.fit * 1.001) fit(); else place(); }).observe(stage);

// -- keyboard -------------------------------------------------------------------------------
const SHORTCUTS = [
  ['I', 'Inspect', () => press('#inspect')],
  ['M', 'Heat map on or off', () => flip('map')],
  ['C', 'Contour on or off', () => flip('contour')],
  ['B', 'Regions on or off', () => flip('boxes')],
  ['E', 'Edit regions', () => setEditing(!edit.on)],
  ['[', 'Less opacity', () => setLevel('opacity', view.opacity - 0.05)],
  [']', 'More opacity', () => setLevel('opacity', view.opacity + 0.05)],
  [',', 'Lower threshold', () => setLevel('threshold', view.threshold - 0.02)],
  ['.', 'Higher threshold', () => setLevel('threshold', view.threshold + 0.02)],
  ['+', 'Zoom in', () => zoomBy(1.4)],
  ['-', 'Zoom out', () => zoomBy(1 / 1.4)],
  ['0', 'Whole photo', fit],
  ['Z', 'Original pixels', () => zoomTo(1)],
  ['1 ... 9', 'Go to a region', null],
  ['/', 'Type a question', () => focusOn('#question textarea')],
  ['S', 'Stop the answer', () => press('#stop')],
  ['?', 'This list', showHelp],
];
function press(selector) {
  const found = document.querySelector(selector);
  const button = found && (found.matches('button') ? found : found.querySelector('button'));
  if (button && !button.disabled) button.click();
}
function focusOn(selector) {
  const found = document.querySelector(selector);
  if (found) found.focus();
}
function showHelp() {
  if (help.open) { help.close(); return; }
  help.replaceChildren(h('h2', {id: 'tw-help-title', text: 'Keyboard'}),
    h('dl', {}, SHORTCUTS.map(([key, text]) => [h('dt', {}, h('kbd', {text: key})), h('dd', {text})])),
    h('p', {class: 'tw-soft', text: 'The wheel zooms, dragging moves, a double click zooms in and out. Keys rest while you type.'}),
    h('p', {class: 'tw-soft', text: 'While regions are edited: Tab goes from box to box, arrows move it, Shift and arrows resize it, Ctrl makes single pixels of it; N adds one, Delete removes it, Ctrl Z takes back, Esc ends. Space and dragging moves the photo.'}),
    h('button', {type: 'button', class: 'tw-toggle', text: 'Close', onclick: () => help.close()}));
  help.showModal();
}
const ARROWS = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
stage.addEventListener('keydown', (event) => {
  const way = ARROWS[event.key];
  if (!way || !stage.classList.contains('tw-zoomed')) return;
  event.preventDefault();
  view.x += way[0];
  view.y += way[1];
  place();
});
if (window.triadKeys) window.removeEventListener('keydown', window.triadKeys);
window.triadKeys = (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (at instanceof Element && at.closest('input:not([type=range]):not([type=radio]), textarea, select, [contenteditable=true], [role=listbox]')) return;
  if (!root.offsetParent && event.key !== '?') return;
  if (help.open && event.key !== '?') return;
  if (/^[1-9]$/.test(event.key)) { showRegion(Number(event.key)); return; }
  const known = SHORTCUTS.find(([key, , act]) => act && key.toLowerCase() === (event.key === '=' ? '+' : event.key).toLowerCase());
  if (known) { event.preventDefault(); known[2](); }
};
window.addEventListener('keydown', window.triadKeys);
window.addEventListener('tw-shortcuts', showHelp);
watch('value', draw);
draw();
