// Small helpers before every panel's script: build nodes, set text as text, send an event.
// `element`, `props`, `watch` and `trigger` come from Gradio.
const root = element.querySelector('.tw-panel') || element;
const SVG = 'http://www.w3.org/2000/svg';

function put(node, attributes, kids) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  for (const kid of kids.flat()) if (kid) node.append(kid);
  return node;
}
const h = (tag, attributes, ...kids) => put(document.createElement(tag), attributes, kids);
const s = (tag, attributes, ...kids) => put(document.createElementNS(SVG, tag), attributes, kids);
const percent = (p) => `${Math.round(100 * p)} %`;

// A panel names what it means (a case, an example, a number) and then fires the event.
function send(event, wanted) {
  window.triadWanted = wanted === undefined ? '' : String(wanted);
  trigger(event);
}
function icon(path) {
  return s('svg', {viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true', class: 'tw-icon'},
    s('path', {d: path, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5,
      'stroke-linecap': 'round', 'stroke-linejoin': 'round'}));
}
