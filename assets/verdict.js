// The verdict: the model's judgement beside the person's correction, never by colour alone.
const PLACES = ['top left', 'top', 'top right', 'left', 'center', 'right', 'bottom left', 'bottom', 'bottom right'];
const SHAPES = {defective: 'M8 2l6.5 11.5h-13z', normal: 'M2.5 8.5l3.5 3.5 7.5-8', undecided: 'M3 8h10'};

function badge(label, word) {
  return h('span', {class: 'tw-badge', 'data-label': label}, icon(SHAPES[label]), h('span', {text: word}));
}
function nine(place, title) {
  const cells = PLACES.map((name) => h('i', {class: name === place ? 'is' : ''}));
  return h('div', {class: 'tw-grid9', role: 'img', 'aria-label': place ? `${title}: ${place}` : `${title}: not given`}, cells);
}
function fact(name, text) {
  return text ? [h('dt', {text: name}), h('dd', {text})] : [];
}
function bar(p) {
  const box = h('div', {class: 'tw-p', role: 'img', 'aria-label': `Probability of defective ${p.toFixed(2)}`},
    h('div', {class: 'tw-p-track'}, h('span', {class: 'tw-p-band'}), h('span', {class: 'tw-p-at'})),
    h('div', {class: 'tw-p-ends', 'aria-hidden': 'true'}, h('span', {text: 'normal'}), h('span', {text: 'undecided'}), h('span', {text: 'defective'})));
  box.querySelector('.tw-p-at').style.left = `${100 * p}%`;
  return box;
}
function judged(model) {
  const box = h('div', {class: 'tw-judged'},
    h('div', {class: 'tw-judged-head'}, badge(model.label, model.word),
      h('span', {class: 'tw-number'}, h('b', {text: model.p.toFixed(2)}), h('span', {text: ' probability of defective'}))),
    bar(model.p));
  if (model.label !== 'normal' && (model.location || model.step || model.kind)) {
    box.append(h('div', {class: 'tw-where'}, nine(model.location, 'Location'),
      h('dl', {class: 'tw-facts'}, fact('Where', model.location), fact('Kind', model.kind), fact('Contradicts', model.step))));
  }
  return box;
}
function corrected(value, count) {
  const says = value.agrees ? 'The model was correct' : 'The model was incorrect';
  return h('section', {class: 'tw-corrected'},
    h('h3', {class: 'tw-label', text: count > 1 ? `Your correction (last of ${count})` : 'Your correction'}),
    h('div', {class: 'tw-judged-head'}, value.label ? badge(value.label, value.word) : null, h('span', {text: says})),
    h('div', {class: 'tw-where'}, value.location ? nine(value.location, 'Corrected location') : null,
      h('dl', {class: 'tw-facts'}, fact('Where', value.location), fact('Kind', value.kind), fact('Contradicts', value.step),
        fact('Answer', value.answer), fact('Note', value.note), fact('By', value.author))));
}

function draw() {
  const value = props.value || {};
  if (!value.case) {
    root.replaceChildren(h('section', {class: 'tw-box tw-verdict'}, h('h2', {class: 'tw-heading', text: 'Verdict'}),
      h('p', {class: 'tw-empty', text: 'The verdict stands here once a photo was inspected.'})));
    return;
  }
  const kids = [h('h2', {class: 'tw-heading', text: 'Verdict'}), h('h3', {class: 'tw-label', text: "Model's judgement"})];
  if (value.model) kids.push(judged(value.model));
  else if (value.busy) kids.push(h('p', {class: 'tw-empty tw-busy', text: 'The model is looking at the photo and its regions ...'}));
  else kids.push(h('p', {class: 'tw-empty', text: value.note ? `No judgement yet. ${value.note}` : 'No judgement yet.'}));
  if (value.correction) kids.push(corrected(value.correction, value.corrections));
  root.replaceChildren(h('section', {class: 'tw-box tw-verdict', 'aria-live': 'polite'}, ...kids));
}
watch('value', draw);
draw();
