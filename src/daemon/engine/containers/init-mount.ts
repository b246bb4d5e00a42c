/** Where the init of --init appears in a container, under docker's name. */
export const INIT_MOUNT = '/sbin/docker-init';
