# relay.sh: the rows of a relay, for run.sh.  Packets of 7,136 bytes, no two the same; a letter of 4 KiB fits in each.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # of run.sh and lib.sh
# shellcheck disable=SC2317 # called by name

nginx_server() { # sets $nginx; takes POST /packets, a file for each, and gives the answers in $T/nginx
	port=$(free_port)
	mkdir -p "$T/nginx/bodies"
	cat >"$T/nginx/conf" <<END
load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;
worker_processes auto;
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
pid $T/nginx/pid;
error_log $T/nginx/log error;
daemon off;
events { worker_connections 1024; }
http {
	access_log off;
	keepalive_requests 1000000000;
	client_max_body_size 1m;
	client_body_temp_path $T/nginx/bodies 1 2;
	proxy_temp_path $T/nginx/proxy;
	fastcgi_temp_path $T/nginx/fastcgi;
	scgi_temp_path $T/nginx/scgi;
	uwsgi_temp_path $T/nginx/uwsgi;
	default_type application/json;
	server {
		listen 127.0.0.1:$port ssl;
		ssl_certificate $T/relay/tls/cert.pem;
		ssl_certificate_key $T/relay/tls/key.pem;
		ssl_protocols TLSv1.3;
		location = /packets {
			client_body_in_file_only on;
			echo_read_request_body;
			echo -n '{}';
		}
		location = /challenge { alias $T/nginx/challenge; }
		location = /messages { alias $T/nginx/answer; }
	}
}
END
	start "$NGINX" -c "$T/nginx/conf" -e "$T/nginx/log"
	wait_for listens "$port" || bail "$(cat "$T/nginx/log")"
	nginx=127.0.0.1:$port
}

# When somebody is away who subscribed, what is published for him is queued.
#   changes   at each second change all that is queued is written to a file, which is synced and renamed
#   memory    as it comes: saved every half hour
mosquitto_server() { # changes|memory; sets $port
	port=$(free_port)
	rm -rf "$T/mosquitto"
	mkdir -p "$T/mosquitto"
	cat >"$T/mosquitto/conf" <<END
listener $port 127.0.0.1
certfile $T/relay/tls/cert.pem
keyfile $T/relay/tls/key.pem
tls_version tlsv1.3
allow_anonymous true
set_tcp_nodelay true
persistence true
persistence_location $T/mosquitto/
max_queued_messages 0
max_inflight_messages 0
log_type error
$([ "$(id -u)" -ne 0 ] || echo 'user root')
$([ "$1" = memory ] || printf 'autosave_on_changes true\nautosave_interval 1\n')
END
	start "$MOSQUITTO" -c "$T/mosquitto/conf" 2>"$T/mosquitto/log"
	mosquitto_pid=$pid
	wait_for listens "$port" || bail "$(cat "$T/mosquitto/log")"
}

load() { # MODE WHERE PARALLEL FILE: appends the requests a second
	"$TOOLS/bench-relay" "$1" "$(onion relay)" "$2" "$SECONDS_" "$3" "$T/person" >"$T/rate" || bail bench-relay
	awk '{ print $2 }' "$T/rate" >>"$4"
}

# Two servers in turn, RUNS times: $a and $b are their medians.
loads() { # MODE WHERE-A WHERE-B PARALLEL
	rm -f "$T/loads.a" "$T/loads.b"
	i=0
	while [ "$i" -lt "$RUNS" ]; do
		load "$1" "$2" "$4" "$T/loads.a"
		load "$1" "$3" "$4" "$T/loads.b"
		i=$((i + 1))
	done
	mv "$T/loads.a" "$T/took" && a=$(median)
	mv "$T/loads.b" "$T/took" && b=$(median)
}

