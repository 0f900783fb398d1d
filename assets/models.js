// Models that can be loaded, as cards: what each is, what memory it needs, how exact, Load.
// Drawn twice: for the offers and for a person's own model. All sentences come in the value.
const MARKS = {fits: 'M2.5 8.5l3.5 3.5 7.5-8', not: 'M4 4l8 8M12 4l-8 8', unknown: 'M3 8h10'};
const chosen = {};
const shown = [];
let serial = 0;

const busy = () => ['fetching', 'loading'].includes((window.triadEngine || {}).state);
const own = () => Boolean(root.closest('#own'));

function told(name, lead, text, id) {
  return h('p', {class: name, id}, h('strong', {text: `${lead} `}), h('span', {text}));
}
function card(offer) {
  const id = `${own() ? 'own' : 'offer'}-${serial++}`;
  const way = () => offer.ways.find((each) => each.value === chosen[offer.key]) || offer.ways[0];
  const fit = h('p', {class: 'tw-fit', id: `${id}-fit`});
  const does = h('div', {class: 'tw-model-do'});
  const says = h('div', {class: 'tw-model-says'}, fit);
  if (offer.leaves) says.append(told('tw-notice', 'Photos leave this machine.', offer.leaves, `${id}-leaves`));
  if (offer.problem) says.append(told('tw-problem', 'Cannot be loaded now.', offer.problem, `${id}-problem`));

  let show = () => {};
  if (offer.unnamed) {
    does.append(h('button', {class: 'tw-small', type: 'button', text: 'Name it below', 'aria-describedby': `${id}-title`, onclick: () => {
      const field = document.querySelector(offer.choice.kind === 'served' ? '#model-address input, #model-address textarea' : '#model-folder input, #model-folder textarea');
      field.scrollIntoView({block: 'center'});
      field.focus();
    }}));
  } else {
    const load = h('button', {class: offer.inUse ? 'tw-load tw-again' : 'tw-load', type: 'button', 'data-load': offer.key, 'aria-describedby': `${id}-title ${id}-fit ${id}-leaves ${id}-problem`});
    load.addEventListener('click', () => {
      if (load.getAttribute('aria-disabled') === 'true') return;
      window.dispatchEvent(new CustomEvent('tw-chosen', {detail: offer.title}));
      send('use_model', JSON.stringify({...offer.choice, precision: way().value}));
    });
    if (offer.ways.length > 1) {
      const select = h('select', {class: 'tw-select', id: `${id}-precision`, onchange: () => {
        chosen[offer.key] = select.value;
        show();
      }}, offer.ways.map((each) => h('option', {value: each.value, text: each.label})));
      select.value = way().value;
      does.append(h('label', {class: 'tw-label', for: select.id, text: 'Precision'}), select);
    }
    does.append(load);
    // Not `disabled`: the button stays in the tab order, so that its reason can be heard.
    show = () => {
      const {fit: how, line} = way();
      fit.hidden = !line;
      fit.dataset.fit = how;
      fit.replaceChildren(icon(MARKS[how]), h('span', {text: line}));
      load.textContent = offer.inUse ? 'Load again' : 'Load';
      load.title = busy() ? 'Another model is being loaded: wait for it or cancel it first' : '';
      load.setAttribute('aria-disabled', String(busy() || how === 'not' || Boolean(offer.problem)));
    };
    shown.push(show);
    show();
  }
  return h('li', {class: 'tw-model', 'data-key': offer.key, 'aria-labelledby': `${id}-title`},
    h('div', {class: 'tw-model-what'},
      h('h3', {class: 'tw-model-title', id: `${id}-title`}, h('span', {text: offer.title}),
        offer.inUse ? h('span', {class: 'tw-badge', 'data-label': 'normal'}, icon(MARKS.fits), h('span', {text: 'In use'})) : null),
      h('p', {class: 'tw-model-facts'}, offer.facts.map((text) => h('span', {text}))),
      offer.note ? h('p', {class: 'tw-model-note', text: offer.note}) : null),
    does, says);
}
function draw() {
  const value = props.value;
  const focus = document.activeElement;
  const held = root.contains(focus) ? focus.dataset.load || focus.closest('[data-key]')?.dataset.key : null;
  shown.length = 0;
  if (!value) {
    root.replaceChildren(own() ? '' : h('p', {class: 'tw-empty', text: 'Looking what this machine can run ...'}));
    return;
  }
  const kids = [];
  if (!own()) kids.push(h('h2', {class: 'tw-heading', text: 'Models to load'}));
  if (value.refused) kids.push(told('tw-problem', 'This cannot be used.', value.refused));
  if (value.offers.length) kids.push(h('ul', {class: 'tw-models'}, value.offers.map(card)));
  root.setAttribute('aria-live', own() ? 'polite' : 'off');
  root.replaceChildren(...kids);
  const again = held && [...root.querySelectorAll('[data-key]')].find((each) => each.dataset.key === held);
  if (again) again.querySelector(focus.tagName === 'SELECT' ? 'select' : 'button')?.focus({preventScroll: true});
}
watch('value', draw);
draw();
window.addEventListener('tw-engine', () => { if (root.isConnected) shown.forEach((show) => show()); });
