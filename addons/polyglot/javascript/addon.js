// Seasons: an action and a hook in JavaScript. The world that it is built for
// comes from addon.toml (`semantest addon world`): each interface that it
// exports is a constant of that name, in camel case.

import { get as settings } from 'semantest:addon/config@1.0.0';

const WORDS = {
  spring: 'in the fresh green of spring, under blossom',
  summer: 'in high summer, in warm light',
  autumn: 'in autumn, among golden leaves',
  winter: 'in winter, in clear cold air',
};
const NAMES = Object.keys(WORDS);

/** The season of a date; the year is upside down in the south. */
function seasonOf(date, hemisphere) {
  const northern = Math.floor(((date.getUTCMonth() + 10) % 12) / 3);
  return NAMES[(northern + (hemisphere === 'south' ? 2 : 0)) % 4];
}

function hemisphere() {
  return JSON.parse(settings()).hemisphere;
}

/** What an export throws is its error: a record of the contract. */
function badInput(message) {
  return { kind: 'bad-input', code: 'bad-date', message };
}

export const actions = {
  invoke(_call, _name, params) {
    const { date } = JSON.parse(params);
    const day = date === undefined ? new Date() : new Date(`${date}T00:00:00Z`);
    if (Number.isNaN(day.getTime())) throw badInput(`${date} is no day of the calendar`);
    const season = seasonOf(day, hemisphere());
    return { value: JSON.stringify({ season, words: WORDS[season] }), assets: [] };
  },
};

export const beforeImage = {
  run(_call, request) {
    // Who names a season means it.
    const named = new RegExp(`\\b(${NAMES.join('|')}|fall)\\b`, 'i');
    if (named.test(request.prompt)) return { tag: 'pass' };
    const words = WORDS[seasonOf(new Date(), hemisphere())];
    return { tag: 'rewrite', val: { ...request, prompt: `${request.prompt}, ${words}` } };
  },
};
