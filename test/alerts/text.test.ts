import fc from 'fast-check';
import { wrapped } from '../../lambdas/alerts/text';

test.each<[what: string, line: string, lines: string[]]>([
  ['a short line stays', 'a  b', ['a  b']],
  ['of 78 characters', 'x'.repeat(78), ['x'.repeat(78)]],
  ['breaks at a space', `${'x'.repeat(70)} and more`, [`${'x'.repeat(70)} and`, '    more']],
  [
    'an address stays whole',
    `Logs: https://${'x'.repeat(90)} end`,
    ['Logs:', `    https://${'x'.repeat(90)}`, '    end'],
  ],
  ['keeps its own indent', `      a ${'x'.repeat(72)}`, ['      a', `    ${'x'.repeat(72)}`]],
  ['nothing but spaces', ' '.repeat(1_000_000), ['']], // some patterns would take hours
])('%s', (_, line, lines) => expect(wrapped(line)).toEqual(lines));

test('any line: no word is lost, and a line that is too long is one word', () => {
  const words = fc.array(fc.oneof(fc.string(), fc.string({ minLength: 70, maxLength: 100 })), { maxLength: 40 });
  fc.assert(
    fc.property(words, parts => {
      const line = parts.join(' ').replace(/\n/g, '');
      const lines = wrapped(line);
      if (line.length > 78)
        expect(lines.join(' ').split(/ +/)).toEqual(expect.arrayContaining(line.trim().split(/ +/)));
      for (const one of lines) if (one.length > 78) expect(one.trim()).not.toContain(' ');
    }),
  );
});
