/** The time-of-day bytes of an MC146818: BCD or binary, 24 or twice 12 hours, as register B says. */
import { centuryIndex } from '../../spec/pc/board';
import { afternoon, registerB, rtcRegister } from '../../spec/pc/real-time-clock';
import { calendarTime, dayOfWeek, secondsOf } from './calendar';

/** Indexes that hold the time. */
export const timeIndexes: readonly number[] = [
  rtcRegister.seconds,
  rtcRegister.minutes,
  rtcRegister.hours,
  rtcRegister.dayOfWeek,
  rtcRegister.dayOfMonth,
  rtcRegister.month,
  rtcRegister.year,
  centuryIndex,
];

const toBcd = (value: number): number => (Math.floor(value / 10) << 4) | (value % 10);
const fromBcd = (value: number): number => (value >> 4) * 10 + (value & 0xf);

function encodeNumber(value: number, control: number): number {
  return control & registerB.DM ? value & 0xff : toBcd(value) & 0xff;
}

function decodeNumber(byte: number, control: number): number {
  return control & registerB.DM ? byte : fromBcd(byte);
}

function encodeHours(hours: number, control: number): number {
  if (control & registerB.hours24) return encodeNumber(hours, control);
  const ofTwelve = encodeNumber(hours % 12 === 0 ? 12 : hours % 12, control);
  return hours >= 12 ? ofTwelve | afternoon : ofTwelve;
}

/** The hour, 0 to 23, that a byte means; bytes that mean none give a number out of that range, or some hour. */
function decodeHours(byte: number, control: number): number {
  if (control & registerB.hours24) return decodeNumber(byte, control);
  const hours = decodeNumber(byte & ~afternoon, control) % 12;
  return byte & afternoon ? hours + 12 : hours;
}

/** The byte at one of {@link timeIndexes} at a time. */
export function encodeTimeByte(index: number, unixSeconds: number, control: number): number {
  const time = calendarTime(unixSeconds);
  const encode = (value: number): number => encodeNumber(value, control);
  switch (index) {
    case rtcRegister.seconds:
      return encode(time.seconds);
    case rtcRegister.minutes:
      return encode(time.minutes);
    case rtcRegister.hours:
      return encodeHours(time.hours, control);
    case rtcRegister.dayOfWeek:
      return dayOfWeek(unixSeconds);
    case rtcRegister.dayOfMonth:
      return encode(time.day);
    case rtcRegister.month:
      return encode(time.month);
    case rtcRegister.year:
      return encode(time.year % 100);
    default:
      return encode(Math.floor(time.year / 100) % 100);
  }
}

/** The time that the bytes mean; the day of the week does not count. */
export function decodeTime(byteAt: (index: number) => number, control: number): number {
  const decode = (index: number): number => decodeNumber(byteAt(index), control);
  return secondsOf({
    year: decode(centuryIndex) * 100 + decode(rtcRegister.year),
    month: decode(rtcRegister.month),
    day: decode(rtcRegister.dayOfMonth),
    hours: decodeHours(byteAt(rtcRegister.hours), control),
    minutes: decode(rtcRegister.minutes),
    seconds: decode(rtcRegister.seconds),
  });
}

/** An alarm byte as the number it waits for. */
export function decodeAlarmByte(index: number, byte: number, control: number): number {
  return index === rtcRegister.hoursAlarm
    ? decodeHours(byte, control)
    : decodeNumber(byte, control);
}

/** A time of day with parts that match everything: undefined. */
export interface AlarmTime {
  readonly hours: number | undefined;
  readonly minutes: number | undefined;
  readonly seconds: number | undefined;
}

/** Steps that lead from any moment to the next match, with a day to spare. */
const stepsMaximum = 2 * (24 + 60 + 60);

/** The first second after `after` that matches; undefined where none ever does. */
export function nextAlarm(after: number, alarm: AlarmTime): number | undefined {
  let at = after + 1;
  for (let step = 0; step < stepsMaximum; step++) {
    const { hours, minutes, seconds } = calendarTime(at);
    if (alarm.hours !== undefined && alarm.hours !== hours) at += 3600 - minutes * 60 - seconds;
    else if (alarm.minutes !== undefined && alarm.minutes !== minutes) at += 60 - seconds;
    else if (alarm.seconds !== undefined && alarm.seconds !== seconds) at += 1;
    else return at;
  }
  return undefined;
}
