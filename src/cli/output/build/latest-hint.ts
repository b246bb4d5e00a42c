/** A word about images that only this machine has, under the one tag that Kubernetes goes to the registry for. */
import { familiar } from '../../../api/reference.ts';
import type { ExporterResponse } from '../../../client/build/solve.ts';

/**
 * One line when an image was named `:latest`, for which a pod's imagePullPolicy is Always unless it says otherwise
 * (Kubernetes, "Default image pull policy"); empty otherwise.
 */
export function formatLatestHint(response: ExporterResponse): string {
  const names = (response['image.name'] ?? '').split(',').filter((name) => name.endsWith(':latest'));
  const [name] = names;
  if (name === undefined) return '';
  return `hint: Kubernetes pulls ${familiar(name)} from its registry unless imagePullPolicy says otherwise; give the image another tag, or set IfNotPresent\n`;
}
