#!/bin/sh
# Installs k3c: the binary, the group k3c, and a service for systemd or OpenRC.
#
#   curl -fsSL URL/install.sh | K3C_URL=URL sh -s
#   curl -fsSL URL/install.sh | sh -s -- --uninstall [--purge]
#
# Installing again upgrades: the daemon is restarted, containers keep running.
# --uninstall removes what was installed; containers, images and volumes stay. --purge removes them too.
#
# Environment:
#   K3C_URL         the folder that holds k3c and k3c.sha256: https://…, http://… or file://…
#   K3C_SHA256      the checksum to demand, instead of the one in k3c.sha256
#   K3C_BIN_DIR     where the binary goes (default /usr/local/bin)
#   K3C_INIT        systemd, openrc or none (default: what runs here)
#   K3C_SKIP_START  1: install the service, do not start it
#   K3C_PREFIX      put all files below this directory and touch no running system (for packages and tests)
#
# Everything is in functions, called in the last line: a download that is cut short does nothing.
set -eu

say() { echo "k3c: $*"; }
fail() {
  echo "k3c: $*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

settings() {
  prefix=${K3C_PREFIX:-}
  prefix=${prefix%/}
  bin_dir=${K3C_BIN_DIR:-/usr/local/bin}
  binary=$bin_dir/k3c
  unit=/etc/systemd/system/k3c.service
  script=/etc/init.d/k3c
  init=${K3C_INIT:-$(detect_init)}
  case $init in systemd | openrc | none) ;; *) fail "K3C_INIT is '$init': use systemd, openrc or none" ;; esac
  # With a prefix the running system is left alone.
  if [ -n "$prefix" ]; then live=false; else live=true; fi
}

detect_init() {
  if [ -d /run/systemd/system ]; then
    echo systemd
  elif [ -x /sbin/openrc-run ]; then
    echo openrc
  else
    echo none
  fi
}

check_machine() {
  [ "$(uname -s)" = Linux ] || fail "k3c runs on Linux, this is $(uname -s)"
  case $(uname -m) in x86_64 | amd64) ;; *) fail "k3c is built for x86-64, this machine is $(uname -m)" ;; esac
  if [ "$live" = true ] && [ "$(id -u)" != 0 ]; then fail 'run this as root (sudo sh -s …)'; fi
}

# fetch NAME TARGET
fetch() {
  case $K3C_URL in
    file://*) cp "${K3C_URL#file://}/$1" "$2" || fail "cannot read $K3C_URL/$1" ;;
    http://* | https://*)
      if have curl; then
        curl -fsSL --retry 3 -o "$2" "$K3C_URL/$1" || fail "cannot download $K3C_URL/$1"
      elif have wget; then
        wget -q -O "$2" "$K3C_URL/$1" || fail "cannot download $K3C_URL/$1"
      else
        fail 'install curl or wget first'
      fi
      ;;
    *) fail "K3C_URL is '$K3C_URL': it must begin with https://, http:// or file://" ;;
  esac
}

sha256_of() {
  if have sha256sum; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif have openssl; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else
    fail 'install sha256sum or openssl first: a download is not used unchecked'
  fi
}

# Fetches, checks and tries the binary, and only then puts it in its place in one rename.
install_binary() {
  K3C_URL=${K3C_URL:-}
  [ -n "$K3C_URL" ] || fail 'set K3C_URL to the folder that holds k3c and k3c.sha256'
  K3C_URL=${K3C_URL%/}
  mkdir -p "$prefix$bin_dir"
  new=$prefix$bin_dir/.k3c.new.$$
  sums=$new.sha256
  trap 'rm -f "$new" "$sums"' EXIT
  trap 'exit 1' HUP INT TERM
  expected=${K3C_SHA256:-}
  if [ -z "$expected" ]; then
    fetch k3c.sha256 "$sums"
    expected=$(cut -d ' ' -f 1 "$sums")
  fi
  case $expected in
    *[!0-9a-f]* | '') fail "the checksum '$expected' is none" ;;
  esac
  fetch k3c "$new"
  found=$(sha256_of "$new")
  [ "$found" = "$expected" ] || fail "the download is damaged: its SHA-256 is $found, expected $expected; nothing was changed"
  chmod 755 "$new"
  version=$("$new" --version) || fail 'the downloaded k3c does not run here; nothing was changed'
  mv -f "$new" "$prefix$binary"
  say "$version in $prefix$binary"
}

install_group() {
  [ "$live" = true ] || return 0
  if grep -q '^k3c:' /etc/group; then return 0; fi
  if have groupadd; then
    groupadd --system k3c
  elif have addgroup; then
    addgroup -S k3c
  else
    say 'no groupadd here: without the group k3c only root may use the daemon'
    return 0
  fi
  say 'made the group k3c: its members may use the daemon, which makes them as powerful as root'
}

