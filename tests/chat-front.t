#!/bin/sh
# The terminal front of session chat in two panes of tmux: what is said shows in the upper one, what is typed in the lower one
# goes out, and ^D ends both.
# shellcheck disable=SC2154 # of lib.sh and chat.sh
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/chat.sh"

command -v tmux >/dev/null || skip_all 'tmux is not installed'
chat_server
chat_user alice
chat_user bob
chat_session alice bob

unset TMUX
TMUX_TMPDIR=$T
export TMUX_TMPDIR
trap 'tmux kill-server 2>/dev/null; cleanup' EXIT
tmux -f /dev/null new-session -d -s chat -x 100 -y 24 \
	"MP_HOME='$T/bob' sh '$ROOT/share/examples/chat' '$sid' 2>'$T/front.err'" || bail 'tmux does not start'

panes() { # N: are there so many?
	[ "$(tmux list-panes -t chat 2>/dev/null | wc -l)" -eq "$1" ]
}
shows() { # PANE TEXT
	tmux capture-pane -p -t "chat:0.$1" | grep -q "$2"
}
alice_hears() { # TEXT
	as alice mp-chat talk "$sid" </dev/null >>"$T/heard"
	grep -q "$1" "$T/heard"
}
ok 'two panes' wait_for panes 2
echo 'seen from afar' | as alice mp-chat talk -l "$sid" >/dev/null
ok 'what alice says is in the upper pane' wait_for shows 0 'alice.*seen from afar'
ok 'and not in the lower one' [ -z "$(tmux capture-pane -p -t chat:0.1 | grep 'seen from afar')" ]
tmux send-keys -t chat:0.1 'typed with care' Enter
ok 'what is typed in the lower one arrives' wait_for alice_hears 'typed with care'
printf '\033]0;evil\007 clean\n' | as alice mp-chat talk -l "$sid" >/dev/null
ok 'control bytes of another reach no terminal' wait_for shows 0 '033.*clean'
is 'nor its title' "$(tmux display-message -p -t chat:0.0 '#{pane_title}' | grep -c evil)" 0
tmux send-keys -t chat:0.1 C-d
ok '^D ends it' wait_for panes 0
is 'without a word of error' "$(cat "$T/front.err")" ''
finish
