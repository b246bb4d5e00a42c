/** Commands in containers of a test's engine. */
import type { ExecRequest } from '../../src/daemon/engine/containers/exec.ts';
import type { Daemon } from './container-rig.ts';

/** A plain exec of the container's user: no terminal, no stdin. */
export function execOf(container: string, command: readonly string[], over: Partial<ExecRequest> = {}): ExecRequest {
  return {
    container,
    command,
    env: [],
    workingDir: '',
    user: '',
    tty: false,
    stdin: false,
    detach: false,
    privileged: false,
    size: undefined,
    ...over,
  };
}

/** What a command printed, stdout and stderr as they came, when it has ended. */
export async function execOutput(
  { engine }: Pick<Daemon, 'engine'>,
  container: string,
  command: readonly string[],
  over: Partial<ExecRequest> = {},
): Promise<string> {
  const { attachment, exited } = await engine.exec(execOf(container, command, over));
  let text = '';
  for await (const { data } of attachment.output) text += data.toString();
  await exited;
  return text;
}
