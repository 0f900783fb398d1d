// The head of the Models tab: the model in use, this machine, and how far the next model is.
// The state comes from the engine line (window.triadEngine), the rest in the value.
const BUSY = ['fetching', 'loading'];
let before = null;
let named = '';

const heading = h('h2', {class: 'tw-heading', text: 'Model in use', tabindex: -1});
const title = h('p', {class: 'tw-loaded-title'});
const facts = h('dl', {class: 'tw-facts tw-loaded-facts'});
const unload = h('button', {class: 'tw-small', type: 'button', text: 'Unload', title: 'Frees its memory; questions then need another model', onclick: () => trigger('unload_model')});
const what = h('h3', {class: 'tw-next-title'});
const message = h('p', {class: 'tw-next-message'});
const bar = h('progress', {max: 1, 'aria-label': 'Progress of the next model'});
const aside = h('p', {class: 'tw-soft tw-next-aside'});
const leave = h('button', {class: 'tw-small', type: 'button', onclick: () => { heading.focus({preventScroll: true}); trigger('cancel_load'); }});
const next = h('div', {class: 'tw-next', role: 'group', 'aria-label': 'Next model'}, what, message, bar, aside, leave);

root.replaceChildren(h('section', {class: 'tw-box tw-loaded'},
  h('div', {class: 'tw-loaded-head'}, h('div', {}, heading, title), unload), facts, next));

function fact([name, text]) {
  return [h('dt', {text: name}), h('dd', {text})];
}
function draw() {
  const value = props.value || {machine: '', title: '', facts: []};
  const engine = window.triadEngine || {state: 'loading', message: '', fraction: null, engine: ''};
  const busy = BUSY.includes(engine.state);
  const failed = engine.state === 'failed';
  const first = engine.engine ? value.title || engine.engine : 'None';
  title.textContent = engine.engine || busy || failed ? first : `None. ${engine.message}`;
  unload.hidden = !engine.engine;
  const rows = engine.engine ? [...value.facts, ['Engine', engine.engine]] : [];
  if (value.machine) rows.push(['This machine', value.machine]);
  facts.replaceChildren(...rows.flatMap(fact));

  next.hidden = !busy && !failed;
  next.dataset.state = failed ? 'failed' : 'busy';
  what.textContent = busy ? `Loading ${named || 'the next model'}` : `${named || 'The next model'} could not be loaded`;
  message.textContent = engine.message;
  bar.hidden = !busy;
  if (engine.fraction === null) bar.removeAttribute('value');
  else bar.value = engine.fraction;
  aside.textContent = !engine.engine ? (busy ? 'Heat maps and regions work meanwhile.' : 'No model is in use. Heat maps and regions work.')
    : (busy ? `Until then ${first} keeps answering.` : `Still in use: ${first}.`);
  leave.textContent = busy ? 'Cancel' : 'Put aside';
  leave.hidden = failed && !engine.engine;
}
function follow() {
  if (!root.isConnected) return;
  const engine = window.triadEngine;
  const state = BUSY.includes(engine.state) ? 'busy' : engine.state;
  const now = `${state} ${engine.engine}`;
  draw();
  if (before !== null && before !== now) {
    if (state !== 'busy' && state !== 'failed') named = '';
    if (document.activeElement === document.body || next.contains(document.activeElement)) keepFocus();
    trigger('list_models');
  }
  before = now;
}
// What had the focus may just have been hidden.
function keepFocus() {
  if (root.offsetParent !== null && next.hidden) heading.focus({preventScroll: true});
}
watch('value', draw);
draw();
if (window.triadEngine) follow();
window.addEventListener('tw-engine', follow);
window.addEventListener('tw-chosen', (event) => {
  named = event.detail;
  draw();
  root.scrollIntoView({block: 'nearest'});
});
