/** Checks of VM entry on segment registers (SDM vol. 3, 27.3.1.2), for an unrestricted guest. */
import type { EntryCheck, EntryState } from './entry-state';

const section = '27.3.1.2';
const allNames = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'] as const;
const dataNames = ['DS', 'ES', 'FS', 'GS'] as const;
type SegmentName = (typeof allNames)[number] | 'TR' | 'LDTR';

const selector = (name: SegmentName): string => `GUEST_${name}_SELECTOR`;
const base = (name: SegmentName): string => `GUEST_${name}_BASE`;
const limit = (name: SegmentName): string => `GUEST_${name}_LIMIT`;
const rights = (name: SegmentName): string => `GUEST_${name}_AR_BYTES`;

const tableIndicator = 4n;
/** Fields of the access rights (SDM vol. 3, table 25-2). */
const right = {
  type: 0xfn,
  code: 8n,
  s: 0x10n,
  present: 0x80n,
  long: 0x2000n,
  big: 0x4000n,
  granular: 0x8000n,
  unusable: 0x10000n,
  reserved: 0xfffe0f00n,
} as const;
const virtual8086Rights = 0xf3n;
const virtual8086Limit = 0xffffn;

const isUsable = (s: EntryState, name: SegmentName): boolean =>
  !s.has(rights(name), right.unusable);
const typeOf = (s: EntryState, name: SegmentName): bigint => s.get(rights(name)) & right.type;
const privilegeOf = (s: EntryState, name: SegmentName): number =>
  Number((s.get(rights(name)) >> 5n) & 3n);
/** CS counts whether it is marked unusable or not. */
const counts = (s: EntryState, name: SegmentName): boolean => name === 'CS' || isUsable(s, name);

/** Outside virtual-8086 mode, of a segment that is usable. */
function ofRights(
  name: SegmentName,
  problem: string,
  fails: (s: EntryState) => boolean,
): EntryCheck {
  return {
    field: rights(name),
    section,
    problem,
    fails: (s) => !s.isVirtual8086 && counts(s, name) && fails(s),
  };
}

/** A limit with its lower bits not all set has bytes as its unit, one with upper bits set has pages. */
function isUnitWrong(s: EntryState, name: SegmentName): boolean {
  const value = s.get(limit(name));
  const isGranular = s.has(rights(name), right.granular);
  return isGranular ? (value & 0xfffn) !== 0xfffn : value >> 20n !== 0n;
}

function commonRights(name: SegmentName, isSystem: boolean): EntryCheck[] {
  const kind = isSystem ? 'clear (a system segment)' : 'set (code or data)';
  return [
    ofRights(name, `must have S ${kind}`, (s) => s.has(rights(name), right.s) === isSystem),
    ofRights(name, 'must have P set', (s) => !s.has(rights(name), right.present)),
    ofRights(name, 'has reserved bits set', (s) => s.has(rights(name), right.reserved)),
    ofRights(name, `must have G in accord with ${limit(name)}`, (s) => isUnitWrong(s, name)),
  ];
}

const virtual8086Checks: readonly EntryCheck[] = allNames.flatMap((name) => [
  {
    field: base(name),
    section,
    problem: 'must be the selector times 16 in virtual-8086 mode',
    fails: (s) => s.isVirtual8086 && s.get(base(name)) !== s.get(selector(name)) << 4n,
  },
  {
    field: limit(name),
    section,
    problem: 'must be 0xffff in virtual-8086 mode',
    fails: (s) => s.isVirtual8086 && s.get(limit(name)) !== virtual8086Limit,
  },
  {
    field: rights(name),
    section,
    problem: 'must be 0xf3 in virtual-8086 mode',
    fails: (s) => s.isVirtual8086 && s.get(rights(name)) !== virtual8086Rights,
  },
]);

function isCodePrivilegeWrong(s: EntryState): boolean {
  const own = privilegeOf(s, 'CS');
  const type = typeOf(s, 'CS');
  if (type === 3n) return own !== 0;
  return (type & 4n) === 0n ? own !== s.privilege : own > s.privilege;
}

const codeTypes: ReadonlySet<bigint> = new Set([3n, 9n, 11n, 13n, 15n]);

