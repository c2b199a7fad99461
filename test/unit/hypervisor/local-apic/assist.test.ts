/** No-EOI-required of the VP assist page (TLFS 10.3.5): when it is offered, taken, and withdrawn. */
import assert from 'node:assert/strict';
import { synicRig } from '../synic/synic-rig';

const assistGpa = 0x30000;

function assistedRig() {
  const rig = synicRig();
  rig.write('VP_ASSIST_PAGE', BigInt(assistGpa) | 1n);
  const { apic } = rig.processor;
  return {
    ...rig,
    apic,
    word: () => (rig.partition.memory.read(assistGpa, 1) ?? assert.fail('no memory'))[0],
    /** As the guest ends the interrupt: it clears the bit. */
    clear: () => rig.partition.memory.write(assistGpa, new Uint8Array(4)),
    interrupt(vector: number, isLevel = false) {
      apic.request(vector, isLevel);
      assert.equal(apic.acknowledge(), vector);
    },
  };
}

describe('no-EOI-required', () => {
  it('the guest ends a lone interrupt by clearing the bit', () => {
    const rig = assistedRig();
    rig.interrupt(0x50);
    assert.equal(rig.word(), 1);
    rig.apic.settleAssist();
    assert.equal(rig.apic.inService.highest, 0x50);
    rig.clear();
    rig.apic.settleAssist();
    assert.equal(rig.apic.inService.highest, 0);
  });

  it('another interrupt withdraws the offer: the guest must write EOI', () => {
    const rig = assistedRig();
    rig.interrupt(0x50);
    rig.apic.request(0x40);
    rig.apic.settleAssist();
    assert.deepEqual([rig.word(), rig.apic.inService.highest], [0, 0x50]);
    rig.write('EOI', 0n);
    assert.equal(rig.apic.acknowledge(), 0x40);
    assert.equal(rig.word(), 1);
  });

  it('another interrupt after the guest has cleared the bit comes at once', () => {
    const rig = assistedRig();
    rig.interrupt(0x50);
    rig.clear();
    rig.apic.request(0x40);
    rig.apic.settleAssist();
    assert.equal(rig.apic.acknowledge(), 0x40);
  });

  it('a guest that writes EOI all the same loses nothing', () => {
    const rig = assistedRig();
    rig.interrupt(0x50);
    rig.write('EOI', 0n);
    assert.deepEqual([rig.word(), rig.apic.inService.highest], [0, 0]);
    rig.interrupt(0x60);
    rig.apic.settleAssist();
    assert.equal(rig.apic.inService.highest, 0x60);
  });

  it('is not offered for a level-triggered interrupt, a nested one, or with another behind it', () => {
    const rig = assistedRig();
    rig.interrupt(0x50, true);
    assert.equal(rig.word(), 0);
    rig.interrupt(0x60);
    assert.equal(rig.word(), 0);
    rig.write('EOI', 0n);
    rig.write('EOI', 0n);
    rig.apic.request(0x20);
    rig.interrupt(0x70);
    assert.equal(rig.word(), 0);
  });

  it('without an assist page nothing is offered', () => {
    const rig = assistedRig();
    rig.write('VP_ASSIST_PAGE', 0n);
    rig.interrupt(0x50);
    rig.apic.settleAssist();
    assert.equal(rig.apic.inService.highest, 0x50);
  });

  it('a page that goes takes the offer along', () => {
    const rig = assistedRig();
    rig.interrupt(0x50);
    rig.write('VP_ASSIST_PAGE', 0n);
    rig.apic.settleAssist();
    assert.equal(rig.apic.inService.highest, 0x50);
    rig.write('EOI', 0n);
    assert.equal(rig.apic.inService.highest, 0);
  });

  it("the other bits of the word are the guest's", () => {
    const rig = assistedRig();
    rig.partition.memory.write(assistGpa, new Uint8Array([0xf0]));
    rig.interrupt(0x50);
    assert.equal(rig.word(), 0xf1);
    rig.write('EOI', 0n);
    assert.equal(rig.word(), 0xf0);
  });
});
