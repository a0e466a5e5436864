/** Loaded before a program: its wall clock is that of the host, shifted by what STEPPED_CLOCK_FILE says, read at its start and at SIGUSR2. */
import { existsSync, readFileSync } from 'node:fs';

const Real = Date;
const file = process.env.STEPPED_CLOCK_FILE;
const read = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
let shift = read();
process.on('SIGUSR2', () => {
  shift = read();
});
globalThis.Date = class extends Real {
  constructor(...given) {
    super(...(given.length === 0 ? [Real.now() + shift] : given));
  }
  static now() {
    return Real.now() + shift;
  }
};
