// Table: condition codes in encoding order (SDM vol. 1, appendix B).

export const conditionCodes = [
  'O',
  'NO',
  'B',
  'AE',
  'E',
  'NE',
  'BE',
  'A',
  'S',
  'NS',
  'P',
  'NP',
  'L',
  'GE',
  'LE',
  'G',
] as const;

export type ConditionCode = (typeof conditionCodes)[number];
