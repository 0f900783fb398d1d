// One product of an evaluation: what a threshold would do, plots, worst cases as pictures.
const HALF = 0.5;
let at = HALF;
let kept = null;

function picture(one) {
  return h('figure', {class: 'tw-worst'},
    h('div', {class: 'tw-worst-pair'}, h('img', {src: one.picture, alt: `Photograph ${one.name}`}), h('img', {src: one.overlaid, alt: 'The same with its heat map'})),
    h('figcaption', {title: one.where}, h('b', {class: 'tw-number', text: one.score}), ` ${one.kind}, ${one.name}`));
}
function draw() {
  forgetPlots();
  const value = props.value;
  if (!value) {
    root.replaceChildren();
    return;
  }
  at = value.suggested ? value.suggested.threshold : HALF;
  const shares = h('div', {class: 'tw-shares', 'aria-live': 'polite'});
  const number = h('output', {class: 'tw-number'});
  const slider = h('input', {type: 'range', min: 0.001, max: 0.999, step: 0.001, value: at, 'aria-label': 'Threshold', oninput: () => set(Number(slider.value))});
  const drawn = value.figures.map((figure) => ({figure, node: h('div', {class: 'tw-plot', role: 'img', 'aria-label': figure.title})}));
  function set(level) {
    at = Math.min(0.999, Math.max(0.001, level));
    slider.value = at;
    number.textContent = at.toFixed(3);
    shares.replaceChildren(...saidShares(value.good, value.bad, at));
    for (const {figure, node} of drawn) if (figure.key !== 'roc') moveLine(node, at);
  }
  const called = h('input', {class: 'tw-input', type: 'text', value: value.called, maxlength: 200, id: 'tw-called'});
  const use = h('button', {class: 'tw-load', type: 'button', id: 'use-threshold', text: 'Use this threshold', onclick: () =>
    send('use', JSON.stringify({run: value.run, product: value.name, called: called.value, threshold: at}))});
  kept = h('p', {class: 'tw-saved', role: 'status', hidden: true});
  const jump = (level, text) => h('button', {class: 'tw-small', type: 'button', text, onclick: () => set(level)});
  root.replaceChildren(h('section', {class: 'tw-box tw-product', 'aria-label': `Product ${value.name}`},
    h('h2', {class: 'tw-heading', text: value.name}),
    h('p', {class: 'tw-soft', text: value.facts}),
    value.notes.map((text) => h('p', {class: 'tw-notice', text})),
    h('h3', {class: 'tw-subhead', text: 'Threshold'}),
    h('div', {class: 'tw-set'},
      h('div', {class: 'tw-set-level'},
        h('label', {class: 'tw-slider'}, h('span', {text: 'Threshold'}), slider, number),
        h('div', {class: 'tw-group'}, value.suggested ? jump(value.suggested.threshold, `Suggested ${value.suggested.threshold.toFixed(3)}`) : null, value.suggested && Math.abs(value.suggested.threshold - HALF) < 0.005 ? null : jump(HALF, "Expert's own 0.5")),
        value.suggested ? h('p', {class: 'tw-soft tw-small-print', text: `Suggested: ${value.suggested.reason}.`}) : null),
      shares,
      h('div', {class: 'tw-set-use'}, h('label', {class: 'tw-label', for: 'tw-called', text: 'For the product, as it is called under Inspect'}), called, use, kept)),
    h('div', {class: 'tw-plots'}, drawn.map(({figure, node}) => h('figure', {}, h('figcaption', {class: 'tw-subhead', text: figure.title}), node))),
    value.worst.flatMap(({title, cases}) => cases.length ? [h('h3', {class: 'tw-subhead', text: title}), h('div', {class: 'tw-worsts'}, cases.map(picture))] : [])));
  set(at);
  for (const {figure, node} of drawn) plot(node, figure, figure.key === 'roc' ? null : at);
  window.dispatchEvent(new CustomEvent('tw-product', {detail: value.name}));
}
window.addEventListener('tw-used', ({detail}) => {
  if (!kept || !root.isConnected || !detail) return;
  kept.textContent = detail.text;
  kept.hidden = false;
});
watch('value', draw);
draw();