const codeChecks: readonly EntryCheck[] = [
  ofRights('CS', 'must have a type of accessed code, or 3', (s) => !codeTypes.has(typeOf(s, 'CS'))),
  ofRights('CS', 'must have a DPL in accord with that of SS', isCodePrivilegeWrong),
  ofRights(
    'CS',
    'must not have both L and D/B set in IA-32e mode',
    (s) => s.isLongMode && s.has(rights('CS'), right.long) && s.has(rights('CS'), right.big),
  ),
  ...commonRights('CS', false),
];

const stackChecks: readonly EntryCheck[] = [
  ofRights(
    'SS',
    'must have a type of accessed data that can be written (3 or 7)',
    (s) => typeOf(s, 'SS') !== 3n && typeOf(s, 'SS') !== 7n,
  ),
  {
    field: rights('SS'),
    section,
    problem: 'must have DPL 0 in real mode, and where CS has type 3',
    fails: (s) =>
      !s.isVirtual8086 && s.privilege !== 0 && (!s.isProtected || typeOf(s, 'CS') === 3n),
  },
  ...commonRights('SS', false),
];

function dataChecks(name: SegmentName): readonly EntryCheck[] {
  return [
    ofRights(name, 'must have an accessed type', (s) => (typeOf(s, name) & 1n) === 0n),
    ofRights(
      name,
      'must be readable where it is code',
      (s) => (typeOf(s, name) & right.code) !== 0n && (typeOf(s, name) & 2n) === 0n,
    ),
    ...commonRights(name, false),
  ];
}

function shortBase(name: SegmentName): EntryCheck {
  return {
    field: base(name),
    section,
    problem: 'must have bits 63:32 clear',
    fails: (s) => counts(s, name) && s.get(base(name)) >> 32n !== 0n,
  };
}

function canonicalBase(name: SegmentName): EntryCheck {
  return {
    field: base(name),
    section,
    problem: 'must be a canonical address',
    fails: (s) => (name !== 'LDTR' || isUsable(s, name)) && !s.isCanonical(s.get(base(name))),
  };
}

/** The table and the task register have the same rules in virtual-8086 mode. */
function ofSystem(
  name: 'TR' | 'LDTR',
  problem: string,
  fails: (s: EntryState) => boolean,
): EntryCheck {
  const isCounted = (s: EntryState): boolean => name === 'TR' || isUsable(s, name);
  return { field: rights(name), section, problem, fails: (s) => isCounted(s) && fails(s) };
}

function systemRights(name: 'TR' | 'LDTR'): EntryCheck[] {
  return [
    ofSystem(name, 'must have S clear', (s) => s.has(rights(name), right.s)),
    ofSystem(name, 'must have P set', (s) => !s.has(rights(name), right.present)),
    ofSystem(name, 'has reserved bits set', (s) => s.has(rights(name), right.reserved)),
    ofSystem(name, `must have G in accord with ${limit(name)}`, (s) => isUnitWrong(s, name)),
  ];
}

const systemChecks: readonly EntryCheck[] = [
  {
    field: selector('TR'),
    section,
    problem: 'must have TI clear',
    fails: (s) => s.has(selector('TR'), tableIndicator),
  },
  {
    field: selector('LDTR'),
    section,
    problem: 'must have TI clear',
    fails: (s) => isUsable(s, 'LDTR') && s.has(selector('LDTR'), tableIndicator),
  },
  ofSystem('TR', 'must not be unusable', (s) => !isUsable(s, 'TR')),
  ofSystem('TR', 'must have the type of a busy TSS: 11, or 3 outside IA-32e mode', (s) => {
    const type = typeOf(s, 'TR');
    return type !== 11n && (type !== 3n || s.isLongMode);
  }),
  ofSystem('LDTR', 'must have type 2', (s) => typeOf(s, 'LDTR') !== 2n),
  ...systemRights('TR'),
  ...systemRights('LDTR'),
];

/** Every check, by kinds of segments. */
export const segmentChecks: readonly EntryCheck[] = [
  ...virtual8086Checks,
  shortBase('CS'),
  ...(['SS', 'DS', 'ES'] as const).map(shortBase),
  ...(['TR', 'FS', 'GS', 'LDTR'] as const).map(canonicalBase),
  ...codeChecks,
  ...stackChecks,
  ...dataNames.flatMap(dataChecks),
  ...systemChecks,
];
