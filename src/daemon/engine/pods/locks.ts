/** Keys of a pod's locks, in the order in which they are taken; a container's own comes between the two. */

/** What users do to a pod: one act after another. */
export function verbLock(id: string): string {
  return `verbs of pod ${id}`;
}

/** Its sandbox and its row. */
export function podLock(id: string): string {
  return `pod ${id}`;
}
