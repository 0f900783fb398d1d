// Editing regions on the photo: draw, move, resize, delete with mouse, touch and keys.
// Every change is sent whole, so the last one sent is what counts. Stands before viewer.js and
// uses its view, stage and lines; boxes are whole pixels of the original, half-open.
const MOST = 4;
const LEAST = 4;
const edit = {on: false, boxes: [], policy: 'ranked', at: -1, undo: [], drag: null, space: false,
  sent: 0, unsaved: null, typing: 0, late: 0};

const tool = (text, key, act) => h('button', {class: 'tw-toggle', type: 'button', text, title: `${text} (${key})`, onclick: act});
const editButton = h('button', {class: 'tw-toggle tw-edit-button', type: 'button', 'aria-pressed': 'false', 'aria-keyshortcuts': 'E',
  title: 'Edit regions (E)', text: 'Edit regions', onclick: () => setEditing(!edit.on)});
const addButton = tool('Add', 'N', addBox);
const deleteButton = tool('Delete', 'Del', () => removeBox());
const undoButton = tool('Undo', 'Ctrl Z', undo);
const resetButton = h('button', {class: 'tw-toggle', type: 'button', text: 'Reset', title: 'Back to the regions that were found', onclick: reset});
const saying = h('span', {class: 'tw-edit-saying', role: 'status'});
const againButton = h('button', {class: 'tw-toggle', type: 'button', text: 'Try again', hidden: true, onclick: () => flush()});
const doneButton = h('button', {class: 'tw-toggle tw-edit-done', type: 'button', text: 'Done', title: 'Done (Esc)', onclick: () => setEditing(false)});
const editBar = h('div', {class: 'tw-editbar', role: 'toolbar', 'aria-label': 'Edit regions', hidden: true},
  addButton, deleteButton, undoButton, resetButton, doneButton, saying, againButton);
const HINT = 'Drag on the photo to draw. Drag a box to move it, its edge to resize it; with Shift, draw inside it.';
const WHO = {user: 'drawn', random: 'random', expert: 'found'};
const NONE = {
  user: 'You marked no region: the model sees the whole photo only.',
  anyres: 'The model sees the plain photo: no regions, no heat map.'};
const NOTHING_FOUND = 'No suspicious region: nothing in the map is above the threshold.';
const AT_RANDOM = 'These regions are drawn at random, for comparison only. The model does not see the heat map.';

// -- what is there --------------------------------------------------------------------------
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const within = (v, low, high) => Math.min(Math.max(v, low), high);
const smallest = (axis) => Math.min(LEAST, value.size[axis]);
function shownBoxes() {
  return edit.on ? edit.boxes.map((box, i) => ({n: i + 1, box})) : value.rois;
}
function boxName(box, n) {
  return `Region ${n}, ${box[2] - box[0]} by ${box[3] - box[1]} pixels at ${box[0]}, ${box[1]}`;
}

