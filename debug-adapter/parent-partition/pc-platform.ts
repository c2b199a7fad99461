/** The devices of a PC guest: which chip sits where, and which wire leads whither. Nothing else. */
import type { Inspectable } from '../machine/inspect';
import type { TimerSource } from '../machine/timer-queue';
import { intervalTimerGsi, ioApic, irq, port, portCount } from '../spec/pc/board';
import { physicalAddressBits } from '../spec/x86/address-widths';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { cmosContents } from './cmos-contents';
import type { Chip } from './emulated-devices/chip';
import { ConsolePort } from './emulated-devices/console-port';
import { DebugExitPort } from './emulated-devices/debug-exit-port';
import { FastResetPort } from './emulated-devices/fast-reset-port';
import { InterruptControllerPair } from './emulated-devices/interrupt-controller-pair';
import type { InterruptLine } from './emulated-devices/interrupt-line';
import { IntervalTimer } from './emulated-devices/interval-timer';
import { IoApic } from './emulated-devices/io-apic';
import { KeyboardController } from './emulated-devices/keyboard-controller';
import { PciConfiguration } from './emulated-devices/pci-configuration';
import { ByteWidePorts, type ByteRegisters } from './emulated-devices/port-device';
import { PowerManagement } from './emulated-devices/power-management';
import { RealTimeClock } from './emulated-devices/real-time-clock';
import { SerialPort } from './emulated-devices/serial-port';
import { SystemControlPort } from './emulated-devices/system-control-port';
import type { GuestBus } from './guest-bus';
import type { PlacedMemory, PlacedPorts, Platform, PlatformServices } from './platform';

const versionOfState = 2;

/** What differs from guest to guest. */
export interface PcPlatformConfiguration {
  /** Identifier of the partition; the names of its timers begin with it. */
  readonly partition: number;
  /** End of RAM. */
  readonly memoryBytes: number;
  /** Time of day at virtual time 0: seconds since 1970-01-01 00:00:00 UTC. */
  readonly bootTime: number;
}

/** Exit code of a guest that turns itself off. */
const turnedOff = 0;

function ownTimers(timers: TimerSource, partition: number): TimerSource {
  return {
    createTimer: (name, onDue) => timers.createTimer(`guest ${partition}: ${name}`, onDue),
  };
}

/**
 * A board with Intel's 440BX and PIIX4, as a generation-1 virtual machine has. What has no device here reads all ones: DMA,
 * VGA, further serial ports, and port 80h, which guests write for a delay and which so stays cheap.
 */
export class PcPlatform implements Platform {
  readonly ports: readonly PlacedPorts[];
  readonly memory: readonly PlacedMemory[];
  readonly openBusBytes = 2 ** physicalAddressBits;
  readonly interruptControllers: InterruptControllerPair;
  readonly ioApic: IoApic;
  private readonly timer: IntervalTimer;
  private readonly clock: RealTimeClock;
  private readonly serialPorts: ReadonlyMap<number, SerialPort>;
  private readonly keyboard: KeyboardController;
  private readonly power: PowerManagement;
  private readonly pci: PciConfiguration;
  private readonly systemControl: SystemControlPort;
  private readonly fastReset: FastResetPort;
  private readonly chips: readonly Chip[];

  constructor(
    private readonly services: PlatformServices,
    configuration: PcPlatformConfiguration,
    readonly guestBus?: GuestBus,
  ) {
    const nowNs = (): number => services.nowNs();
    const resetMachine = (): void => services.resetPartition();
    const timers = ownTimers(services.timers, configuration.partition);
    this.interruptControllers = new InterruptControllerPair({
      set: (level) => services.setExternalInterruptLine(level),
    });
    this.ioApic = new IoApic((request) => services.assertInterrupt(request));
    const world = { timers, nowNs };
    this.timer = new IntervalTimer({ ...world, output: this.wire(irq.intervalTimer) });
    this.systemControl = new SystemControlPort(this.timer, nowNs);
    this.clock = new RealTimeClock({
      ...world,
      interrupt: this.wire(irq.realTimeClock),
      powerOnUnixSeconds: configuration.bootTime,
      memory: cmosContents(configuration.memoryBytes),
    });
    const serial = (name: string, first: number, request: number): [number, SerialPort] => [
      first,
      new SerialPort({
        ...world,
        name,
        interrupt: this.wire(request),
        transmit: (byte) => services.writeConsole(first, byte, 1),
      }),
    ];
    this.serialPorts = new Map([
      serial('COM1', port.com1, irq.com1),
      serial('COM2', port.com2, irq.com2),
    ]);
    this.keyboard = new KeyboardController({
      keyboardInterrupt: this.wire(irq.keyboard),
      mouseInterrupt: this.wire(irq.mouse),
      resetMachine,
    });
    this.power = new PowerManagement({
      ...world,
      interrupt: this.wire(irq.systemControlInterrupt),
      turnOff: () => services.endPartition(turnedOff),
      resetMachine,
    });
    this.pci = new PciConfiguration(resetMachine);
    this.fastReset = new FastResetPort(resetMachine);
    // The controllers come last: a reset of the others lets go of wires.
    this.chips = [
      this.timer,
      this.systemControl,
      this.clock,
      ...this.serialPorts.values(),
      this.keyboard,
      this.power,
      this.pci,
      this.fastReset,
      this.ioApic,
      this.interruptControllers,
    ];
    this.ports = this.placePorts();
    this.memory = [{ gpa: ioApic.gpa, bytes: ioApic.bytes, device: this.ioApic }];
  }

