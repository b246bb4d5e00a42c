#!/bin/sh
# Makes a fresh Debian machine ready: the packages that build and test k3c, and the npm dependencies (Node 26 among them).
# Does nothing, in milliseconds, when everything is there. Runs as root, since builds and tests need root anyway.
set -eu
cd "$(dirname "$0")/.."

need() { # need PACKAGE FILE: FILE tells whether PACKAGE is installed
  [ -e "$2" ] || missing="${missing:-} $1"
}
missing=
need musl-tools /usr/bin/musl-gcc
need libzstd-dev /usr/lib/x86_64-linux-gnu/libzstd.a
need libseccomp-dev /usr/lib/x86_64-linux-gnu/libseccomp.a
need linux-libc-dev /usr/include/linux/netlink.h
need gcc /usr/bin/gcc
# cgo links runc statically; gcc only recommends it.
need libc6-dev /usr/lib/x86_64-linux-gnu/libc.a
need ca-certificates /etc/ssl/certs/ca-certificates.crt
need pkg-config /usr/bin/pkg-config
need binutils /usr/bin/strip
need patchelf /usr/bin/patchelf
need zstd /usr/bin/zstd
need file /usr/bin/file
need debootstrap /usr/sbin/debootstrap
need busybox-static /bin/busybox
need docker-registry /usr/bin/docker-registry
need apache2-utils /usr/bin/htpasswd
need iproute2 /usr/sbin/ip
need procps /usr/bin/pgrep
need iptables /usr/sbin/iptables
need nftables /usr/sbin/nft
need tmux /usr/bin/tmux
need openssl /usr/bin/openssl
need curl /usr/bin/curl
if [ -n "$missing" ]; then
  echo "setup: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # No service may start by itself: tests run their own registry on their own port. A policy of the machine's own stays.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
  fi
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! cmp -s package-lock.json node_modules/.k3c-lock; then
  echo 'setup: installing npm packages'
  # Not `npm ci`: it refuses a lock file that lacks packages for other systems, and a registry need not serve those. The lock
  # file's versions and digests hold all the same. Install scripts are not needed: every tool ships its binary in its package.
  npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.k3c-lock
fi
