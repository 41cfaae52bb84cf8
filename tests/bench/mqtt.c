/*
 * mqtt HOST PORT CAFILE SECONDS CLIENTS WINDOW BYTES: that many publishers, a TLS connection and a
 * thread each, with WINDOW messages of QoS 1 under way at once, to a topic that somebody who is
 * away subscribed to.  Prints the acknowledged ones a second.  Built by run.sh, for libmosquitto is
 * needed by nothing else.
 */
#include <mosquitto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench"

static atomic_long acknowledged;
static atomic_int stopped, ready;
static char *payload;
static int bytes, window;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int rc, const char *what)
{
	if (rc == MOSQ_ERR_SUCCESS)
		return;
	fprintf(stderr, "mqtt: %s: %s\n", what, mosquitto_strerror(rc));
	exit(1);
}

static void on_publish(struct mosquitto *m, void *ctx, int id)
{
	(void)ctx;
	(void)id;
	atomic_fetch_add(&acknowledged, 1);
	if (!atomic_load(&stopped))
		check(mosquitto_publish(m, NULL, TOPIC, bytes, payload, 1, false), "publish");
}

static void on_connect(struct mosquitto *m, void *ctx, int rc)
{
	(void)m;
	(void)ctx;
	check(rc, "connect");
	atomic_fetch_add(&ready, 1);
}

static void on_subscribe(struct mosquitto *m, void *ctx, int id, int n, const int *qos)
{
	(void)m;
	(void)ctx;
	(void)id;
	(void)n;
	(void)qos;
	atomic_fetch_add(&ready, 1);
}

static struct mosquitto *client(const char *name, char **arg)
{
	struct mosquitto *m = mosquitto_new(name, false, NULL);

	if (m == NULL) {
		perror("mqtt");
		exit(1);
	}
	check(mosquitto_tls_set(m, arg[3], NULL, NULL, NULL, NULL), "tls");
	check(mosquitto_tls_opts_set(m, 1, "tlsv1.3", NULL), "tls");
	check(mosquitto_tls_insecure_set(m, true), "tls");
	check(mosquitto_max_inflight_messages_set(m, (unsigned)window), "window");
	mosquitto_connect_callback_set(m, on_connect);
	mosquitto_subscribe_callback_set(m, on_subscribe);
	mosquitto_publish_callback_set(m, on_publish);
	check(mosquitto_connect(m, arg[1], atoi(arg[2]), 600), "connect");
	check(mosquitto_loop_start(m), "loop");
	return m;
}

static void await(int n)
{
	struct timespec t = {.tv_nsec = 5000000};

	while (atomic_load(&ready) < n)
		nanosleep(&t, NULL);
}

/* Whoever is away has a session, so that what is published for him is kept. */
static void subscribe(char **arg)
{
	struct mosquitto *m = client("reader", arg);

	await(1);
	check(mosquitto_subscribe(m, NULL, TOPIC, 1), "subscribe");
	await(2);
	check(mosquitto_disconnect(m), "disconnect");
	check(mosquitto_loop_stop(m, false), "loop");
	mosquitto_destroy(m);
	atomic_store(&ready, 0);
}

int main(int argc, char **arg)
{
	struct timespec t = {.tv_nsec = 20000000};
	struct mosquitto *m[64];
	char name[32];
	double began, end;
	long n;
	int clients;

	if (argc != 8 || (clients = atoi(arg[5])) < 1 || clients > 64)
		return 100;
	window = atoi(arg[6]);
	bytes = atoi(arg[7]);
	payload = malloc((size_t)bytes);
	memset(payload, 'x', (size_t)bytes);
	mosquitto_lib_init();
	subscribe(arg);
	for (int i = 0; i < clients; i++) {
		snprintf(name, sizeof(name), "writer%d", i);
		m[i] = client(name, arg);
	}
	await(clients);
	began = now();
	end = began + atof(arg[4]);
	for (int i = 0; i < clients; i++)
		for (int k = 0; k < window; k++)
			check(mosquitto_publish(m[i], NULL, TOPIC, bytes, payload, 1, false),
			    "publish");
	while (now() < end)
		nanosleep(&t, NULL);
	n = atomic_load(&acknowledged);
	atomic_store(&stopped, 1);
	printf("published %.0f messages/s\n", (double)n / (now() - began));
	fflush(stdout);
	_Exit(0);
}
