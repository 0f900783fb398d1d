// The left side: the photo and its references as cards, the examples as one-click cards.
const cards = h('div', {class: 'tw-laid'});
const examples = h('section', {class: 'tw-examples'});
root.replaceChildren(examples, cards);

function card(value, kind, remove) {
  return h('figure', {class: 'tw-card'},
    h('img', {src: value.thumb, alt: '', width: 44, height: 44}),
    h('figcaption', {},
      h('span', {class: 'tw-card-kind', text: kind}),
      h('span', {class: 'tw-card-name', text: value.name, title: value.name}),
      h('span', {class: 'tw-card-facts', text: value.facts})),
    remove);
}

function draw() {
  const value = props.value || {query: null, references: []};
  const kids = [];
  if (value.query) kids.push(card(value.query, 'Photo'));
  value.references.forEach((reference, index) => kids.push(card(reference, `Good part ${index + 1}`,
    h('button', {class: 'tw-quiet tw-remove', type: 'button', 'aria-label': `Remove good part ${index + 1}`,
      onclick: () => send('drop_reference', index)}, icon('M4 4l8 8M12 4l-8 8')))));
  cards.replaceChildren(...kids);
  cards.hidden = kids.length === 0;
}

function drawExamples() {
  const list = props.examples || [];
  examples.hidden = list.length === 0;
  examples.replaceChildren(h('h2', {class: 'tw-label', text: 'Examples'}),
    h('div', {class: 'tw-example-row'}, list.map((example) =>
      h('button', {class: 'tw-example', type: 'button', title: example.truth ? `Truth: ${example.truth}` : '',
        onclick: () => send('example', example.name)},
        h('img', {src: example.thumb, alt: '', loading: 'lazy'}),
        h('span', {text: example.title})))));
}
watch('value', draw);
draw();
drawExamples();
