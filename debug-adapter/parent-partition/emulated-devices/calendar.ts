/** The Gregorian calendar, for clock chips: exact whole numbers, and any field values are taken as they are. */

export interface CalendarTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** From 1. */
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
}

const secondsPerDay = 86_400;
const daysPerEra = 146_097;
/** From 1 March of year 0 to 1 January 1970. */
const epochDay = 719_468;

/**
 * Days since 1970-01-01. Years begin with March here, so that the leap day is a year's last; a month out of
 * range counts on into other years.
 */
function daysOf(year: number, month: number, day: number): number {
  const months = year * 12 + month - 3;
  const marchYear = Math.floor(months / 12);
  const monthOfYear = months - marchYear * 12;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * monthOfYear + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * daysPerEra + yearOfEra * 365 + leapDays + dayOfYear - epochDay;
}

/** Seconds since 1970-01-01 00:00:00. */
export function secondsOf(time: CalendarTime): number {
  const { year, month, day, hours, minutes, seconds } = time;
  return daysOf(year, month, day) * secondsPerDay + hours * 3600 + minutes * 60 + seconds;
}

/** The calendar time so many seconds after 1970-01-01 00:00:00. */
export function calendarTime(unixSeconds: number): CalendarTime {
  const days = Math.floor(unixSeconds / secondsPerDay);
  const rest = unixSeconds - days * secondsPerDay;
  const shifted = days + epochDay;
  const era = Math.floor(shifted / daysPerEra);
  const dayOfEra = shifted - era * daysPerEra;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthOfYear = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthOfYear < 10 ? monthOfYear + 3 : monthOfYear - 9;
  return {
    year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthOfYear + 2) / 5) + 1,
    hours: Math.floor(rest / 3600),
    minutes: Math.floor(rest / 60) % 60,
    seconds: rest % 60,
  };
}

/** 1 for Sunday to 7 for Saturday. */
export function dayOfWeek(unixSeconds: number): number {
  const days = Math.floor(unixSeconds / secondsPerDay);
  // 1970-01-01 was a Thursday.
  return ((((days + 4) % 7) + 7) % 7) + 1;
}
