/** `k3c image prune` */
import { pruneCommand, removalWarning } from '../prune-command.ts';
import { pruneImages } from '../pruning.ts';

export const imagePrune = pruneCommand({
  all: 'Remove all unused images, not just dangling ones',
  warning: ({ all }) =>
    removalWarning(
      all === true ? 'all images without at least one container associated to them' : 'all dangling images',
    ),
  prune: pruneImages,
});