// A new value came: take its regions unless a newer change of ours is still on its way.
function adopt(last) {
  if (!value || !value.case || !last || last.case !== value.case) {
    if (last && edit.typing) flush(last.case);
    clearTimeout(edit.typing); clearTimeout(edit.late);
    Object.assign(edit, {unsaved: null, typing: 0, undo: [], at: -1, drag: null});
    showEditing(false);
  }
  if (!value) return;
  if (value.edit === edit.sent && edit.unsaved) {
    clearTimeout(edit.late);
    edit.unsaved = null;
    say('Saved.');
  }
  if (!edit.unsaved && !edit.drag && !edit.typing) {
    edit.boxes = value.rois.map((roi) => roi.box.slice());
    edit.policy = value.policy;
    edit.at = Math.min(edit.at, edit.boxes.length - 1);
  }
  if (value.begin) setEditing(true);
}
function say(text, again) {
  saying.textContent = text;
  againButton.hidden = !again;
}
function setEditing(on) {
  if (on && !(value && value.case)) return;
  if (!on) { cancelDrag(); flush(); }
  showEditing(on);
  if (on) { say(HINT); if (!view.boxes) flip('boxes'); stage.focus({preventScroll: true}); }
  regions();
  place();
}
function showEditing(on) {
  edit.on = on;
  if (!on) { edit.at = -1; edit.space = false; }
  editButton.setAttribute('aria-pressed', String(on));
  editBar.hidden = !on;
  stage.classList.toggle('tw-editing', on);
  stage.style.cursor = '';
  if (on) lines.removeAttribute('aria-hidden'); else lines.setAttribute('aria-hidden', 'true');
}
function select(at, focus) {
  edit.at = at;
  for (const node of lines.querySelectorAll('.tw-region')) node.classList.toggle('at', Number(node.dataset.n) === at + 1);
  drawHandles();
  buttons();
  const node = lines.querySelector('.tw-region.at');
  if (focus && node) node.focus({preventScroll: true});
}
function buttons() {
  addButton.disabled = edit.boxes.length >= MOST;
  deleteButton.disabled = edit.at < 0;
  undoButton.disabled = !edit.undo.length;
}
function drawHandles() {
  for (const node of lines.querySelectorAll('.tw-handle')) node.remove();
  const box = edit.on && edit.boxes[edit.at];
  if (!box) return;
  const [x0, y0, x1, y1] = box;
  for (const [x, y] of [[x0, y0], [(x0 + x1) / 2, y0], [x1, y0], [x1, (y0 + y1) / 2], [x1, y1], [(x0 + x1) / 2, y1], [x0, y1], [x0, (y0 + y1) / 2]]) {
    lines.append(s('rect', {class: 'tw-handle', x: -5, y: -5, width: 10, height: 10, 'data-x': x, 'data-y': y}));
  }
  placeHandles();
}
function placeHandles() {
  for (const node of lines.querySelectorAll('.tw-handle')) {
    node.setAttribute('transform', `translate(${node.dataset.x} ${node.dataset.y}) scale(${1 / view.scale})`);
  }
}
function redraw(focus) {
  const had = focus || lines.contains(document.activeElement);
  regions();
  place();
  if (had) { if (edit.at >= 0) select(edit.at, true); else stage.focus({preventScroll: true}); }
}

// -- changes --------------------------------------------------------------------------------
function changed(before, policy, later) {
  if (!(later && edit.typing)) edit.undo.push({boxes: before, policy: edit.policy});
  edit.policy = policy;
  edit.unsaved = policy === 'user' ? {boxes: edit.boxes} : {choose: policy};
  clearTimeout(edit.typing);
  edit.typing = 0;
  if (later) edit.typing = setTimeout(flush, 500); else flush();
  buttons();
}
function flush(of = value && value.case) {
  clearTimeout(edit.typing);
  clearTimeout(edit.late);
  edit.typing = 0;
  if (!edit.unsaved || !of) return;
  edit.sent += 1;
  window.triadRegions = JSON.stringify({case: of, edit: edit.sent, ...edit.unsaved});
  say('Saving ...');
  edit.late = setTimeout(() => say('Not saved yet.', true), 8000);
  trigger('edited');
}
function addBox() {
  if (edit.boxes.length >= MOST) { say('Four regions at most: delete one to draw another.'); return; }
  const before = edit.boxes.slice(), frame = stage.getBoundingClientRect();
  const middle = [0, 1].map((axis) => {
    const seen = [-[view.x, view.y][axis] / view.scale, (-[view.x, view.y][axis] + [frame.width, frame.height][axis]) / view.scale];
    return (Math.max(0, seen[0]) + Math.min(value.size[axis], seen[1])) / 2;
  });
  const side = Math.max(...[0, 1].map(smallest), Math.round(0.25 * Math.min(frame.width / view.scale, frame.height / view.scale, ...value.size)));
  const low = [0, 1].map((axis) => within(Math.round(middle[axis] - side / 2), 0, Math.max(0, value.size[axis] - side)));
  edit.boxes = [...before, [...low, ...low.map((v, axis) => Math.min(v + side, value.size[axis]))]];
  edit.at = edit.boxes.length - 1;
  redraw(true);
  changed(before, 'user');
}
function removeBox() {
  if (edit.at < 0) return;
  const before = edit.boxes;
  edit.boxes = before.filter((_, i) => i !== edit.at);
  edit.at = Math.min(edit.at, edit.boxes.length - 1);
  redraw(true);
  changed(before, 'user');
}
function undo() {
  const last = edit.undo.pop();
  if (!last) return;
  edit.boxes = last.boxes;
  edit.at = -1;
  edit.policy = last.policy;
  edit.unsaved = last.policy === 'user' ? {boxes: last.boxes} : {choose: last.policy};
  flush();
  redraw();
}
function reset() {
  const before = edit.boxes;
  edit.at = -1;
  changed(before, 'found');
  redraw();
}
const ARROW_KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
function nudge(way, event) {
  const before = edit.boxes, box = before[edit.at].slice();
  const step = event.ctrlKey || event.metaKey ? 1 : Math.max(1, Math.round(4 / view.scale));
  for (const axis of [0, 1]) {
    const by = way[axis] * step, size = box[axis + 2] - box[axis];
    if (event.shiftKey) box[axis + 2] = within(box[axis + 2] + by, box[axis] + smallest(axis), value.size[axis]);
    else { box[axis] = within(box[axis] + by, 0, value.size[axis] - size); box[axis + 2] = box[axis] + size; }
  }
  if (same(box, before[edit.at])) return;
  edit.boxes = before.map((each, i) => (i === edit.at ? box : each));
  redraw(true);
  changed(before, 'user', true);
}

