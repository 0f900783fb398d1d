// Stored cases, newest first. A row is a button; thumbnails come from the page's own addresses.
const today = new Date().toDateString();

function when(seconds) {
  const date = new Date(seconds * 1000);
  const clock = date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
  if (date.toDateString() === today) return `today ${clock}`;
  return `${date.toLocaleDateString([], {day: 'numeric', month: 'short', year: 'numeric'})} ${clock}`;
}
function row(value) {
  const p = value.p === null ? '' : value.p.toFixed(2);
  return h('li', {}, h('button', {class: 'tw-row', type: 'button', onclick: () => send('pick', value.id)},
    h('img', {src: value.thumb, alt: '', loading: 'lazy', width: 56, height: 56}),
    h('span', {class: 'tw-row-main'},
      h('span', {class: 'tw-row-product', text: value.product}),
      h('span', {class: 'tw-row-name', text: value.name})),
    h('span', {class: 'tw-row-time', text: when(value.time)}),
    h('span', {class: 'tw-row-verdict'},
      h('span', {class: 'tw-badge', 'data-label': value.label, text: value.word}),
      p ? h('span', {class: 'tw-number', text: p, title: 'Probability of defective'}) : null),
    h('span', {class: 'tw-row-corrected', text: value.corrected ? `Corrected: ${value.correctedWord}` : ''}),
    h('span', {class: 'tw-row-turns', text: value.turns === 1 ? '1 answer' : `${value.turns} answers`})));
}
function draw() {
  const value = props.value;
  if (!value) {
    root.replaceChildren(h('p', {class: 'tw-empty', text: 'Reading the stored cases ...'}));
    return;
  }
  if (!value.rows.length) {
    const text = value.filtered ? 'No stored case matches. Clear the search or choose all verdicts.'
      : 'No case is stored yet. Inspect a photo; every inspection is kept here by itself.';
    root.replaceChildren(h('p', {class: 'tw-empty', text}));
    return;
  }
  root.replaceChildren(h('p', {class: 'tw-count', text: `Cases ${value.first} to ${value.first + value.rows.length - 1}, newest first`}),
    h('ul', {class: 'tw-rows'}, value.rows.map(row)));
}
watch('value', draw);
draw();
