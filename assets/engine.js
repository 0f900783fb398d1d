// The head of the page: name, the language model's state, theme, shortcuts.
// `engine` of the value names the model that answers, also while another is on its way.
const MARKS = {ready: 'ready', failed: 'failed', absent: 'absent', fetching: 'busy', loading: 'busy'};
const SPOKEN_EVERY = 10000;
let before = null;
let spoken = {state: '', at: 0};

const words = h('button', {class: 'tw-engine-text', type: 'button', title: 'Open Models', onclick: () => trigger('models')});
const bar = h('progress', {max: 1, 'aria-label': 'Progress of the language model'});
const retry = h('button', {class: 'tw-small', type: 'button', text: 'Retry', onclick: () => trigger('retry')});
const said = h('span', {class: 'tw-hidden', role: 'status', 'aria-live': 'polite'});
const line = h('div', {class: 'tw-engine'}, h('span', {class: 'tw-dot', 'aria-hidden': 'true'}), words, bar, retry, said);
bar.hidden = retry.hidden = true;
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

function sentence(value) {
  const busy = MARKS[value.state] === 'busy';
  if (value.engine && busy) return `Language model ready. Next model: ${value.message}`;
  if (value.engine && value.state === 'failed') return `Language model ready. The next one failed: ${value.message}`;
  if (value.state === 'ready') return 'Language model ready';
  if (value.state === 'failed') return `Language model failed: ${value.message}`;
  return busy ? `Language model: ${value.message}` : value.message;
}
// A screen reader hears every change of state, and in between how far it is now and then.
function speak(value, text) {
  const state = value.state === 'fetching' ? 'loading' : value.state;
  const kind = `${state} ${value.engine}`;
  if (kind === spoken.state && Date.now() - spoken.at < SPOKEN_EVERY) return;
  spoken = {state: kind, at: Date.now()};
  said.textContent = text;
}
function draw() {
  const value = props.value;
  if (!value) return;
  const text = sentence(value);
  line.dataset.state = value.engine ? 'ready' : MARKS[value.state] || 'busy';
  words.textContent = text;
  words.title = value.engine ? `${value.engine}. Open Models` : 'Open Models';
  bar.hidden = MARKS[value.state] !== 'busy';
  if (value.fraction === null) bar.removeAttribute('value');
  else bar.value = value.fraction;
  retry.hidden = value.state !== 'failed';
  if (spoken.state || value.state !== 'ready') speak(value, text);
  document.body.dataset.model = value.engine ? 'ready' : value.state;
  window.triadEngine = value;
  window.dispatchEvent(new CustomEvent('tw-engine', {detail: value}));
  if (value.state === 'ready' && before !== null && before !== 'ready') trigger('ready');
  before = value.state;
}
watch('value', draw);
draw();
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && before !== null) trigger('again');
});
