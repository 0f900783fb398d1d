// Escape and overkill at a threshold, with the 95 % interval (Wilson) that the report tells too.
const Z = 1.959964;

function share(count, of) {
  if (!of) return null;
  const p = count / of;
  const middle = p + Z * Z / (2 * of), half = Z * Math.sqrt(p * (1 - p) / of + Z * Z / (4 * of * of)), all = 1 + Z * Z / of;
  return {p, count, of, low: Math.max(0, (middle - half) / all), high: Math.min(1, (middle + half) / all)};
}
const escaped = (bad, at) => share(bad.filter((score) => score <= at).length, bad.length);
const overkilled = (good, at) => share(good.filter((score) => score > at).length, good.length);

function said(name, hint, value, without) {
  const text = value ? `${value.count} of ${value.of}; the true share is likely ${Math.round(100 * value.low)} to ${Math.round(100 * value.high)}\u00a0%` : without;
  return h('div', {class: 'tw-share'}, h('span', {class: 'tw-share-name', text: name, title: hint}),
    h('b', {class: 'tw-number', text: value ? `${Math.round(100 * value.p)}\u00a0%` : '?'}), h('span', {class: 'tw-soft', text}));
}
const saidShares = (good, bad, at) => [
  said('Escape', 'Defective parts called good', escaped(bad, at), 'no defective photograph was judged'),
  said('Overkill', 'Good parts called defective', overkilled(good, at), 'no good photograph was judged')];
