/** SSE floating-point instructions whose result or flags WebAssembly's arithmetic cannot give. */
import { stateOffsets } from '../../machine/processor-state';
import { runOffsets } from '../memory-map';
import { RoutineEnd, vector } from '../processor-context';
import { approximateReciprocal, approximateReciprocalRoot } from '../vector-float/approximation';
import {
  binary32,
  binary64,
  FloatEnvironment,
  floatFlag,
  maskShift,
  type FloatFormat,
} from '../vector-float/float-format';
import {
  binaryOperations,
  compareFloats,
  comparePredicate,
  convertFloat,
  floatToInteger,
  integerToFloat,
} from '../vector-float/float-operations';
import { mxcsrOffset } from '../vector-state';
import { vmcsOffsets } from '../vmcs-offsets';
import type { Processor, Routine, RoutineFamily, RoutineRecord } from './routine';

const cr4UnmaskedExceptions = 0x400;
const beforeComputation = floatFlag.IE | floatFlag.DE | floatFlag.ZE;
const registerBytes = 16;

/** Sixteen bytes as elements. */
class Elements {
  constructor(
    private readonly view: DataView,
    private readonly at: number,
  ) {}

  get(bits: 32 | 64, index: number): bigint {
    return bits === 64
      ? this.view.getBigUint64(this.at + index * 8, true)
      : BigInt(this.view.getUint32(this.at + index * 4, true));
  }

  set(bits: 32 | 64, index: number, value: bigint): void {
    if (bits === 64) this.view.setBigUint64(this.at + index * 8, value, true);
    else this.view.setUint32(this.at + index * 4, Number(value), true);
  }
}

/** One execution: operands, the result that grows, MXCSR. */
interface Execution {
  readonly environment: FloatEnvironment;
  readonly first: Elements;
  readonly source: Elements;
  /** Begins as a copy of the first operand. */
  readonly result: Elements;
  readonly predicate: number;
}

/** Where the result goes. */
type Destination = 'xmm' | 'xmmOfMmx' | 'mmx' | 'general' | 'flags';

/** Sets the flags of MXCSR; true where one is unmasked (SDM vol. 1, 11.5.3). */
function raisesException(processor: Processor, environment: FloatEnvironment): boolean {
  const { state } = processor.context;
  const unmasked = environment.flags & ~(environment.mxcsr >>> maskShift);
  // An unmasked exception that comes before the computation keeps the later ones from being found.
  const flags =
    (unmasked & beforeComputation) !== 0
      ? environment.flags & beforeComputation
      : environment.flags;
  state.writeU32(mxcsrOffset, environment.mxcsr | flags);
  return unmasked !== 0;
}

function store(
  processor: Processor,
  record: RoutineRecord,
  destination: Destination,
  result: Uint8Array,
): void {
  const { context } = processor;
  const { view, vpBase } = context;
  const target = vpBase + record.dst;
  const low = new DataView(result.buffer).getBigUint64(0, true);
  switch (destination) {
    case 'xmmOfMmx':
      context.bytes.set(result, target);
      return enterMmx(processor);
    case 'xmm':
      context.bytes.set(result, target);
      return;
    case 'mmx':
      view.setBigUint64(target, low, true);
      view.setBigUint64(target + 8, 0xffffn, true);
      return enterMmx(processor);
    case 'general':
      view.setBigUint64(target, low, true);
      return;
    case 'flags':
      context.state.rflags = (context.state.rflags & ~arithmeticFlags) | Number(low);
  }
}

const arithmeticFlags = 0x8d5;

/** As `enterMmx` of the definitions. */
function enterMmx(processor: Processor): void {
  const { state } = processor.context;
  state.writeU32(stateOffsets.fxsave, state.readU32(stateOffsets.fxsave) & ~0x38000000);
  const tags = stateOffsets.fxsave + 4;
  state.writeU32(tags, state.readU32(tags) | 0xff);
}

function floatRoutine(destination: Destination, compute: (execution: Execution) => void): Routine {
  return (processor, record) => {
    const { context } = processor;
    const { view, vpBase } = context;
    const environment = new FloatEnvironment(context.state.readU32(mxcsrOffset));
    const at = vpBase + runOffsets.vectorA;
    const result = context.bytes.slice(at, at + registerBytes);
    compute({
      environment,
      first: new Elements(view, at),
      source: new Elements(view, vpBase + runOffsets.vectorB),
      result: new Elements(new DataView(result.buffer), 0),
      predicate: Number(record.immediate & 7n),
    });
    if (raisesException(processor, environment)) {
      if (destination === 'mmx' || destination === 'xmmOfMmx') enterMmx(processor);
      const offered = context.state.readU32(vmcsOffsets.cr4) & cr4UnmaskedExceptions;
      return context.raise({
        vector: offered !== 0 ? vector.XM : vector.UD,
        errorCode: undefined,
      });
    }
    store(processor, record, destination, result);
    return RoutineEnd.next;
  };
}

interface Shape {
  readonly suffix: string;
  readonly format: FloatFormat;
  readonly count: number;
}

const shapes: readonly Shape[] = [
  { suffix: 'PS', format: binary32, count: 4 },
  { suffix: 'PD', format: binary64, count: 2 },
  { suffix: 'SS', format: binary32, count: 1 },
  { suffix: 'SD', format: binary64, count: 1 },
];

function each(count: number, body: (index: number) => void): void {
  for (let index = 0; index < count; index++) body(index);
}

function arithmeticRoutines(): [string, Routine][] {
  return shapes.flatMap(({ suffix, format, count }) =>
    Object.entries(binaryOperations).map(([name, operation]): [string, Routine] => [
      `float${name.toUpperCase()}${suffix}`,
      floatRoutine('xmm', ({ environment, first, source, result }) => {
        each(count, (index) => {
          const a = first.get(format.width, index);
          const b = source.get(format.width, index);
          result.set(format.width, index, operation(format, environment, a, b));
        });
      }),
    ]),
  );
}

