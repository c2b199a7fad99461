/** Two cascaded 8259As and their edge/level registers: the fifteen interrupt requests of an ISA board. */
import { edgeOnlyInputs } from '../../spec/pc/interrupt-controller-8259';
import { irq } from '../../spec/pc/board';
import type { InspectedValue } from '../../machine/inspect';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import { InterruptController8259 } from './interrupt-controller-8259';
import type { InterruptLine } from './interrupt-line';
import type { ByteRegisters } from './port-device';

const versionOfState = 1;

/** IRQ 0 to 7 are the master's, 8 to 15 the slave's. */
export class InterruptControllerPair implements Chip {
  readonly name = 'interrupt controllers';
  readonly master: InterruptController8259;
  readonly slave: InterruptController8259;
  /** ELCR1 and ELCR2. */
  readonly edgeLevelControl: ByteRegisters;

  /** @param output the wire to LINT0 */
  constructor(output: InterruptLine) {
    this.slave = new InterruptController8259({
      name: 'slave interrupt controller',
      cascadedInputs: 0,
      edgeOnlyInputs: edgeOnlyInputs.slave,
      outputChanged: (asserted) => this.master.setInput(irq.cascade, asserted),
      acknowledgeCascaded: () => 0,
    });
    this.master = new InterruptController8259({
      name: 'master interrupt controller',
      cascadedInputs: 1 << irq.cascade,
      edgeOnlyInputs: edgeOnlyInputs.master,
      outputChanged: (asserted) => output.set(asserted),
      acknowledgeCascaded: () => this.acknowledgeSlave(),
    });
    const halfAt = (offset: number) => (offset === 0 ? this.master : this.slave);
    this.edgeLevelControl = {
      name: 'edge/level control',
      readByte: (offset) => halfAt(offset).edgeLevel,
      writeByte(offset, value) {
        halfAt(offset).edgeLevel = value;
      },
    };
  }

  /** What the wire of an interrupt request carries; IRQ 2 is the cascade and has none. */
  setRequest(request: number, level: boolean): void {
    if (request >= 8) this.slave.setInput(request - 8, level);
    else if (request !== irq.cascade) this.master.setInput(request, level);
  }

  /** Answers the vector for the processor that takes the external interrupt. */
  acknowledge(): number {
    return this.master.acknowledge();
  }

  reset(): void {
    this.slave.reset();
    this.master.reset();
  }

  save(): StateNode {
    return { version: versionOfState, master: this.master.save(), slave: this.slave.save() };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.master.restore(record.record('master'));
    this.slave.restore(record.record('slave'));
  }

  inspect(): readonly InspectedValue[] {
    return [this.master, this.slave].flatMap((half) =>
      half.inspect().map(({ name, value }) => ({ name: `${half.name}: ${name}`, value })),
    );
  }

  /** The slave's output falls during the acknowledge cycle, so that a second request makes an edge. */
  private acknowledgeSlave(): number {
    this.master.setInput(irq.cascade, false);
    const vector = this.slave.acknowledge();
    this.master.setInput(irq.cascade, this.slave.isAsserted);
    return vector;
  }
}
