// The table of an evaluation: a product a row, the mean last; a row's button shows the product.
let chosen = '';

function download({file, title, hint}) {
  return h('a', {class: 'tw-small', href: `evaluation/${props.value.kept}/${file}`, download: '', text: title, title: hint});
}
function cells(row) {
  return row.cells.map((text) => h('td', {class: 'tw-number', text}));
}
function line(row) {
  if (row.mean) return h('tr', {class: 'tw-mean'}, h('th', {scope: 'row', text: 'Mean'}), cells(row));
  const pick = h('button', {class: 'tw-pick', type: 'button', text: row.name, title: 'Show plots, worst cases and threshold', 'data-product': row.name,
    onclick: () => { send('choose', row.name); mark(row.name); }});
  return h('tr', {}, h('th', {scope: 'row'}, pick), cells(row));
}
function mark(name) {
  chosen = name;
  for (const button of root.querySelectorAll('.tw-pick')) {
    button.setAttribute('aria-pressed', String(button.dataset.product === chosen));
  }
}
function draw() {
  const value = props.value;
  if (!value) {
    root.replaceChildren();
    return;
  }
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.product : null;
  const names = value.columns.map(({title, hint}) => h('th', {scope: 'col', title: hint, text: title}));
  const open = root.querySelector('details')?.open;
  root.replaceChildren(h('section', {class: 'tw-box tw-results', 'aria-label': 'Results'},
    h('div', {class: 'tw-results-head'},
      h('h2', {class: 'tw-heading', text: value.what}),
      value.kept ? h('div', {class: 'tw-group', role: 'group', 'aria-label': 'Download'}, value.files.map(download)) : null),
    value.notes.map((text) => h('p', {class: 'tw-notice', text})),
    h('div', {class: 'tw-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of results'},
      h('table', {class: 'tw-table'}, h('thead', {}, h('tr', {}, h('th', {scope: 'col', text: 'Product'}), names)), h('tbody', {}, value.rows.map(line)))),
    h('details', {class: 'tw-more', open}, h('summary', {text: 'What the columns mean'}),
      h('dl', {class: 'tw-facts'}, value.columns.flatMap(({title, hint}) => [h('dt', {text: title}), h('dd', {text: hint})])))));
  mark(chosen);
  if (held) [...root.querySelectorAll('.tw-pick')].find((each) => each.dataset.product === held)?.focus({preventScroll: true});
}
window.addEventListener('tw-product', (event) => { if (root.isConnected) mark(event.detail); });
watch('value', draw);
draw();
