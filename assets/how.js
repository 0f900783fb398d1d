// How to look: the expert, and what is kept of the product for it. Parts of the value that an answer
// leaves out stay as they are shown; what is typed stays typed.
const OWN = 0.5;
const state = {product: 'part', experts: {chosen: '', ready: [], lacking: []}, threshold: {at: OWN, set: false, good: [], bad: []},
  defects: [], proposed: [], pool: 0, folders: [], remedy: '', filling: {phase: 'none'}, problem: {part: '', text: ''}, done: {part: '', text: ''}, undo: ''};
let level = OWN;
let asking = false;
let clearing = false;
let later = 0;

const button = (text, onclick, more) => h('button', {class: 'tw-small', type: 'button', text, onclick, ...more});
const notes = {};
function note(part) {
  notes[part] = h('p', {class: 'tw-part-note', role: 'status', hidden: true});
  return notes[part];
}

// -- expert ---------------------------------------------------------------------------------
const choices = h('div', {class: 'tw-experts', role: 'radiogroup', 'aria-label': 'Expert'});
const lacking = h('details', {class: 'tw-more'});
function expert(offer) {
  const input = h('input', {type: 'radio', name: 'tw-expert', value: offer.name, checked: offer.name === state.experts.chosen,
    onchange: () => send('pick', offer.name)});
  const about = h('span', {}, h('b', {text: offer.title}), h('span', {class: 'tw-soft', text: ` ${offer.description}`}),
    offer.name === state.experts.chosen && offer.makesUseOf ? h('span', {class: 'tw-uses', text: offer.makesUseOf}) : null);
  return h('label', {class: 'tw-expert'}, input, about);
}
function drawExperts() {
  const {ready, lacking: absent} = state.experts;
  const held = choices.contains(document.activeElement);
  choices.replaceChildren(...ready.map(expert));
  if (held) choices.querySelector('input:checked')?.focus({preventScroll: true});
  lacking.hidden = !absent.length;
  lacking.replaceChildren(h('summary', {text: `${absent.length} more that lack their weights`}),
    h('ul', {class: 'tw-lacking'}, absent.map((offer) => h('li', {}, h('b', {text: offer.title}), h('span', {class: 'tw-soft', text: ` ${offer.description}`}), h('span', {class: 'tw-lacks', text: offer.problem})))));
}
const uses = (what) => (state.experts.ready.find(({name}) => name === state.experts.chosen)?.uses || []).includes(what);

// -- threshold ------------------------------------------------------------------------------
const levelHead = h('h3', {class: 'tw-label'});
const number = h('output', {class: 'tw-number'});
const slider = h('input', {type: 'range', min: 0.001, max: 0.999, step: 0.001, 'aria-label': 'Threshold of the product', id: 'product-threshold', oninput: () => set(Number(slider.value))});
const expected = h('div', {class: 'tw-shares'});
const save = button('Save', () => send('save_threshold', level), {id: 'save-threshold'});
const measure = button('From corrected cases', () => send('measure_threshold', ''), {title: 'Takes the threshold that divides the cases best whose truth you told under Correction'});
const reset = button('Reset', () => send('reset_threshold', ''), {title: "Back to the expert's own 0.5"});
function set(at) {
  level = at;
  slider.value = at;
  number.textContent = at.toFixed(3);
  const {good, bad, at: kept} = state.threshold;
  expected.replaceChildren(...(good.length || bad.length ? saidShares(good, bad, at)
    : [h('p', {class: 'tw-soft tw-small-print', text: 'How many escape or are called wrongly is not known yet: run an Evaluation of this product, or correct some cases.'})]));
  save.disabled = Math.abs(at - kept) < 0.0005;
}
function drawThreshold(changed) {
  levelHead.textContent = `Threshold for ${state.product}`;
  save.textContent = `Save for ${state.product}`;
  reset.hidden = !state.threshold.set || state.threshold.at === OWN;
  set(changed ? state.threshold.at : level);
}

// -- known defects --------------------------------------------------------------------------
const defectHead = h('summary', {});
const list = h('ul', {class: 'tw-defects'});
const offered = h('div', {class: 'tw-offered', hidden: true});
const typed = h('textarea', {class: 'tw-input', rows: 2, placeholder: 'scratch: a thin bright line', 'aria-label': 'New defects, one a line, as kind: description', id: 'new-defect'});
const add = button('Add', () => send('add_defect', typed.value), {id: 'add-defect'});
const propose = button('', () => { asking = true; drawDefects(); trigger('propose_defects'); }, {id: 'propose-defects'});
const undo = button('Undo removal', () => send('bring_back_defect', state.undo));
function words({kind, text}) {
  return h('span', {}, h('b', {text: kind}), h('span', {text: `: ${text}`}));
}
function drawDefects() {
  defectHead.textContent = `Known defects (${state.defects.length})`;
  list.replaceChildren(...state.defects.map((each) => h('li', {}, words(each),
    h('button', {class: 'tw-quiet tw-remove', type: 'button', 'aria-label': `Remove ${each.kind}`, onclick: () => send('remove_defect', each.id)}, icon('M4 4l8 8M12 4l-8 8')))));
  undo.hidden = !state.undo;
  propose.textContent = asking ? 'The model is thinking ...' : 'Let the model propose';
  propose.disabled = asking;
  offered.hidden = !state.proposed.length;
  offered.replaceChildren(h('p', {class: 'tw-label', text: 'Proposed, not kept yet'}), ...state.proposed.map((each) =>
    h('label', {class: 'tw-expert'}, h('input', {type: 'checkbox', checked: true, 'data-kind': each.kind, 'data-text': each.text}), words(each))),
  h('div', {class: 'tw-group'}, button('Keep the ticked ones', () => {
    const kept = [...offered.querySelectorAll('input:checked')].map((box) => ({kind: box.dataset.kind, text: box.dataset.text}));
    state.proposed = [];
    if (kept.length) send('add_defect', JSON.stringify(kept)); else drawDefects();
  }, {id: 'keep-proposed'}), button('Drop all', () => { state.proposed = []; drawDefects(); })));
}

