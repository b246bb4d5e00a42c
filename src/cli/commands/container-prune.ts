/** `k3c container prune` */
import { pruneCommand, removalWarning } from '../prune-command.ts';
import { pruneContainers } from '../pruning.ts';

export const containerPrune = pruneCommand({
  details: 'Containers that were put into a pod stay: they go with it, by "k3c pod rm" or "k3c pod prune".',
  warning: () => removalWarning('all stopped containers'),
  prune: pruneContainers,
});
