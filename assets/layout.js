// The left side: the photo and its references as cards; names for the drop zones.
const cards = h('div', {class: 'tw-laid'});
root.replaceChildren(cards);

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
  if (value.references.length > 1) kids.push(h('p', {class: 'tw-cards-note', text: 'The first good part is shown to the language model; the heat map uses all.'}));
  cards.replaceChildren(...kids);
  cards.hidden = kids.length === 0;
}

// Gradio names its drop zones all alike; here each says what belongs in it.
function nameZones() {
  const has = Boolean(props.value && props.value.query);
  const names = {'photo-drop': has ? 'Replace the photo' : 'Photo to inspect', 'reference-drop': 'Good parts (references)'};
  for (const [id, name] of Object.entries(names)) {
    const zone = document.getElementById(id);
    if (!zone) continue;
    zone.dataset.name = name;
    const button = zone.querySelector('button');
    if (button) button.setAttribute('aria-label', `${name}: drop a file or click to choose`);
  }
}
watch('value', () => { draw(); nameZones(); });
draw();
nameZones();
setTimeout(nameZones, 500);
