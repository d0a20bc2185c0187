/** Figures as people read them: durations, bytes, numbers, counts. */

/** A duration for people: `0.35 s`, `12.3 s`, `3 min 05 s`, `1 h 02 min`; below 0.1 s in milliseconds. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0.0995) return `${(seconds * 1000).toPrecision(2)} ms`;
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  if (seconds < 99.5) return `${seconds.toFixed(seconds < 59.95 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A number of bytes in binary units with three digits: `512 B`, `1.50 KiB`, `128 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${bytes} B`;
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${units[unit]}`;
}

/** A number with `digits` significant digits and commas between thousands: `12,345`, `3.14`, `0.0012`. */
export function formatNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 10 ** (digits - 1)) return Math.round(value).toLocaleString('en-US');
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}

/** A large count with three digits: `1.81 G`, `11.7 M`, `9,536`. */
export function formatCount(value: number): string {
  if (value >= 999.5e6) return `${formatNumber(value / 1e9)} G`;
  return value >= 999_950 ? `${formatNumber(value / 1e6)} M` : Math.round(value).toLocaleString('en-US');
}

/** `1 picture`, `1,000 pictures`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** A share with `digits` digits behind the point, `0.9912`; never rounded up to 1. */
export function formatShare(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return value < 1 && Number(text) === 1 ? `>${'0.'.padEnd(digits + 2, '9')}` : text;
}
