// Plots in the page's own colours, light and dark. Plotly comes from the page's own address, and only
// when the first plot is wanted.
const PAIRS = {'#1f6fb4': '#6db3ee', '#c2410c': '#f59a68', '#6b7280': '#9aa6b2'};
const plots = new Map();

function loaded() {
  window.triadPlotly ||= new Promise((done, fail) => {
    if (window.Plotly) { done(window.Plotly); return; }
    const node = h('script', {src: 'plotly.js', async: true, onload: () => done(window.Plotly),
      onerror: () => { window.triadPlotly = null; node.remove(); fail(new Error('plotly')); }});
    document.head.append(node);
  });
  return window.triadPlotly;
}
// Colours of a figure are told apart by eye in both sets; those of its frame come from the style.
function coloured(part) {
  const dark = document.body.classList.contains('dark');
  const text = JSON.stringify(part);
  return JSON.parse(dark ? text.replace(/#(1f6fb4|c2410c|6b7280)/g, (colour) => PAIRS[colour]) : text);
}
function laidOut(layout, at) {
  const style = getComputedStyle(document.body);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {gridcolor: colour('--tw-line'), linecolor: colour('--tw-edge'), zeroline: false, automargin: true};
  const made = {...coloured(layout), paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', template: null,
    font: {family: style.fontFamily, size: 12, color: colour('--tw-ink')},
    hoverlabel: {bgcolor: colour('--tw-sheet'), font: {color: colour('--tw-ink')}, bordercolor: colour('--tw-edge')}};
  made.xaxis = {...made.xaxis, ...axis};
  made.yaxis = {...made.yaxis, ...axis};
  if (at !== null && made.shapes && made.shapes.length) moved(made, at);
  return made;
}
// The first line of a figure is its threshold.
function moved(layout, at) {
  layout.shapes[0] = {...layout.shapes[0], x0: at, x1: at};
  layout.annotations[0] = {...layout.annotations[0], x: at, text: `threshold ${at.toFixed(2)}`, xanchor: at > 0.7 ? 'right' : 'left'};
}
async function plot(node, figure, at) {
  plots.set(node, {figure, at});
  let Plotly;
  try { Plotly = await loaded(); } catch (error) {
    node.textContent = 'The plot could not be drawn. Reload the page.';
    return;
  }
  if (!node.isConnected || plots.get(node)?.figure !== figure) return;
  const config = {displaylogo: false, responsive: true, modeBarButtons: [['toImage']]};
  await Plotly.react(node, coloured(figure.data), laidOut(figure.layout, plots.get(node).at), config);
}
function moveLine(node, at) {
  const drawn = plots.get(node);
  if (!drawn) return;
  drawn.at = at;
  if (!window.Plotly || !node.layout || !node.layout.shapes?.length) return;
  window.Plotly.relayout(node, {'shapes[0].x0': at, 'shapes[0].x1': at, 'annotations[0].x': at,
    'annotations[0].text': `threshold ${at.toFixed(2)}`, 'annotations[0].xanchor': at > 0.7 ? 'right' : 'left'});
}
function forgetPlots() {
  for (const node of plots.keys()) if (window.Plotly && node.data) window.Plotly.purge(node);
  plots.clear();
}
new MutationObserver(() => {
  for (const [node, {figure, at}] of plots) if (node.isConnected) plot(node, figure, at);
}).observe(document.body, {attributes: true, attributeFilter: ['class']});