# KillMode=process and Delegate: shims live in this unit's cgroup and outlive the daemon.
systemd_unit() {
  cat <<UNIT
[Unit]
Description=k3c: containers, images and builds
After=network-online.target firewalld.service
Wants=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/k3c
ExecStart=$binary daemon
Delegate=yes
KillMode=process
Restart=always
RestartSec=2
TimeoutStartSec=0
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
UNIT
}

openrc_script() {
  cat <<SCRIPT
#!/sbin/openrc-run
name=k3c
description="k3c: containers, images and builds"
supervisor=supervise-daemon
command=$binary
command_args=daemon
output_log=/var/log/k3c.log
error_log=/var/log/k3c.log
respawn_delay=2
respawn_max=0
rc_ulimit="-n 1048576 -u unlimited -c unlimited"
# Containers outlive the daemon: stopping it must not empty its cgroup.
rc_cgroup_cleanup=no

depend() {
  need localmount cgroups
  use net
  after firewall
}

start_pre() {
  if [ -f /etc/default/k3c ]; then set -a && . /etc/default/k3c && set +a; fi
}
SCRIPT
}

# put FILE MODE: standard input becomes the file, in one rename.
put() {
  mkdir -p "$(dirname "$prefix$1")"
  cat >"$prefix$1.new"
  chmod "$2" "$prefix$1.new"
  mv -f "$prefix$1.new" "$prefix$1"
}

start_service() {
  case $init in
    systemd)
      systemctl daemon-reload
      systemctl enable k3c.service
      [ "${K3C_SKIP_START:-}" = 1 ] || systemctl restart k3c.service
      ;;
    openrc)
      rc-update add k3c default
      [ "${K3C_SKIP_START:-}" = 1 ] || rc-service k3c restart
      ;;
    none) ;;
  esac
}

install_service() {
  mkdir -p "$prefix/etc/k3c"
  case $init in
    systemd) systemd_unit | put "$unit" 644 ;;
    openrc) openrc_script | put "$script" 755 ;;
    none) say "no systemd and no OpenRC here: start it with '$binary daemon'" ;;
  esac
  [ "$live" = true ] || return 0
  start_service
}

stop_service() {
  if have systemctl && [ -f "$unit" ]; then systemctl disable --now k3c.service || say 'systemctl could not stop k3c'; fi
  if have rc-service && [ -f "$script" ]; then
    rc-service k3c stop || say 'rc-service could not stop k3c'
    rc-update del k3c default
  fi
}

# Ends what runs from our own engine (shims), what runs in our own cgroups (the containers, which outlive a killed shim), and
# takes the mounts away.
purge_running() {
  for process in /proc/[0-9]*; do
    case $(readlink "$process/exe" 2>/dev/null || true) in
      /var/lib/k3c/engine/*) kill -9 "${process#/proc/}" 2>/dev/null || true ;;
    esac
    if grep -qE ':/k3c(\.slice)?/' "$process/cgroup" 2>/dev/null; then kill -9 "${process#/proc/}" 2>/dev/null || true; fi
  done
  # The last mounts first: they may lie in earlier ones.
  awk '$2 ~ "^/(run|var/lib)/k3c/" { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount -l "$mount"; done
}

uninstall() {
  if [ "$live" = true ]; then
    if [ "$1" = purge ] && [ -x "$binary" ]; then
      # The daemon takes down networks and addresses with the containers; without one there are none to take down.
      all=$("$binary" ps -aq 2>/dev/null) || all=
      # shellcheck disable=SC2086
      [ -z "$all" ] || "$binary" rm -f $all >/dev/null || say 'some containers could not be removed'
    fi
    stop_service
    [ "$1" != purge ] || purge_running
  fi
  rm -f "$prefix$unit" "$prefix$script" "$prefix$binary"
  rm -rf "$prefix/var/lib/k3c/rt"
  if [ "$live" = true ] && have systemctl; then systemctl daemon-reload; fi
  if [ "$1" = purge ]; then
    rm -rf "$prefix/var/lib/k3c" "$prefix/run/k3c" "$prefix/etc/k3c" "$prefix/etc/default/k3c"
    say 'removed, with all containers, images and volumes'
  else
    say "removed; images, volumes and settings stay in $prefix/var/lib/k3c and $prefix/etc/k3c (--purge removes them)"
  fi
}

main() {
  action=install
  purge=keep
  for argument in "$@"; do
    case $argument in
      --uninstall) action=uninstall ;;
      --purge) purge=purge ;;
      *) fail "unknown argument $argument: use --uninstall and --purge, or none to install" ;;
    esac
  done
  settings
  check_machine
  if [ "$action" = uninstall ]; then
    uninstall "$purge"
    return
  fi
  [ "$purge" = keep ] || fail '--purge goes with --uninstall'
  install_binary
  install_group
  install_service
  say 'done'
}

main "$@"
