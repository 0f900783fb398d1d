// Earlier evaluations, newest first, with their files.
function line(row) {
  const link = ({file, title, hint}) => h('a', {class: 'tw-small', href: `evaluation/${row.id}/${file}`, download: '', text: title, title: hint,
    'aria-label': `${title} of ${row.root}, ${row.what}`});
  const time = new Date(1000 * row.time).toLocaleString([], {day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit'});
  return h('li', {class: 'tw-kept'},
    h('div', {class: 'tw-kept-what'}, h('span', {class: 'tw-row-product', text: row.root}), h('span', {class: 'tw-soft', text: row.what})),
    h('span', {class: 'tw-soft', text: row.size}),
    h('span', {class: 'tw-number', text: row.auroc}),
    h('span', {class: 'tw-soft', text: time}),
    h('div', {class: 'tw-group'}, props.value.files.map(link)));
}
function draw() {
  const rows = (props.value || {rows: []}).rows;
  if (!rows.length) root.replaceChildren();
  else root.replaceChildren(h('section', {'aria-label': 'Earlier evaluations'}, h('h2', {class: 'tw-heading', text: 'Kept evaluations'}), h('ul', {class: 'tw-rows'}, rows.map(line))));
}
watch('value', draw);
draw();