  /** The chips, for whoever wants to look at them. */
  get inspectables(): readonly Inspectable[] {
    return this.chips;
  }

  endOfInterrupt(vector: number): void {
    this.ioApic.endOfInterrupt(vector);
  }

  acknowledgeInterrupt(): number {
    return this.interruptControllers.acknowledge();
  }

  receiveConsoleInput(first: number, data: Uint8Array): void {
    const serialPort = this.serialPorts.get(first);
    if (serialPort !== undefined) return serialPort.receive(data);
    throw new UserError(
      'console-has-no-input',
      `The guest has no console at port 0x${first.toString(16)} that reads input.`,
      'Its serial ports are 0x3f8 and 0x2f8.',
    );
  }

  /** A person pressed the power button. */
  pressPowerButton(): void {
    this.power.pressPowerButton();
  }

  reset(): void {
    for (const chip of this.chips) chip.reset();
    this.guestBus?.bus.reset();
  }

  save(): StateNode {
    const chips = this.chips.map((chip): [string, StateNode] => [chip.name, chip.save()]);
    const bus = this.guestBus === undefined ? {} : { bus: this.guestBus.bus.save() };
    return { version: versionOfState, chips: Object.fromEntries(chips), ...bus };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    const saved = record.record('chips');
    for (const chip of this.chips) chip.restore(saved.record(chip.name));
    this.guestBus?.bus.restore(record.record('bus'));
  }

  /** An interrupt request is wired to both kinds of controllers; a guest uses one of them. */
  private wire(request: number): InterruptLine {
    const pin = request === irq.intervalTimer ? intervalTimerGsi : request;
    return {
      set: (level) => {
        this.interruptControllers.setRequest(request, level);
        this.ioApic.setInput(pin, level);
      },
    };
  }

  private placePorts(): readonly PlacedPorts[] {
    const { master, slave, edgeLevelControl } = this.interruptControllers;
    const bytes = (first: number, count: number, device: ByteRegisters): PlacedPorts => ({
      first,
      count,
      device: new ByteWidePorts(device, count),
    });
    const debugConsole = new ConsolePort(
      (value, sizeBytes) => this.services.writeConsole(port.debugConsole, value, sizeBytes),
      port.debugConsole,
    );
    const debugExit = new DebugExitPort((code) => this.services.endPartition(code));
    return [
      bytes(port.masterInterruptController, portCount.interruptController, master),
      bytes(port.slaveInterruptController, portCount.interruptController, slave),
      bytes(port.edgeLevelControl, portCount.edgeLevelControl, edgeLevelControl),
      bytes(port.intervalTimer, portCount.intervalTimer, this.timer),
      bytes(port.keyboardData, 1, this.keyboard.data),
      bytes(port.systemControlB, 1, this.systemControl),
      bytes(port.keyboardCommand, 1, this.keyboard.control),
      bytes(port.realTimeClock, portCount.realTimeClock, this.clock),
      bytes(port.systemControlA, 1, this.fastReset),
      ...Array.from(this.serialPorts, ([first, chip]) => bytes(first, portCount.serial, chip)),
      {
        first: port.powerManagement,
        count: portCount.powerManagement,
        device: this.power.ports,
      },
      {
        first: port.pciConfigurationAddress,
        count: portCount.pciConfiguration,
        device: this.pci,
      },
      {
        first: port.pciMechanism2Window,
        count: portCount.pciMechanism2Window,
        device: this.pci.window,
      },
      { first: port.debugConsole, count: 1, device: debugConsole },
      { first: port.debugExit, count: portCount.debugExit, device: debugExit },
    ];
  }
}
