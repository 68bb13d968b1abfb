import { parseFlat, settingsEntries } from '../../lambdas/poller/settings';

test.each(['2026-11-01T00:00:00Z', '2026-11-01T00:00:00.5+01:00'])('emitSince may be %s', emitSince => {
  expect(parseFlat(settingsEntries, { catalog: 'AWS', emitSince }, 'x').emitSince).toBe(emitSince);
});

test.each(['2026-02-30T00:00:00Z', '2026-11-01', '2026-11-01T24:00:00Z', 'now', ''])(
  'fails when emitSince is %p',
  emitSince => {
    expect(() => parseFlat(settingsEntries, { catalog: 'AWS', emitSince }, 'x')).toThrow(
      `emitSince: got "${emitSince}", allowed: an instant such as 2026-11-01T00:00:00Z`,
    );
  },
);
