// Labels and menus of integration components.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { guestOperations } from '../../../../debug-adapter/protocol/guest-integration';
import {
  componentContext,
  componentDescription,
  componentFacts,
  operationTexts,
} from '../../../../src/views/integration-text';

const shutdown = {
  name: 'shutdown',
  title: 'Shutdown',
  phase: 'ready',
  version: '3.2',
  isBusy: false,
  detail: '',
} as const;

describe('integration components', () => {
  it('say what they are like', () => {
    assert.equal(componentDescription(shutdown), 'ready, 3.2');
    const busy = { ...shutdown, isBusy: true, detail: 'asked to shut down' };
    assert.equal(
      componentDescription(busy),
      'ready, 3.2 · waits for the guest · asked to shut down',
    );
    assert.deepEqual(componentFacts(busy), [
      ['State', 'ready'],
      ['Version', '3.2'],
      ['Request', 'waits for the guest'],
      ['Last', 'asked to shut down'],
    ]);
    const absent = { ...shutdown, phase: 'absent', version: '' } as const;
    assert.equal(componentDescription(absent), 'no driver in the guest');
    assert.deepEqual(
      [componentContext(shutdown), componentContext(absent)],
      ['integration-shutdown', 'integration'],
    );
  });

  it('have words for every operation, and menus for every component that takes one', () => {
    assert.deepEqual(Object.keys(operationTexts).sort(), Object.keys(guestOperations).sort());
    const manifest = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
    for (const component of new Set(Object.values(guestOperations))) {
      assert.match(manifest, new RegExp(`viewItem == integration-${component}"`), component);
    }
  });
});
