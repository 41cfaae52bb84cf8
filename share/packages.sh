# packages.sh: what building, the demo and the tests need, and how it is got.  Sourced by demo.sh and
# check.sh; the one list.  Not installed.
# shellcheck shell=sh

# purpose, Debian package, how to see that it is there: a command, a pkg-config module or a C header.
packages_list() {
	cat <<-'END'
		build gcc command:cc
		build libc6-dev header:stdlib.h
		build make command:make
		build pkg-config command:pkg-config
		build libsodium-dev module:libsodium
		build libssl-dev module:libcrypto
		build libsqlite3-dev module:sqlite3
		build libjansson-dev module:jansson
		build libcurl4-openssl-dev module:libcurl
		build libmicrohttpd-dev module:libmicrohttpd
		build libevent-dev module:libevent_core
		run socat command:socat
		check bash command:bash
		check busybox command:busybox
		check curl command:curl
		check dash command:dash
		check jq command:jq
		check mandoc command:mandoc
		check mblaze command:mdeliver
		check notmuch command:notmuch
		check openssl command:openssl
		check perl command:prove
		check procps command:ps
		check python3 command:python3
		check qrencode command:qrencode
		check sqlite3 command:sqlite3
		check strace command:strace
		check tmux command:tmux
		check tor command:tor
		check zbar-tools command:zbarimg
		check zsh command:zsh
		bench age command:age
		bench libmosquitto-dev header:mosquitto.h
		bench libnginx-mod-http-echo command:nginx
		bench mosquitto command:mosquitto
		bench nginx-light command:nginx
		bench ngircd command:ngircd
	END
}

package_here() { # PROBE
	case $1 in
	command:*) command -v "${1#*:}" >/dev/null || PATH=$PATH:/usr/sbin command -v "${1#*:}" >/dev/null ;;
	module:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
	header:*) printf '#include <%s>\n' "${1#*:}" | cc -E -x c - >/dev/null 2>&1 ;;
	esac
}

packages_missing() { # PURPOSE ...
	packages_list | while read -r purpose package probe; do
		for wanted in "$@"; do
			[ "$purpose" = "$wanted" ] || continue
			package_here "$probe" || printf '%s\n' "$package"
		done
	done
}

# As root, or with sudo when that asks no password.
packages_as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# Installs what is missing, or says what is and exits 100.
packages_need() { # PURPOSE ...
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	why=
	if [ "${MP_NO_INSTALL:-}" = 1 ]; then
		why='MP_NO_INSTALL=1 forbids to install'
	elif ! command -v apt-get >/dev/null; then
		why='there is no apt-get here'
	elif [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
		why='neither root nor sudo without a password'
	fi
	if [ -n "$why" ]; then
		printf 'missing: %s(%s). Install them, on Debian as root:\n' "$missing" "$why" >&2
		printf '    apt-get install %s\n' "${missing% }" >&2
		exit 100
	fi
	printf 'installing with apt-get: %s\n' "${missing% }"
	packages_as_root apt-get -qq update ||
		printf 'apt-get update failed; trying with the lists as they are\n' >&2
	# shellcheck disable=SC2086 # a list
	packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 \
		-o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing >/dev/null || {
		printf 'apt-get could not install: %s\n' "${missing% }" >&2
		exit 100
	}
	missing=$(packages_missing "$@" | tr '\n' ' ')
	if [ -n "$missing" ]; then
		printf 'installed, but still not to be found: %s\n' "${missing% }" >&2
		exit 100
	fi
}
