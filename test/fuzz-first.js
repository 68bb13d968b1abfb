const { default: Sequencer } = require('@jest/test-sequencer');

/** The random lives take longest. Begun last, as Jest would in a fresh clone, they would leave a core idle. */
module.exports = class extends Sequencer {
  sort(tests) {
    const isFuzz = ({ path }) => path.includes('random-lives');
    const sorted = super.sort(tests);
    return [...sorted.filter(isFuzz), ...sorted.filter(test => !isFuzz(test))];
  }
};
