/** The one ordered list of commands. Nothing of a command is loaded before it is the one to run. */
import type { CommandEntry } from './command.ts';
import type { Group } from './help.ts';

/** The nouns of the longer forms: `k3c container ls`. */
export const groups: readonly Group[] = [
  { name: 'builder', summary: 'Manage builds' },
  { name: 'container', summary: 'Manage containers' },
  { name: 'image', summary: 'Manage images' },
  { name: 'network', summary: 'Manage networks' },
  { name: 'system', summary: 'Manage k3c' },
  { name: 'volume', summary: 'Manage volumes' },
];

export const commands: readonly CommandEntry[] = [
  {
    words: ['run', 'container run'],
    summary: 'Create and run a new container from an image',
    completes: ['image', 'file'],
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    words: ['create', 'container create'],
    summary: 'Create a new container',
    completes: ['image', 'file'],
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    words: ['start', 'container start'],
    summary: 'Start one or more stopped containers',
    completes: ['stopped'],
    load: async () => (await import('./commands/start.ts')).start,
  },
  {
    words: ['stop', 'container stop'],
    summary: 'Stop one or more running containers',
    completes: ['running'],
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  {
    words: ['restart', 'container restart'],
    summary: 'Restart one or more containers',
    completes: ['container'],
    load: async () => (await import('./commands/restart.ts')).restart,
  },
  {
    words: ['kill', 'container kill'],
    summary: 'Kill one or more running containers',
    completes: ['running'],
    load: async () => (await import('./commands/kill.ts')).kill,
  },
  {
    words: ['pause', 'container pause'],
    summary: 'Pause all processes within one or more containers',
    completes: ['running'],
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  {
    words: ['unpause', 'container unpause'],
    summary: 'Unpause all processes within one or more containers',
    completes: ['container'],
    load: async () => (await import('./commands/pause.ts')).unpause,
  },
  {
    words: ['rename', 'container rename'],
    summary: 'Rename a container',
    completes: ['container', 'none'],
    load: async () => (await import('./commands/rename.ts')).rename,
  },
  {
    words: ['update', 'container update'],
    summary: 'Update configuration of one or more containers',
    completes: ['container'],
    load: async () => (await import('./commands/update.ts')).update,
  },
  {
    words: ['cp', 'container cp'],
    summary: 'Copy files/folders between a container and the local filesystem',
    completes: ['container'],
    load: async (roles) => (await import('./commands/cp.ts')).cpCommand(roles),
  },
  {
    words: ['export', 'container export'],
    summary: "Export a container's filesystem as a tar archive",
    completes: ['container'],
    load: async () => (await import('./commands/export.ts')).exportContainer,
  },
  {
    words: ['diff', 'container diff'],
    summary: "Inspect changes to files or directories on a container's filesystem",
    completes: ['container'],
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    words: ['commit', 'container commit'],
    summary: "Create a new image from a container's changes",
    completes: ['container'],
    load: async () => (await import('./commands/commit.ts')).commit,
  },
  {
    words: ['rm', 'container rm', 'container remove'],
    summary: 'Remove one or more containers',
    completes: ['container'],
    load: async () => (await import('./commands/rm.ts')).rm,
  },
  {
    words: ['wait', 'container wait'],
    summary: 'Block until one or more containers stop, then print their exit codes',
    completes: ['container'],
    load: async () => (await import('./commands/wait.ts')).wait,
  },
  {
    words: ['ps', 'container ls', 'container list', 'container ps'],
    summary: 'List containers',
    load: async () => (await import('./commands/ps.ts')).ps,
  },
  {
    words: ['container prune'],
    summary: 'Remove all stopped containers',
    load: async () => (await import('./commands/container-prune.ts')).containerPrune,
  },
  {
    words: ['stats', 'container stats'],
    summary: 'Display a live stream of container(s) resource usage statistics',
    completes: ['running'],
    load: async () => (await import('./commands/stats.ts')).stats,
  },
  {
    words: ['top', 'container top'],
    summary: 'Display the running processes of a container',
    completes: ['running', 'none'],
    load: async () => (await import('./commands/top.ts')).top,
  },
  {
    words: ['port', 'container port'],
    summary: 'List port mappings or a specific mapping for the container',
    completes: ['running', 'none'],
    load: async () => (await import('./commands/port.ts')).port,
  },
  {
    words: ['logs', 'container logs'],
    summary: 'Fetch the logs of a container',
    completes: ['container', 'none'],
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    words: ['exec', 'container exec'],
    summary: 'Execute a command in a running container',
    completes: ['running', 'file'],
    load: async () => (await import('./commands/exec.ts')).exec,
  },
  {
    words: ['attach', 'container attach'],
    summary: 'Attach local standard input, output, and error streams to a running container',
    completes: ['running', 'none'],
    load: async () => (await import('./commands/attach.ts')).attach,
  },
  {
    words: ['inspect'],
    summary: 'Return low-level information on k3c objects',
    completes: ['container'],
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    words: ['container inspect'],
    summary: 'Display detailed information on one or more containers',
    completes: ['container'],
    load: async () => (await import('./commands/inspect.ts')).inspectContainer,
  },
  {
    words: ['build', 'image build', 'builder build'],
    summary: 'Build an image from a Dockerfile',
    completes: ['file'],
    load: async () => (await import('./commands/build.ts')).build,
  },
  {
    words: ['pull', 'image pull'],
    summary: 'Download an image from a registry',
    completes: ['image'],
    load: async () => (await import('./commands/pull.ts')).pull,
  },
  {
    words: ['push', 'image push'],
    summary: 'Upload an image to a registry',
    completes: ['image'],
    load: async () => (await import('./commands/push.ts')).push,
  },
  {
    words: ['images', 'image ls', 'image list'],
    summary: 'List images',
    load: async () => (await import('./commands/images.ts')).images,
  },
  {
    words: ['rmi', 'image rm', 'image remove'],
    summary: 'Remove one or more images',
    completes: ['image'],
    load: async () => (await import('./commands/rmi.ts')).rmi,
  },
  {
    words: ['tag', 'image tag'],
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    completes: ['image', 'image', 'none'],
    load: async () => (await import('./commands/tag.ts')).tag,
  },
  {
    words: ['history', 'image history'],
    summary: 'Show the history of an image',
    completes: ['image', 'none'],
    load: async () => (await import('./commands/history.ts')).history,
  },
  {
    words: ['save', 'image save'],
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    completes: ['image'],
    load: async () => (await import('./commands/save.ts')).save,
  },
  {
    words: ['load', 'image load'],
    summary: 'Load an image from a tar archive or STDIN',
    completes: ['none'],
    load: async () => (await import('./commands/load.ts')).load,
  },
  {
    words: ['import', 'image import'],
    summary: 'Import the contents from a tarball to create a filesystem image',
    completes: ['file', 'none'],
    load: async () => (await import('./commands/import.ts')).importImage,
  },
  {
    words: ['image prune'],
    summary: 'Remove unused images',
    load: async () => (await import('./commands/image-prune.ts')).imagePrune,
  },
  {
    words: ['builder prune'],
    summary: 'Remove build cache',
    load: async () => (await import('./commands/builder-prune.ts')).builderPrune,
  },
  {
    words: ['builder du'],
    summary: 'Show what the build cache takes up on disk',
    load: async () => (await import('./commands/builder-du.ts')).builderDu,
  },
  {
    words: ['system df'],
    summary: 'Show disk usage of k3c',
    load: async () => (await import('./commands/system-df.ts')).systemDf,
  },
  {
    words: ['system prune'],
    summary: 'Remove unused data',
    load: async () => (await import('./commands/system-prune.ts')).systemPrune,
  },
  {
    words: ['image inspect'],
    summary: 'Display detailed information on one or more images',
    completes: ['image'],
    load: async () => (await import('./commands/inspect.ts')).inspectImage,
  },
  {
    words: ['network create'],
    summary: 'Create a network',
    load: async () => (await import('./commands/network.ts')).networkCreate,
  },
  {
    words: ['network ls', 'network list'],
    summary: 'List networks',
    load: async () => (await import('./commands/network.ts')).networkLs,
  },
  {
    words: ['network inspect'],
    summary: 'Display detailed information on one or more networks',
    completes: ['network'],
    load: async () => (await import('./commands/inspect.ts')).inspectNetwork,
  },
  {
    words: ['network connect'],
    summary: 'Connect a container to a network',
    completes: ['network', 'container', 'none'],
    load: async () => (await import('./commands/network-connect.ts')).networkConnect,
  },
  {
    words: ['network disconnect'],
    summary: 'Disconnect a container from a network',
    completes: ['network', 'container', 'none'],
    load: async () => (await import('./commands/network-connect.ts')).networkDisconnect,
  },
  {
    words: ['network rm', 'network remove'],
    summary: 'Remove one or more networks',
    completes: ['network'],
    load: async () => (await import('./commands/network.ts')).networkRm,
  },
  {
    words: ['network prune'],
    summary: 'Remove all unused networks',
    load: async () => (await import('./commands/network.ts')).networkPrune,
  },
  {
    words: ['volume create'],
    summary: 'Create a volume',
    load: async () => (await import('./commands/volume.ts')).volumeCreate,
  },
  {
    words: ['volume ls', 'volume list'],
    summary: 'List volumes',
    load: async () => (await import('./commands/volume.ts')).volumeLs,
  },
  {
    words: ['volume inspect'],
    summary: 'Display detailed information on one or more volumes',
    completes: ['volume'],
    load: async () => (await import('./commands/inspect.ts')).inspectVolume,
  },
  {
    words: ['volume rm', 'volume remove'],
    summary: 'Remove one or more volumes',
    completes: ['volume'],
    load: async () => (await import('./commands/volume.ts')).volumeRm,
  },
  {
    words: ['volume prune'],
    summary: 'Remove unused local volumes',
    load: async () => (await import('./commands/volume.ts')).volumePrune,
  },
  {
    words: ['login'],
    summary: 'Log in to a registry',
    load: async () => (await import('./commands/login.ts')).login,
  },
  {
    words: ['logout'],
    summary: 'Log out from a registry',
    load: async () => (await import('./commands/logout.ts')).logout,
  },
  {
    words: ['events', 'system events'],
    summary: 'Get real time events from the server',
    load: async () => (await import('./commands/events.ts')).events,
  },
  {
    words: ['info', 'system info'],
    summary: 'Display system-wide information',
    load: async () => (await import('./commands/info.ts')).info,
  },
  {
    words: ['version'],
    summary: 'Show the k3c version information',
    load: async () => (await import('./commands/version.ts')).version,
  },
  {
    words: ['daemon'],
    summary: 'Run the k3c daemon',
    load: async (roles) => (await import('./commands/daemon.ts')).daemonCommand(roles),
  },
  {
    words: ['completion'],
    summary: 'Print the completion script of a shell: bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    words: ['__complete'],
    summary: 'What the completion scripts ask',
    hidden: true,
    load: async (roles) =>
      (await import('./commands/completion.ts')).completeCommand({ list: commands, groups, roles }),
  },
];
