/** Loaded before a program: its wall clock is that of the host, shifted by what STEPPED_CLOCK_FILE says, read at SIGUSR2. */
import { readFileSync } from 'node:fs';

const Real = Date;
let shift = 0;
process.on('SIGUSR2', () => {
  shift = Number(readFileSync(process.env.STEPPED_CLOCK_FILE, 'utf8'));
});
globalThis.Date = class extends Real {
  constructor(...given) {
    super(...(given.length === 0 ? [Real.now() + shift] : given));
  }
  static now() {
    return Real.now() + shift;
  }
};
