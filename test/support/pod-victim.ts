/**
 * A daemon that works on pods until it is killed: they are made, started, stopped and removed, with containers that come and go, and
 * each act is told on standard output when it was answered. Usage: node pod-victim.ts BASE ROUND
 */
import { samplePodSpec } from '../../src/daemon/engine/pods/samples.ts';
import { bootDaemon, specOf } from './container-rig.ts';

const [base = '', round = ''] = process.argv.slice(2);
const { engine } = await bootDaemon(base);
const tell = (act: string, name: string) => process.stdout.write(`${act} ${name}\n`);
tell('booted', '-');

const work = async (lane: number): Promise<never> => {
  for (let turn = 0; ; turn++) {
    const name = `pod${lane}-${round}-${turn}`;
    await engine.pods.create(name, samplePodSpec());
    tell('created', name);
    for (const part of ['a', 'b'])
      await engine.create(`${name}-${part}`, specOf({ command: ['sleep', '1000'], pod: name, stopSignal: 'SIGKILL' }));
    await engine.pods.start(name);
    tell('started', name);
    await engine.remove(`${name}-a`, { force: true, volumes: true });
    const { id } = await engine.create('', specOf({ command: ['sleep', '1000'], pod: name, stopSignal: 'SIGKILL' }));
    await engine.start(id);
    if (turn % 2 === 1) {
      await engine.pods.stop(name, {});
      tell('stopped', name);
      await engine.start(`${name}-b`);
      tell('started', name);
    }
    if (turn % 3 === 2) {
      await engine.pods.remove(name, { force: true });
      tell('removed', name);
    }
  }
};
await Promise.all([work(1), work(2)]);
