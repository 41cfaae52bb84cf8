# bash completion for mp and the mp-* commands.  Options and verbs come from the commands' own usage.
# shellcheck shell=bash

_mp_options() { # COMMAND
	"$1" -h 2>/dev/null | grep -oE '(^|[[ |])-[A-Za-z]+' | tr -d '[ |\n-' | fold -w 1 |
		sort -u | sed 's/^/-/'
}

_mp_verbs() { # COMMAND
	case $1 in
	mp) "$1" help | sed -n 's/^    \([a-z]*\).*/\1/p' ;;
	mp-store) "$1" -h 2>/dev/null | sed 's/^usage: mp-store//' | tr '|' '\n' | awk '$1 ~ /^[a-z]+$/ { print $1 }' ;;
	mp-chat)
		"$1" -h 2>/dev/null | tr -d '|' | awk '{ sub(/^usage:/, ""); for (i = 2; i <= NF && $i ~ /^[a-z]+$/; i++) if ($i != "session" && $i != "user") print $i }' | sort -u
		;;
	mp-chatd | mp-contact | mp-file | mp-group | mp-intro | mp-mesh | mp-otr | mp-queue | mp-relay)
		"$1" -h 2>/dev/null | awk '{ sub(/^usage:/, ""); sub(/ \[-h\]/, ""); if ($2 ~ /^[a-z]+$/) print $2 }' | sort -u
		;;
	esac
}

_mp_groups() {
	mp-group list 2>/dev/null | cut -f 2,6 | sed -n 's/^group	//p' | sort -u
}

_mp_names() {
	mp-contact list 2>/dev/null | cut -f 3
}

_mp() {
	local command=${1##*/} word=$2 before=$3 words=

	COMPREPLY=()
	case $before in
	-t) words=$(_mp_names) ;;
	-g) words=$(_mp_groups) ;;
	-f | -x) ;;
	*)
		case $word in
		-*) words=$(_mp_options "$command") ;;
		*)
			if [ "$COMP_CWORD" -eq 1 ]; then
				words=$(_mp_verbs "$command")
			fi
			case $command:${COMP_WORDS[1]-} in
			mp-ping:*) words=$(_mp_names) ;;
			mp-contact:accept | mp-contact:offer | mp:accept | mp:offer) return ;;
			mp-intro:offer | mp:intro) words=$(_mp_names) ;;
			mp-group:* | mp:group)
				if [ "$COMP_CWORD" -eq 2 ]; then
					words=$(_mp_groups)
				elif [ "$COMP_CWORD" -gt 2 ]; then
					words=$(_mp_names)
				fi
				;;
			mp-contact:* | mp:send | mp:file | mp:ping)
				[ "$COMP_CWORD" -ne 2 ] || words=$(_mp_names)
				;;
			esac
			;;
		esac
		;;
	esac
	# The words are letters, digits, '.', '_' and '-' only.
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -o default -F _mp mp mp-chat mp-chatd mp-contact mp-due mp-file mp-group mp-inbox mp-intro mp-keygen mp-mark mp-mesh mp-open mp-otr mp-ping mp-queue \
	mp-recv mp-relay mp-room mp-seal mp-send mp-serve mp-show mp-store mp-take
