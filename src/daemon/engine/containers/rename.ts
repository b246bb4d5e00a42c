/** rename: the row's name, and with it what every next start calls the pod. What runs keeps the labels it was started with. */
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { renewNames } from '../pods/names.ts';
import type { EngineContext } from './context.ts';
import { checkNameFree } from './free-name.ts';
import { checkName, findContainer } from './identity.ts';

/** Gives a container another name; the old one is free when it returns. Errors are docker's. One transaction, so it needs no lock. */
export function renameContainer(context: EngineContext, reference: string, newName: string): void {
  const { containers } = context.state;
  const [from, to] = [reference.trim(), newName.trim()];
  if (bare(from) === '' || bare(to) === '') throw invalid('Neither old nor new names may be empty');
  const record = findContainer(containers, from);
  if (record.name === bare(to)) throw invalid('Renaming a container with the same name as its current name');
  const name = allocate(context, to);
  context.state.transaction(() => {
    containers.update(record.id, { name });
    context.emit({ ...record, name }, 'rename', { oldName: `/${record.name}` });
  });
  context.network.renamed(record.id, `container ${name}`);
  context.network.members.renamed(record.id, name);
  renewNames(context, record.spec.pod);
}

function allocate(context: EngineContext, wanted: string): string {
  try {
    const name = checkName(wanted);
    checkNameFree(context.state, name, 'container');
    return name;
  } catch (thrown) {
    const { code, reason, message } = toK3cError(thrown);
    throw new K3cError(code, `Error when allocating new name: ${message}`, { reason });
  }
}

function bare(name: string): string {
  return name.replace(/^\//, '');
}

function invalid(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
