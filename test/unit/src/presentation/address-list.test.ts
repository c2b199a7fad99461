// Lists of addresses that a person types.
import assert from 'node:assert/strict';
import {
  adapterInstance,
  adapterProblem,
  addressesProblem,
  addressList,
  masksProblem,
} from '../../../../src/presentation/address-list';

const instance = '{F8615163-DF3E-46C5-913F-F2D2F965ED0E}';

describe('addresses that a person types', () => {
  it('have commas, spaces or semicolons between them', () => {
    for (const text of ['10.0.0.3,fe80::2', ' 10.0.0.3 fe80::2 ', '10.0.0.3; fe80::2']) {
      assert.equal(addressList(text), '10.0.0.3;fe80::2');
      assert.equal(addressesProblem(text, false), undefined);
    }
  });

  it('are refused where one is none', () => {
    assert.match(addressesProblem('10.0.0.3, 10.0.0.256', false) ?? '', /^10\.0\.0\.256 is no/);
    assert.match(addressesProblem('', false) ?? '', /needed/);
    assert.equal(addressesProblem('', true), undefined);
    assert.match(addressesProblem('fe80::2::1', true) ?? '', /no IPv4 or IPv6/);
  });

  it('have one mask each', () => {
    assert.equal(masksProblem('255.0.0.0 64', '10.0.0.3 fe80::2'), undefined);
    assert.match(masksProblem('255.0.0.0', '10.0.0.3 fe80::2') ?? '', /^2 masks/);
    assert.match(masksProblem('', '10.0.0.3') ?? '', /^One mask/);
    assert.match(masksProblem('129', 'fe80::2') ?? '', /^129 is neither/);
  });

  it('are of an adapter that is named by its device', () => {
    assert.equal(adapterProblem(instance), undefined);
    assert.equal(adapterProblem(instance.slice(1, -1)), undefined);
    assert.match(adapterProblem('eth0') ?? '', /instance/);
    assert.equal(adapterInstance(` ${instance.slice(1, -1)}`), instance.toLowerCase());
  });
});
