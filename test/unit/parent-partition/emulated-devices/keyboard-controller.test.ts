// The i8042 with its devices: the dialogues by which Linux finds controller, keyboard and mouse.
import assert from 'node:assert/strict';
import { KeyboardController } from '../../../../debug-adapter/parent-partition/emulated-devices/keyboard-controller';

class Rig {
  keyboardInterrupt = false;
  mouseInterrupt = false;
  resets = 0;
  readonly controller = new KeyboardController({
    keyboardInterrupt: { set: (level) => (this.keyboardInterrupt = level) },
    mouseInterrupt: { set: (level) => (this.mouseInterrupt = level) },
    resetMachine: () => this.resets++,
  });

  get status(): number {
    return this.controller.control.readByte(0);
  }

  command(value: number, ...data: readonly number[]): void {
    this.controller.control.writeByte(0, value);
    for (const byte of data) this.controller.data.writeByte(0, byte);
  }

  /** Answers to bytes that are sent one by one, as a driver does: it waits for each answer. */
  keyboard(...bytes: readonly number[]): readonly number[] {
    return bytes.flatMap((byte) => {
      this.controller.data.writeByte(0, byte);
      return this.answers();
    });
  }

  mouse(...bytes: readonly number[]): readonly number[] {
    return bytes.flatMap((byte) => {
      this.command(0xd4, byte);
      return this.answers();
    });
  }

  /** Everything that waits; bytes of the mouse are negative. */
  answers(): readonly number[] {
    const bytes: number[] = [];
    while (this.status & 1) {
      const isMouse = (this.status & 0x20) !== 0;
      const byte = this.controller.data.readByte(0);
      bytes.push(isMouse ? -byte : byte);
    }
    return bytes;
  }
}

describe('i8042 keyboard controller', () => {
  it('is as firmware leaves it: nothing to read, system flag, unlocked', () => {
    const rig = new Rig();
    assert.equal(rig.status, 0x14);
    rig.command(0x20);
    assert.equal(rig.status, 0x1d);
    assert.deepEqual(rig.answers(), [0x65]);
  });

  const dialogues: readonly (readonly [string, number, readonly number[], readonly number[]])[] = [
    ['self-test', 0xaa, [], [0x55]],
    ['keyboard interface test', 0xab, [], [0]],
    ['mouse interface test', 0xa9, [], [0]],
    ['no password', 0xa4, [], [0xf1]],
    ['input port', 0xc0, [], [0x80]],
    ['output port', 0xd0, [], [0x03]],
    ['keyboard loop', 0xd2, [0x5a], [0x5a]],
    ['mouse loop', 0xd3, [0x5a], [-0x5a]],
    ['no multiplexer', 0xd3, [0xf0], [-0xf0]],
    ['unknown', 0x99, [], []],
  ];
  for (const [name, command, data, expected] of dialogues) {
    it(`answers: ${name}`, () => {
      const rig = new Rig();
      rig.command(command, ...data);
      assert.deepEqual(rig.answers(), expected);
    });
  }

  it('shows in the command byte which ports are off', () => {
    const rig = new Rig();
    for (const [command, expected] of [
      [0xad, 0x75],
      [0xa8, 0x55],
      [0xae, 0x45],
      [0xa7, 0x65],
    ] as const) {
      rig.command(command);
      rig.command(0x20);
      assert.deepEqual(rig.answers(), [expected], `after ${command.toString(16)}`);
    }
    rig.command(0x60, 0x47);
    rig.command(0x20);
    assert.deepEqual(rig.answers(), [0x47]);
  });

  it('interrupts for a byte of a device where the command byte says so', () => {
    const rig = new Rig();
    rig.command(0x60, 0x47);
    rig.controller.data.writeByte(0, 0xf4);
    assert.deepEqual([rig.keyboardInterrupt, rig.mouseInterrupt], [true, false]);
    rig.answers();
    assert.equal(rig.keyboardInterrupt, false);
    rig.command(0xd4, 0xf4);
    assert.deepEqual([rig.keyboardInterrupt, rig.mouseInterrupt], [false, true]);
    rig.answers();
    rig.command(0x60, 0x44);
    rig.controller.data.writeByte(0, 0xf4);
    assert.equal(rig.keyboardInterrupt, false);
  });

  it('resets the machine by a pulse of its line, and by the output port', () => {
    const rig = new Rig();
    rig.command(0xff);
    rig.command(0xd1, 0x03);
    assert.equal(rig.resets, 0);
    rig.command(0xfe);
    rig.command(0xd1, 0x02);
    assert.equal(rig.resets, 2);
  });

  it('holds a device’s bytes while its port is off', () => {
    const rig = new Rig();
    rig.controller.data.writeByte(0, 0xee);
    rig.answers();
    rig.controller.data.writeByte(0, 0xf2);
    rig.command(0xad);
    assert.deepEqual(rig.answers(), [0xfa], 'the one already in the buffer');
    rig.command(0xae);
    assert.deepEqual(rig.answers(), [0xab, 0x41]);
  });
});

