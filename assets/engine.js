// The head of the page: name, the language model's state, theme, shortcuts.
const MARKS = {ready: 'ready', failed: 'failed', absent: 'absent', fetching: 'busy', loading: 'busy'};
let before = null;

const line = h('div', {class: 'tw-engine', role: 'status', 'aria-live': 'polite'});
const themeButton = h('button', {class: 'tw-quiet', type: 'button', onclick: () => {
  const dark = document.body.classList.toggle('dark');
  try { localStorage.setItem('tw-theme', dark ? 'dark' : 'light'); } catch (error) { /* private mode */ }
  nameTheme();
}});
function nameTheme() {
  const dark = document.body.classList.contains('dark');
  themeButton.textContent = dark ? 'Light' : 'Dark';
  themeButton.setAttribute('aria-label', dark ? 'Switch to light colours' : 'Switch to dark colours');
}
try {
  const kept = localStorage.getItem('tw-theme');
  if (kept && !new URL(location.href).searchParams.has('__theme')) {
    document.body.classList.toggle('dark', kept === 'dark');
  }
} catch (error) { /* private mode */ }
nameTheme();

root.replaceChildren(
  h('header', {class: 'tw-head'},
    h('h1', {class: 'tw-name'}, h('span', {class: 'tw-mark', 'aria-hidden': 'true'}), h('span', {text: 'Triad Workbench'})),
    line,
    h('div', {class: 'tw-head-tools'}, themeButton,
      h('button', {class: 'tw-quiet', type: 'button', text: 'Shortcuts', 'aria-keyshortcuts': '?',
        onclick: () => window.dispatchEvent(new CustomEvent('tw-shortcuts'))}))));

function draw() {
  const value = props.value;
  if (!value) return;
  const word = {ready: 'Language model ready', absent: '', failed: 'Language model failed: ',
    fetching: 'Language model: ', loading: 'Language model: '}[value.state] || '';
  const text = value.state === 'ready' ? word : word + value.message;
  line.dataset.state = MARKS[value.state] || 'busy';
  line.title = value.engine || '';
  const kids = [h('span', {class: 'tw-dot', 'aria-hidden': 'true'}), h('span', {class: 'tw-engine-text', text})];
  if (MARKS[value.state] === 'busy') {
    const bar = h('progress', {max: 1, 'aria-label': 'Progress of the language model'});
    if (value.fraction !== null) bar.value = value.fraction;
    kids.push(bar);
  }
  if (value.state === 'failed') {
    kids.push(h('button', {class: 'tw-small', type: 'button', text: 'Retry', onclick: () => trigger('retry')}));
  }
  line.replaceChildren(...kids);
  document.body.dataset.model = value.state;
  window.dispatchEvent(new CustomEvent('tw-engine', {detail: value}));
  if (value.state === 'ready' && before !== null && before !== 'ready') trigger('ready');
  before = value.state;
}
watch('value', draw);
draw();