// -- pool -----------------------------------------------------------------------------------
const poolHead = h('summary', {});
const poolUse = h('p', {class: 'tw-soft tw-small-print'});
const folder = h('input', {class: 'tw-input', type: 'text', list: 'tw-folders', placeholder: 'folder on this machine', 'aria-label': 'Folder with pictures for the pool', id: 'pool-folder'});
const known = h('datalist', {id: 'tw-folders'});
const fromFolder = h('div', {class: 'tw-group'}, folder, known, button('Add folder', () => send('add_folder', folder.value), {id: 'add-pool-folder'}));
const remedy = h('p', {class: 'tw-soft tw-small-print'});
const bar = h('progress', {max: 1, 'aria-label': 'Progress of filling the pool'});
const working = h('p', {});
const job = h('div', {class: 'tw-next', role: 'group', 'aria-label': 'Filling the pool'}, working, bar, button('Cancel', () => trigger('cancel_pool'), {id: 'cancel-pool'}));
const ended = h('p', {class: 'tw-part-note', role: 'status'});
const clear = h('div', {class: 'tw-group'});
function drawPool() {
  const {filling, pool} = state;
  const busy = filling.phase === 'running' || filling.phase === 'stopping';
  poolHead.textContent = `Pool of pictures (${pool})`;
  poolUse.textContent = uses('pool') ? 'Pictures of this product, good and bad alike and unsorted, that each photo is compared with.'
    : 'Unsorted pictures of this product. The expert chosen above does not use them; those called MuSc do.';
  known.replaceChildren(...state.folders.map((name) => h('option', {value: name})));
  fromFolder.hidden = Boolean(state.remedy);
  remedy.hidden = !state.remedy;
  remedy.textContent = state.remedy;
  job.hidden = !busy;
  working.textContent = `${filling.product}: ${filling.phase === 'stopping' ? 'ends after this picture' : filling.message}`;
  bar.value = filling.fraction || 0;
  ended.hidden = busy || !filling.message || filling.product !== state.product;
  ended.textContent = filling.message || '';
  ended.dataset.kind = filling.phase === 'failed' ? 'problem' : 'done';
  clear.hidden = !pool || busy;
  clear.replaceChildren(...(clearing
    ? [h('span', {text: `Take all ${pool} out?`}), button('Take out', () => { clearing = false; send('clear_pool', ''); }, {id: 'clear-pool-surely'}), button('Keep', () => { clearing = false; drawPool(); })]
    : [button('Clear the pool', () => { clearing = true; drawPool(); clear.querySelector('button').focus(); }, {id: 'clear-pool'})]));
}

const defectBox = h('details', {class: 'tw-part'}, defectHead,
  h('p', {class: 'tw-soft tw-small-print', text: 'In words, for experts that compare with text; the likely kind is then named beside the score.'}),
  list, undo, typed, h('div', {class: 'tw-group'}, add, propose), offered, note('defects'));
const poolBox = h('details', {class: 'tw-part'}, poolHead, poolUse, fromFolder, remedy, job, ended, clear, note('pool'));
root.replaceChildren(h('div', {class: 'tw-how'},
  choices, lacking, note('expert'),
  levelHead, h('div', {class: 'tw-slider'}, slider, number), expected, h('div', {class: 'tw-group tw-wrap'}, save, measure, reset), note('threshold'),
  defectBox, poolBox));
poolBox.addEventListener('toggle', () => { document.getElementById('how-box')?.classList.toggle('tw-pool-open', poolBox.open); });

function draw() {
  const value = props.value;
  if (!value) return;
  const before = `${state.product} ${state.experts.chosen} ${state.threshold.at}`;
  Object.assign(state, {problem: {part: '', text: ''}, done: {part: '', text: ''}, undo: ''}, value);
  if (value.product !== undefined && !('proposed' in value) && before.split(' ')[0] !== value.product.split(' ')[0]) state.proposed = [];
  if ('defects' in value) asking = false;
  if ('typed' in value) typed.value = value.typed;
  drawExperts();
  drawThreshold(before !== `${state.product} ${state.experts.chosen} ${state.threshold.at}`);
  drawDefects();
  drawPool();
  for (const [part, node] of Object.entries(notes)) {
    const told = state.problem.part === part ? state.problem.text : state.done.part === part ? state.done.text : '';
    node.hidden = !told;
    node.textContent = told;
    node.dataset.kind = state.problem.part === part ? 'problem' : 'done';
  }
}
// Another product is named while this is open: show what is kept of that one.
window.addEventListener('tw-called', () => {
  if (!root.isConnected || root.offsetParent === null) return;
  clearTimeout(later);
  later = setTimeout(() => trigger('other_product'), 350);
});
watch('value', draw);
draw();