describe('PS/2 keyboard', () => {
  const dialogues: readonly (readonly [string, readonly number[], readonly number[]])[] = [
    ['reset', [0xff], [0xfa, 0xaa]],
    ['identification, translated', [0xf2], [0xfa, 0xab, 0x41]],
    ['echo', [0xee], [0xee]],
    ['indicators', [0xed, 0x07], [0xfa, 0xfa]],
    ['rate', [0xf3, 0x00], [0xfa, 0xfa]],
    ['scan code set: which, translated', [0xf0, 0x00], [0xfa, 0xfa, 0x41]],
    ['scan code set: 3', [0xf0, 0x03, 0xf0, 0x00], [0xfa, 0xfa, 0xfa, 0xfa, 0x3f]],
    ['enable', [0xf4], [0xfa]],
    ['defaults', [0xf6], [0xfa]],
    ['unknown', [0xe1], [0xfe]],
    ['a command in the place of an argument', [0xed, 0xf4], [0xfa, 0xfa]],
  ];
  for (const [name, bytes, expected] of dialogues) {
    it(`answers: ${name}`, () => {
      assert.deepEqual(new Rig().keyboard(...bytes), expected);
    });
  }

  it('sends its last byte again', () => {
    const rig = new Rig();
    rig.keyboard(0xff);
    assert.deepEqual(rig.keyboard(0xfe), [0xaa]);
  });

  it('gives up what it was sending for a new command', () => {
    const rig = new Rig();
    rig.controller.data.writeByte(0, 0xf2);
    assert.deepEqual(rig.keyboard(0xee), [0xfa, 0xee], 'the first byte was in the buffer already');
  });

  it('identifies itself untranslated where translation is off', () => {
    const rig = new Rig();
    rig.command(0x60, 0x25);
    assert.deepEqual(rig.keyboard(0xf2), [0xfa, 0xab, 0x83]);
  });
});

describe('PS/2 mouse', () => {
  const dialogues: readonly (readonly [string, readonly number[], readonly number[]])[] = [
    ['reset', [0xff], [0xfa, 0xaa, 0]],
    ['identification', [0xf2], [0xfa, 0]],
    ['status after a reset', [0xe9], [0xfa, 0, 2, 100]],
    [
      'status after settings',
      [0xf3, 60, 0xe8, 3, 0xe7, 0xf4, 0xe9],
      [0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0x30, 3, 60],
    ],
    [
      'no wheel',
      [0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2],
      [0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0xfa, 0],
    ],
    ['a report on request', [0xeb], [0xfa, 8, 0, 0]],
    ['unknown', [0xe1], [0xfe]],
  ];
  for (const [name, bytes, expected] of dialogues) {
    it(`answers: ${name}`, () => {
      const answers = new Rig().mouse(...bytes);
      assert.deepEqual(
        answers,
        expected.map((byte) => -byte),
      );
    });
  }
});