function compareRoutines(): [string, Routine][] {
  return shapes.map(({ suffix, format, count }) => [
    `floatCMP${suffix}`,
    floatRoutine('xmm', ({ environment, first, source, result, predicate }) => {
      const ones = (1n << BigInt(format.width)) - 1n;
      each(count, (index) => {
        const a = first.get(format.width, index);
        const b = source.get(format.width, index);
        const isTrue = comparePredicate(format, environment, a, b, predicate);
        result.set(format.width, index, isTrue ? ones : 0n);
      });
    }),
  ]);
}

/** ZF, PF and CF by the ordering (SDM vol. 2, COMISD). */
const orderingFlags = { greater: 0n, less: 1n, equal: 0x40n, unordered: 0x45n } as const;

function flagRoutine(format: FloatFormat, signalsQuiet: boolean): Routine {
  return floatRoutine('flags', ({ environment, first, source, result }) => {
    const a = first.get(format.width, 0);
    const b = source.get(format.width, 0);
    const ordering = compareFloats(format, environment, a, b, signalsQuiet);
    result.set(64, 0, orderingFlags[ordering]);
  });
}

/** Floats to `count` integers of `width` bits; what lies above becomes zero. */
function toIntegers(
  destination: Destination,
  format: FloatFormat,
  count: number,
  width: 32 | 64,
  truncates: boolean,
): Routine {
  return floatRoutine(destination, ({ environment, source, result }) => {
    const values = Array.from({ length: count }, (_, index) =>
      floatToInteger(format, environment, source.get(format.width, index), width, truncates),
    );
    each(2, (index) => result.set(64, index, 0n));
    values.forEach((value, index) => result.set(width, index, value));
  });
}

function toGeneralRoutines(): [string, Routine][] {
  return shapes
    .filter(({ count }) => count === 1)
    .flatMap(({ suffix, format }) =>
      ([32, 64] as const).flatMap((width): [string, Routine][] => [
        [`floatCVT${suffix}2SI${width}`, toIntegers('general', format, 1, width, false)],
        [`floatCVTT${suffix}2SI${width}`, toIntegers('general', format, 1, width, true)],
      ]),
    );
}

function fromIntegers(
  format: FloatFormat,
  count: number,
  width: 32 | 64,
  destination: Destination = 'xmm',
): Routine {
  return floatRoutine(destination, ({ environment, source, result }) => {
    each(count, (index) => {
      const integer = BigInt.asIntN(width, source.get(width, index));
      result.set(format.width, index, integerToFloat(format, environment, integer));
    });
  });
}

/** Between the formats; a packed narrowing clears the upper half. */
function between(from: FloatFormat, to: FloatFormat, count: number): Routine {
  return floatRoutine('xmm', ({ environment, source, result }) => {
    const values = Array.from({ length: count }, (_, index) =>
      convertFloat(from, to, environment, source.get(from.width, index)),
    );
    if (count > 1) each(2, (index) => result.set(64, index, 0n));
    values.forEach((value, index) => result.set(to.width, index, value));
  });
}

function approximation(operation: (bits: number) => number, count: number): Routine {
  return floatRoutine('xmm', ({ source, result }) => {
    each(count, (index) => {
      result.set(32, index, BigInt(operation(Number(source.get(32, index)))));
    });
  });
}

export const simdFloatRoutines: RoutineFamily = {
  reason: 'rounding modes, MXCSR flags and NaNs that WebAssembly arithmetic does not give',
  routines: {
    ...Object.fromEntries([...arithmeticRoutines(), ...compareRoutines(), ...toGeneralRoutines()]),
    floatCOMISS: flagRoutine(binary32, true),
    floatCOMISD: flagRoutine(binary64, true),
    floatUCOMISS: flagRoutine(binary32, false),
    floatUCOMISD: flagRoutine(binary64, false),
    floatCVTSI2SS: fromIntegers(binary32, 1, 64),
    floatCVTSI2SD: fromIntegers(binary64, 1, 64),
    floatCVTDQ2PS: fromIntegers(binary32, 4, 32),
    floatCVTPI2PS: fromIntegers(binary32, 2, 32),
    floatCVTPI2PSofMmx: fromIntegers(binary32, 2, 32, 'xmmOfMmx'),
    floatCVTPS2DQ: toIntegers('xmm', binary32, 4, 32, false),
    floatCVTTPS2DQ: toIntegers('xmm', binary32, 4, 32, true),
    floatCVTPD2DQ: toIntegers('xmm', binary64, 2, 32, false),
    floatCVTTPD2DQ: toIntegers('xmm', binary64, 2, 32, true),
    floatCVTPD2PI: toIntegers('mmx', binary64, 2, 32, false),
    floatCVTTPD2PI: toIntegers('mmx', binary64, 2, 32, true),
    floatCVTPS2PI: toIntegers('mmx', binary32, 2, 32, false),
    floatCVTTPS2PI: toIntegers('mmx', binary32, 2, 32, true),
    floatCVTSS2SD: between(binary32, binary64, 1),
    floatCVTPS2PD: between(binary32, binary64, 2),
    floatCVTSD2SS: between(binary64, binary32, 1),
    floatCVTPD2PS: between(binary64, binary32, 2),
    floatRCPPS: approximation(approximateReciprocal, 4),
    floatRCPSS: approximation(approximateReciprocal, 1),
    floatRSQRTPS: approximation(approximateReciprocalRoot, 4),
    floatRSQRTSS: approximation(approximateReciprocalRoot, 1),
  },
};
