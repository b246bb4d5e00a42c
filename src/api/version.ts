/** What this build calls itself. Client and daemon come from one binary, so both say the same. */
import manifest from '../../package.json' with { type: 'json' };

/** Put in by the bundler (esbuild's `define`); absent in a source tree. */
declare const K3C_BUILD_COMMIT: string | undefined;

/** Semantic version of k3c. */
export const version: string = manifest.version;

/** The version of k3c.v1 as docker writes API versions. */
export const apiVersion = '1.0';

/** Short hash of the commit that was built; `unknown` in a source tree. */
export const gitCommit: string = typeof K3C_BUILD_COMMIT === 'string' ? K3C_BUILD_COMMIT : 'unknown';