# The same against a mosquitto that is started anew each time, for what it saves grows with what is queued.
publish() { # changes|memory
	rm -f "$T/loads.a" "$T/loads.b"
	i=0
	while [ "$i" -lt "$RUNS" ]; do
		load packets "$relay" 16 "$T/loads.a"
		mosquitto_server "$1"
		"$T/mqtt" 127.0.0.1 "$port" "$T/relay/tls/cert.pem" "$SECONDS_" 8 20 7136 >"$T/rate" || bail mqtt
		awk '{ print $2 }' "$T/rate" >>"$T/loads.b"
		kill "$mosquitto_pid"
		wait "$mosquitto_pid" 2>/dev/null
		i=$((i + 1))
	done
	mv "$T/loads.a" "$T/took" && a=$(median)
	mv "$T/loads.b" "$T/took" && b=$(median)
}

start_relay() { # sets $relay, and $under_socat for the same home
	start env MP_HOME="$T/relay" mp-relay -l 127.0.0.1:0 -r 7 7>"$T/ready"
	wait_for [ -s "$T/ready" ] || bail 'mp-relay does not listen'
	relay=$(sed 's/^ready //' "$T/ready")
	port=$(free_port)
	# shellcheck disable=SC2016 # for the inner shell
	start env MP_HOME="$T/relay" sh -c 'cd "$MP_HOME/tls" && exec socat -lf /dev/null \
		"OPENSSL-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork,nodelay,cert=cert.pem,key=key.pem,verify=0,openssl-min-proto-version=TLS1.3" \
		EXEC:mp-relay' sh "$port"
	wait_for listens "$port" || bail 'socat does not listen'
	under_socat=127.0.0.1:$port
}

mesh() {
	PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/tools/mesh.py" "$@"
}

# One packet waits for somebody; what nginx answers is what the relay does.
one_waits() {
	rm "$T/person"
	"$TOOLS/bench-relay" key "$T/person" || bail bench-relay
	mesh packet "$T/person" >"$T/packet"
	[ "$(mesh ask "$relay" POST /packets "$T/answer" "$T/packet")" = 204 ] || bail 'no packet'
	mesh ask "$relay" GET /challenge "$T/nginx/challenge" >"$T/status"
	[ "$(mesh fetch "$relay" "$T/person" "$(onion relay)" 0100000000000000 0 "$T/nginx")" = 200 ] || bail 'no answer'
	[ "$(jq '.packets | length' "$T/nginx/answer")" = 1 ] || bail 'not one packet'
}

bench_relay() {
	NGINX=$(PATH=$PATH:/usr/sbin command -v nginx) || bail 'bench needs nginx'
	MOSQUITTO=$(PATH=$PATH:/usr/sbin command -v mosquitto) || bail 'bench needs mosquitto'
	cc -std=c11 -D_GNU_SOURCE -O2 -pthread -o "$T/mqtt" "$ROOT/tests/bench/mqtt.c" -lmosquitto || bail 'bench needs libmosquitto'
	as relay mp-keygen >/dev/null || bail mp-keygen
	printf '%s\n' 'client.rate = 10000000' 'audit.every = 30d' >"$T/relay/relay.conf"
	"$TOOLS/bench-relay" key "$T/person" || bail bench-relay
	start_relay
	nginx_server
	loads packets "$relay" "$nginx" 16
	rate_row 'packets taken by mp-relay -l, each on disk before its answer, 16 kept connections; peer: nginx, each body in a file, never synced' '-'
	loads packets "$under_socat" "$nginx" 16
	rate_row 'the same under socat, a process for each connection' '-'
	loads each "$relay" "$nginx" 16
	rate_row 'the same with -l, each packet on a new connection, 16 at once' '-'
	loads each "$under_socat" "$nginx" 16
	rate_row 'the same under socat' '-'
	publish changes
	rate_row 'packets taken by mp-relay -l, each on disk before its answer, 16 at once; peer: mosquitto, QoS 1, TLS, 160 at once, all that is queued saved and synced at each second change, after the answer' '>= 1'
	publish memory
	rate_row 'the same; peer: mosquitto as it comes, nothing saved for half an hour' '-'
	one_waits
	loads fetches "$relay" "$nginx" 8
	rate_row 'fetches of one packet from mp-relay -l, each proof signed, checked and used once, 8 kept connections; peer: nginx, a file for the same requests, no proof checked' '-'
	loads fetches "$under_socat" "$nginx" 8
	rate_row 'the same under socat' '-'
}
