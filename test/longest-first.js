const { default: Sequencer } = require('@jest/test-sequencer');

/** In a fresh clone Jest knows no durations. A long file that starts last would leave the other cores idle. */
const longest = ['crash', 'random-lives', 'local/start', 'two-kills', 'assume-role', 'place-in-app', 'cost'];

module.exports = class extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = longest.findIndex(name => path.includes(name));
      return at < 0 ? longest.length : at;
    };
    return super.sort(tests).sort((a, b) => place(a) - place(b));
  }
};