// -- pointer --------------------------------------------------------------------------------
function spot(event) {
  const frame = stage.getBoundingClientRect();
  return [(event.clientX - frame.left - view.x) / view.scale, (event.clientY - frame.top - view.y) / view.scale];
}
// What is under a point: an edge or a corner (the chosen box first), the inside, or nothing.
function under(point, reach) {
  const order = edit.boxes.map((_, i) => i).sort((a, b) => (b === edit.at) - (a === edit.at) || area(a) - area(b));
  for (const at of order) {
    const box = edit.boxes[at];
    const edges = [0, 1].map((axis) => {
      const inward = Math.min(reach, (box[axis + 2] - box[axis]) / 4);
      if (point[axis] > box[axis] - reach && point[axis] < box[axis] + inward) return -1;
      return point[axis] < box[axis + 2] + reach && point[axis] > box[axis + 2] - inward ? 1 : 0;
    });
    const near = [0, 1].every((axis) => point[axis] > box[axis] - reach && point[axis] < box[axis + 2] + reach);
    if (near && (edges[0] || edges[1])) return {at, edges};
    // A box of the whole photo has nowhere to go: inside it another is drawn.
    const stuck = box[0] === 0 && box[1] === 0 && box[2] === value.size[0] && box[3] === value.size[1];
    if (near && !stuck) return {at, edges: null};
  }
  return {at: -1, edges: null};
}
const area = (i) => (edit.boxes[i][2] - edit.boxes[i][0]) * (edit.boxes[i][3] - edit.boxes[i][1]);
const reachOf = (event) => (event.pointerType === 'touch' ? 18 : 8) / view.scale;
function cursorOf({at, edges}) {
  if (at < 0) return edit.boxes.length < MOST ? 'crosshair' : '';
  if (!edges) return 'move';
  if (edges[0] && edges[1]) return edges[0] === edges[1] ? 'nwse-resize' : 'nesw-resize';
  return edges[0] ? 'ew-resize' : 'ns-resize';
}
function cancelDrag() {
  if (!edit.drag) return;
  edit.boxes = edit.drag.before;
  edit.drag = null;
  redraw();
}
function editDown(event) {
  if (!edit.on || event.button === 1 || edit.space) return;
  if (fingers.size) { cancelDrag(); return; } // a second finger zooms and moves
  if (event.button !== 0) return;
  const from = spot(event), found = event.shiftKey ? {at: -1, edges: null} : under(from, reachOf(event));
  if (found.at < 0 && edit.boxes.length >= MOST) { say('Four regions at most: delete one to draw another.'); select(-1); return; }
  event.stopImmediatePropagation();
  event.preventDefault(); // no focus of the stage: the box gets it
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  stage.setPointerCapture(event.pointerId);
  edit.drag = {id: event.pointerId, from, before: edit.boxes, moved: false, start: [event.clientX, event.clientY], ...found};
  select(found.at, true);
}
function editMove(event) {
  if (!edit.on) return;
  const drag = edit.drag;
  if (!drag) {
    if (event.pointerType === 'mouse' && !event.buttons) stage.style.cursor = edit.space ? '' : cursorOf(under(spot(event), reachOf(event)));
    return;
  }
  if (drag.id !== event.pointerId) return;
  event.stopImmediatePropagation();
  if (event.pointerType !== 'touch') tell(event);
  if (!drag.moved && Math.hypot(event.clientX - drag.start[0], event.clientY - drag.start[1]) < 4) return;
  drag.moved = true;
  const now = spot(event), box = drag.at < 0 ? [0, 0, 0, 0] : drag.before[drag.at].slice();
  for (const axis of [0, 1]) {
    const end = value.size[axis], size = box[axis + 2] - box[axis], by = Math.round(now[axis] - drag.from[axis]);
    if (drag.at < 0) {
      const pair = [drag.from[axis], now[axis]].map((v) => within(Math.round(v), 0, end)).sort((a, b) => a - b);
      box[axis] = Math.min(pair[0], end - smallest(axis));
      box[axis + 2] = Math.max(pair[1], box[axis] + smallest(axis));
    } else if (!drag.edges) {
      box[axis] = within(box[axis] + by, 0, end - size);
      box[axis + 2] = box[axis] + size;
    } else if (drag.edges[axis] < 0) box[axis] = within(box[axis] + by, 0, box[axis + 2] - smallest(axis));
    else if (drag.edges[axis] > 0) box[axis + 2] = within(box[axis + 2] + by, box[axis] + smallest(axis), end);
  }
  edit.boxes = drag.at < 0 ? [...drag.before, box] : drag.before.map((each, i) => (i === drag.at ? box : each));
  edit.at = drag.at < 0 ? edit.boxes.length - 1 : drag.at;
  regions();
  place();
}
function editUp(event) {
  const drag = edit.drag;
  if (!drag || drag.id !== event.pointerId) return;
  if (event.type !== 'pointerup') { cancelDrag(); return; }
  edit.drag = null;
  if (same(drag.before, edit.boxes)) { if (drag.at < 0) select(-1); return; }
  flush(); // typed changes that wait go first, each with an undo of its own
  redraw(true);
  changed(drag.before, 'user');
}

