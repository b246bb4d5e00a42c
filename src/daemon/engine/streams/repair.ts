/** For the composition root: what must happen before every start of containerd. */
export { repairFifos } from '../../backends/fifos.ts';
