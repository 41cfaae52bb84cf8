/* Requests that wait for an answer: they hold no thread, and no place that a newcomer needs. */
#include <fcntl.h>

#include "net.h"
#include "tap.h"

#define WAIT "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
#define NOW "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
#define LONG (60 * MP_SECOND)
#define CROWD 200

static const struct server_route routes[] = {{"GET", "/wait", false}, {"GET", "/now", false}};
static atomic_int news;       /* what is waited for */
static atomic_int patience;   /* ms */
static atomic_uint asked;     /* requests to wait */
static atomic_bool hold_news; /* it comes while the request is being looked at */
static int wake[2];
static struct srv server;

static void come(void)
{
	atomic_fetch_add(&news, 1);
	if (write(wake[1], "x", 1) != 1)
		die("write");
}

static void answer(
    void *ctx, unsigned thread, const struct server_request *r, struct server_answer *a)
{
	int64_t wait = atomic_load(&patience);

	(void)ctx;
	(void)thread;
	a->status = 204;
	a->kept = true;
	if (strcmp(r->route->path, "/now") == 0)
		return;
	atomic_fetch_add(&asked, 1);
	if (atomic_load(&news) > 0 || r->waited >= wait) {
		a->status = 200;
		buf_adds(&a->reply, atomic_load(&news) > 0 ? "news" : "none");
		return;
	}
	/* The answer is "not yet" already, and only now something comes. */
	if (atomic_exchange(&hold_news, false)) {
		come();
		poll(NULL, 0, 200);
	}
	a->later = wait - r->waited;
}

static struct server_options options(void)
{
	return (struct server_options){.router = answer,
	    .routes = routes,
	    .n_routes = 2,
	    .media_type = "text/plain",
	    .body_max = 1024,
	    .wake_fd = wake[0],
	    .threads = 2,
	    .connections = 64};
}

static void begin(int64_t wait)
{
	char scratch[64];

	while (read(wake[0], scratch, sizeof(scratch)) > 0)
		;
	atomic_store(&news, 0);
	atomic_store(&asked, 0);
	atomic_store(&patience, (int)wait);
}

static void until_asked(unsigned n)
{
	while (atomic_load(&asked) < n)
		poll(NULL, 0, 5);
}

static int ask(int fd, const char *request)
{
	send_bytes(fd, request, strlen(request));
	return fd;
}

static const char *body(int fd)
{
	static char got[1024];
	char *at;

	receive_answer(fd, got, sizeof(got));
	at = strstr(got, "\r\n\r\n");
	return at == NULL ? "(nothing)" : at + 4;
}

static int status(int fd)
{
	char got[1024];

	receive_answer(fd, got, sizeof(got));
	return strncmp(got, "HTTP/1.1 ", 9) == 0 ? atoi(got + 9) : 0;
}

static void start(bool tls)
{
	struct server_options o = options();

	srv_start_options(&server, &o, tls);
}

static void test_listener(void)
{
	int fd[8], quick;

	begin(LONG);
	for (int i = 0; i < 8; i++)
		fd[i] = ask(connect_port(server.port), WAIT);
	until_asked(8);
	quick = connect_port(server.port);
	is_int(status(ask(quick, NOW)), 204, "eight wait, and two threads serve another");
	is_int(status(ask(quick, NOW)), 204, "... who is kept");
	come();
	for (int i = 0; i < 8; i++)
		is_str(body(fd[i]), "news", "who waited is told what came");
	begin(LONG);
	ask(fd[0], WAIT);
	until_asked(1);
	come();
	is_str(body(fd[0]), "news", "... and can wait again on his connection");
	begin(300);
	is_str(body(ask(fd[1], WAIT)), "none", "a wait ends without news");
	begin(LONG);
	atomic_store(&hold_news, true);
	is_str(body(ask(fd[2], WAIT)), "news",
	    "what comes while a request is looked at is not missed");
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	close(quick);
}

/* More of them than there are places. */
static void test_crowd(void)
{
	int fd[CROWD], quick, served = 0;

	begin(LONG);
	for (int i = 0; i < CROWD; i++)
		fd[i] = ask(connect_port(server.port), WAIT);
	for (int i = 0; i < 20; i++) {
		quick = connect_port(server.port);
		served += status(ask(quick, NOW)) == 204;
		close(quick);
	}
	is_int(served, 20, "two hundred who wait keep nobody out");
	for (int i = 0; i < CROWD; i++)
		close(fd[i]);
	begin(LONG);
	quick = connect_port(server.port);
	ask(quick, WAIT);
	until_asked(1);
	come();
	is_str(body(quick), "news", "... and when they have gone one can wait");
	close(quick);
}

static void test_stop(void)
{
	int fd[4], rc;

	begin(LONG);
	for (int i = 0; i < 4; i++)
		fd[i] = ask(connect_port(server.port), WAIT);
	until_asked(4);
	rc = srv_stop(&server);
	is_int(rc, 0, "a server with people who wait ends");
	for (int i = 0; i < 4; i++) {
		is_str(body(fd[i]), "none", "... and tells them");
		close(fd[i]);
	}
}

static void *serve_one(void *ctx)
{
	struct server_options o = options();
	int fd = (int)(intptr_t)ctx, rc = server_connection(fd, &o);

	close(fd);
	return (void *)(intptr_t)rc;
}

static void test_one(void)
{
	pthread_t thread;
	void *rc;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		die("socketpair");
	begin(LONG);
	pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd[1]);
	ask(fd[0], WAIT);
	until_asked(1);
	come();
	is_str(body(fd[0]), "news", "one connection: who waited is told");
	begin(300);
	is_str(body(ask(fd[0], WAIT)), "none", "... or that nothing came");
	is_int(status(ask(fd[0], NOW)), 204, "... and goes on");
	begin(LONG);
	ask(fd[0], WAIT);
	until_asked(1);
	close(fd[0]);
	pthread_join(thread, &rc);
	is_int((long)(intptr_t)rc, 0, "it ends when he goes while he waits");
}

int main(void)
{
	test_begin();
	if (pipe2(wake, O_NONBLOCK | O_CLOEXEC) != 0)
		die("pipe2");
	start(false);
	test_listener();
	test_crowd();
	test_stop();
	test_one();
	test_end();
	return done();
}