// -- keys -----------------------------------------------------------------------------------
function editKeys(event) {
  if (!edit.on || event.isComposing || help.open) return;
  const way = ARROW_KEYS[event.key], inStage = stage.contains(event.target);
  const act = way && inStage && edit.at >= 0 && !event.altKey ? () => nudge(way, event)
    : (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && !event.shiftKey ? undo
    : event.ctrlKey || event.metaKey || event.altKey ? null
    : event.key === 'Delete' || event.key === 'Backspace' ? () => removeBox()
    : event.key === 'Escape' ? () => { if (edit.drag) cancelDrag(); else { setEditing(false); editButton.focus(); } }
    : event.key === 'n' || event.key === 'N' ? addBox
    : event.key === ' ' && inStage ? () => { edit.space = true; stage.style.cursor = 'grab'; } : null;
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  act();
}
function installEditing() {
  const early = {capture: true};
  stage.addEventListener('pointerdown', editDown, early);
  stage.addEventListener('pointermove', editMove, early);
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) stage.addEventListener(name, editUp, early);
  stage.addEventListener('dblclick', (event) => { if (edit.on) event.stopImmediatePropagation(); }, early);
  stage.addEventListener('keyup', (event) => { if (event.key === ' ') { edit.space = false; stage.style.cursor = ''; } });
  // Not on the svg: one that listens for focus becomes a stop of the Tab key itself.
  stage.addEventListener('focusin', (event) => {
    const node = event.target.closest('.tw-region');
    if (edit.on && node && edit.at !== Number(node.dataset.n) - 1) select(Number(node.dataset.n) - 1);
  });
  root.addEventListener('keydown', editKeys, early);
  window.addEventListener('pagehide', () => flush());
}
