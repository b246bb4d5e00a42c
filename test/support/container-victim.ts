/**
 * A daemon that works until it is killed: containers are made, started, paused, renamed, restarted, stopped and removed at once, and each act is told
 * on standard output when it was answered, a restart before it is asked for, too. Usage: node container-victim.ts BASE ROUND
 */
import { bootDaemon, specOf } from './container-rig.ts';

const [base = '', round = ''] = process.argv.slice(2);
const { engine } = await bootDaemon(base);
const tell = (act: string, id: string) => process.stdout.write(`${act} ${id}\n`);
tell('booted', '-');

const work = async (lane: number): Promise<never> => {
  for (let turn = 0; ; turn++) {
    const autoRemove = turn % 4 === 1;
    const spec = specOf({ command: ['sleep', '1000'], autoRemove });
    const { id } = await engine.create(`lane${lane}-${round}-${turn}`, spec);
    // As with docker, a --rm container that does not run goes when a daemon comes back.
    if (!autoRemove) tell('created', id);
    await engine.start(id);
    tell('started', id);
    if (turn % 2 === 1) {
      await engine.pause(id);
      tell('paused', id);
    }
    if (autoRemove) {
      engine.rename(id, `renamed${lane}-${round}-${turn}`);
      tell('restarting', id);
      await engine.restart(id, { timeout: 0 });
      tell('started', id);
    }
    if (turn % 3 === 1) {
      await engine.stop(id, { timeout: 0 });
      tell('stopped', id);
    }
    if (turn % 3 === 2) {
      await engine.remove(id, { force: true, volumes: true });
      tell('removed', id);
    }
  }
};
await Promise.all([work(1), work(2), work(3)]);
